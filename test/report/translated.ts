import type { Test } from 'tap'
import type { Report } from '../../src/analysis/report/report.js'
import { Formatter } from '../../src/admin/web/locale-format.js'
import { textsIn } from '../web/texts.js'
import { factLabel, reportText } from '../../src/admin/web/translate-report.js'
import type { Say } from '../../src/admin/web/sentences.js'
import { translate } from '../../src/admin/web/translate.js'

const fr = textsIn('fr')

const say: Say = (key, values) => translate(fr, 'fr', key, values)

/** As the dashboard shows a text of a report in French. */
export const inFrench = (text: string): string =>
  reportText(text, say, new Formatter('fr', 'UTC')).replaceAll(/\s/gu, ' ')

const ENGLISH = /\b(the|of|to|from|until|blocked|monitored|allowed|before|days|lookups?|now)\b/i

/** The dashboard says title, facts, headline figures and remarks of a report in other languages. */
export function assertTranslated(t: Test, { title, facts, tiles = [], remarks }: Report): void {
  const shown = facts.filter(([label]) => factLabel(label, say) !== undefined)
  for (const text of [title, ...shown.map(([, text]) => text!), ...remarks])
    t.notMatch(inFrench(text), new RegExp(`[{}]|${ENGLISH.source}`, 'i'), text)
  for (const { key } of tiles) t.ok(`reportTile.${key}` in fr, key)
}
