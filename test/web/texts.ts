import { readFileSync } from 'node:fs'
import type { Messages } from '../../src/admin/web/messages/dashboard-texts.js'

/** Texts of the dashboard in a language: `en`, `fr` ... */
export const textsIn = (language: string): Messages =>
  JSON.parse(readFileSync(`src/admin/web/messages/${language}.json`, 'utf8')) as Messages
