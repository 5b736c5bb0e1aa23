import { maintainArchive } from '../../src/lookups/archive/maintain.js'

export { writeWeek } from '../../src/cli/output/log/example-week.js'

/** The last moment of the week. */
const END = Date.UTC(2026, 10, 12) - 1

/**
 * Archives all but the active file, as a gateway does. Most reports then read tallies, which takes a
 * tenth of the time.
 */
export async function archiveWeek(live: string): Promise<void> {
  const options = { path: live, threads: 1, parquet: true, chain: undefined, keep: undefined }
  const nothing = (): void => undefined
  const log = { info: nothing, warn: nothing, error: nothing }
  await maintainArchive(options, END, log)
}
