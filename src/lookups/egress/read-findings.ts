import { createReadStream, existsSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import type { Milliseconds } from '../../base/units.js'
import { closedSideFiles, sideFile, sideFileClosedAt } from '../files/side-files.js'
import { parseFindingLine, type FindingLine } from './egress-finding.js'

/** From inclusive, until exclusive; undefined: without limit. */
export interface FindingPeriod {
  readonly since?: Milliseconds | undefined
  readonly until?: Milliseconds | undefined
}

/** What was read. */
export interface ReadFindings {
  /** Lines of a version that this program does not know, or damaged ones. */
  readonly skipped: number
}

/**
 * Reads findings beside a query log, oldest first. Throws the system error if a file cannot be read.
 *
 * @param take called with each line that is of the period, by the time at which it was written
 */
export async function readFindings(
  folder: string,
  { since = -Infinity, until = Infinity }: FindingPeriod,
  take: (line: FindingLine) => void
): Promise<ReadFindings> {
  const closed = closedSideFiles(folder, 'egress')
  const live = existsSync(join(folder, sideFile('egress'))) ? [sideFile('egress')] : []
  let skipped = 0
  for (const file of [...closed.filter(name => closedAfter(name, since)), ...live]) {
    const lines = createInterface({ input: createReadStream(join(folder, file)) })
    for await (const text of lines) {
      const line = parseFindingLine(text)
      if (line === undefined) skipped++
      else if (line.time >= since && line.time < until) take(line)
    }
  }
  return { skipped }
}

const closedAfter = (name: string, since: Milliseconds): boolean =>
  Date.parse(sideFileClosedAt(name)!) >= since
