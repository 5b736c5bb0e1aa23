import { createHash } from 'node:crypto'
import { readFileSync, readdirSync, statSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import * as z from 'zod'
import type { ScheduledReport } from '../settings/report-config.js'

/** What is known of a stored report: the file beside its page. Times are RFC 3339. */
export const storedReportSchema = z.object({
  name: z.string().describe('Name of the file of the page'),
  report: z.string().describe('Name of the scheduled report'),
  title: z.string(),
  since: z.string().nullable().describe('Start of the period; null: the whole log'),
  until: z.string().nullable().describe('End of the period'),
  created: z.string(),
  bytes: z.int()
})
export type StoredReport = z.output<typeof storedReportSchema>

/** Names of pages. They are given by clients of the API: nothing of a path is allowed. */
export const STORED_NAME = /^[a-z0-9][a-z0-9-]{0,150}\.html$/

/** The suffix of what is known of a page. */
export const ABOUT = '.about.json'

const foldersOf = (reports: readonly ScheduledReport[]): string[] => [
  ...new Set(reports.map(({ folder }) => folder))
]

/** The stored reports, the latest first. What is missing or invalid is left out. */
export function listStoredReports(reports: readonly ScheduledReport[]): StoredReport[] {
  const found = foldersOf(reports).flatMap(folder =>
    namesIn(folder).flatMap(name => aboutOf(folder, name))
  )
  return found.sort((a, b) => (a.created < b.created ? 1 : a.created > b.created ? -1 : 0))
}

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder).filter(name => STORED_NAME.test(name))
  } catch {
    return []
  }
}

function aboutOf(folder: string, name: string): StoredReport[] {
  try {
    const about: unknown = JSON.parse(readFileSync(join(folder, `${name}${ABOUT}`), 'utf8'))
    const { size: bytes } = statSync(join(folder, name))
    return [storedReportSchema.parse({ ...(about as object), name, bytes })]
  } catch {
    return []
  }
}

/** A page, and the content security policy that allows its style sheet and nothing else. */
export interface StoredPage {
  readonly html: string
  readonly policy: string
}

/** @returns undefined: there is none of this name */
export async function readStoredReport(
  reports: readonly ScheduledReport[],
  name: string
): Promise<StoredPage | undefined> {
  if (!STORED_NAME.test(name)) return undefined
  for (const folder of foldersOf(reports)) {
    const html = await readFile(join(folder, name), 'utf8').catch(() => undefined)
    if (html === undefined) continue
    const [, style = ''] = /<style>([^]*?)<\/style>/.exec(html) ?? []
    const hash = createHash('sha256').update(style).digest('base64')
    const policy = `default-src 'none'; style-src 'sha256-${hash}'; frame-ancestors 'self'; sandbox`
    return { html, policy }
  }
  return undefined
}
