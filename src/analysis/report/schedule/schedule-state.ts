import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import * as z from 'zod'
import { writeFileAtomic } from '../../../base/files/atomic-file.js'
import { doublingDelay } from '../../../base/time/doubling-delay.js'
import { failure } from '../../../base/errors/error.js'
import { reasonOf } from '../../../base/errors/reason.js'
import type { Milliseconds } from '../../../base/units.js'

/** The state of a scheduled report that outlives the gateway. Times are RFC 3339. */
const reportState = z.object({
  /** The last time for which it was made, given up, or not to be made since it was new then. */
  done: z.string(),
  /** Failed tries for the time that is due. */
  failures: z.int().min(0),
  /** When the next try is due; null: none failed. */
  retry: z.string().nullable(),
  /** Why the last try failed; null: it did not. */
  error: z.object({ code: z.string(), message: z.string() }).nullable(),
  /** When it was last made; null: never. */
  made: z.string().nullable()
})
export type ReportState = z.output<typeof reportState>

const schema = z.object({ version: z.literal(1), reports: z.record(z.string(), reportState) })

/** The states of scheduled reports, by name, in a file of the state folder. */
export class ScheduleState {
  private readonly path: string

  /** @param folder of the gateway's state */
  constructor(folder: string) {
    this.path = join(folder, 'scheduled-reports.json')
  }

  /** None if the file is missing or invalid: every report then begins with its next time. */
  read(): Map<string, ReportState> {
    try {
      const { reports } = schema.parse(JSON.parse(readFileSync(this.path, 'utf8')))
      return new Map(Object.entries(reports))
    } catch {
      return new Map()
    }
  }

  /** @throws InterdictError REPORTS_RUN */
  write(states: ReadonlyMap<string, ReportState>): void {
    const text = JSON.stringify({ version: 1, reports: Object.fromEntries(states) })
    try {
      writeFileAtomic(this.path, `${text}\n`, { mode: 0o640, folderMode: 0o750 })
    } catch (error) {
      throw failure('REPORTS_RUN', `cannot write ${this.path}: ${reasonOf(error)}`)
    }
  }
}

/** With the delays of `retryDelay`, a report is given up after about eight hours. */
export const MAX_TRIES = 12

/** The delay after so many failures in a row: a minute, doubling up to an hour. */
export function retryDelay(failures: number): Milliseconds {
  return doublingDelay(failures, 60_000, 3_600_000)
}
