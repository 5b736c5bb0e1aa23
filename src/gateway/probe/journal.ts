import { appendFile, readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { createParentFolder } from '../../base/files/parent-folder.js'
import type { Milliseconds } from '../../base/units.js'
import type { ProbeThreadState } from './probe-status.js'

/** The folder, in that of the state. One file for each month: `2026-11.jsonl`. */
export const PROBE_FOLDER = 'probe'
const FILE = /^\d{4}-\d\d\.jsonl$/
/** Months that are kept: evidence is asked for years later. */
const MOST_FILES = 60

/** The file, and what was not probed, of the last record. */
let recorded = ''

/**
 * Records a round as `interdict probe --json` prints it, for `interdict evidence`.
 *
 * @throws Error of the file system
 */
export async function recordRound(
  folder: string,
  every: Milliseconds,
  {
    last,
    failures,
    skipped,
    listeners
  }: Pick<ProbeThreadState, 'failures' | 'skipped' | 'listeners'> & {
    readonly last: NonNullable<ProbeThreadState['last']>
  }
): Promise<void> {
  const at = new Date(last.at).toISOString()
  const shown = failures.map(({ since, ...one }) => ({ ...one, since: new Date(since) }))
  const file = `${at.slice(0, 7)}.jsonl`
  // Only when it changes, and once in each file.
  const known = `${file} ${JSON.stringify(skipped)}`
  const problems = listeners?.problems.map(it => ({ ...it, since: new Date(it.since) })) ?? []
  const certificates = problems.length === 0 ? {} : { certificates: problems }
  const round = { at, every: every / 1000, asked: last.asked, failures: shown, ...certificates }
  const line = JSON.stringify(known === recorded ? round : { ...round, skipped })
  const path = join(folder, file)
  createParentFolder(path)
  await appendFile(path, `${line}\n`)
  recorded = known
  const files = (await readdir(folder)).filter(file => FILE.test(file)).sort()
  for (const file of files.slice(0, -MOST_FILES)) await rm(join(folder, file), { force: true })
}
