import { rmSync } from 'node:fs'
import { join } from 'node:path'
import type { Database } from './database.js'
import { FILE_COLUMN, orderByTime, quoted, quotedList, selectParquet } from '../sql/lookups-sql.js'

/** Beyond this number of time spans, sorting everything is cheaper. */
const MAX_RESORTS = 32

/** Microseconds since 1970, both inclusive. */
export interface TimeSpan {
  readonly first: number
  readonly last: number
}

/** Time span and order of one Parquet file. */
interface ScannedFile extends TimeSpan {
  readonly path: string
  /** Rows with an earlier time than the row before. */
  readonly outOfOrder: number
}

/** A file in reading order, and the time span to sort before it. */
export interface PlannedFile<F> {
  readonly file: F
  readonly resort?: TimeSpan
}

/**
 * SQL that selects the rows of Parquet files in order of time, provided that rows come in the order
 * in which files are read. Sorted files that follow each other need only be read: a file closed
 * earlier has the earlier lookups, except where the last second of one file overlaps the first of
 * the next, or the clock was set. Such time spans are sorted into temporary files, which are read
 * between the others.
 *
 * @param workFolder for the temporary files
 * @returns the SQL, and a function that removes the temporary files
 * @throws InterdictError ARCHIVE_SQL
 */
export async function selectInTimeOrder(
  database: Database,
  paths: readonly string[],
  workFolder: string
): Promise<{ rows: string; release: () => void }> {
  const found = await scanFiles(database, paths)
  const plan = planReads(found ?? [])
  const spans = plan.flatMap(({ resort }) => resort ?? [])
  if (plan.length === 0 || spans.length > MAX_RESORTS)
    return { rows: orderByTime(selectParquet(quotedList(paths))), release: () => undefined }
  const [read, made]: [string[], string[]] = [[], []]
  for (const { file, resort } of plan) {
    if (resort !== undefined) {
      const path = join(workFolder, `resort-${made.length}`)
      const within = plan
        .map(other => other.file)
        .filter(other => other.first <= resort.last && other.last >= resort.first)
      const rows = selectParquet(quotedList(within.map(other => other.path)), isWithin(resort))
      await database.run(`COPY (${orderByTime(rows)}) TO ${quoted(path)} (FORMAT parquet)`)
      made.push(path)
      read.push(path)
    }
    read.push(file.path)
  }
  const others = `NOT (${spans.map(isWithin).join(' OR ')})`
  const where = made.length === 0 ? undefined : `${FILE_COLUMN} IN (${quotedIn(made)}) OR ${others}`
  return {
    rows: selectParquet(quotedList(read), where),
    release: () => made.forEach(path => rmSync(path, { force: true }))
  }
}

/**
 * Plans the order in which to read files, so that their rows are in order of time once the rows of
 * some time spans are sorted separately. There is at most one span before each file; it covers all
 * rows of earlier files from the first row of this file on.
 */
export function planReads<F extends TimeSpan & { readonly outOfOrder: number }>(
  files: readonly F[]
): PlannedFile<F>[] {
  const plan: { file: F; resort?: TimeSpan }[] = []
  /** The latest time of all files so far. */
  let end = -Infinity
  let open: { file: F; resort?: TimeSpan } | undefined
  for (const file of [...files].sort((a, b) => a.first - b.first || a.last - b.last)) {
    const { first, last, outOfOrder } = file
    const needsSort = first < end || outOfOrder > 0
    const to = outOfOrder > 0 ? Math.max(end, last) : end
    end = Math.max(end, last)
    const planned: { file: F; resort?: TimeSpan } = { file }
    plan.push(planned)
    if (!needsSort) continue
    if (open?.resort !== undefined && first <= open.resort.last)
      open.resort = { first: open.resort.first, last: Math.max(open.resort.last, to) }
    else {
      planned.resort = { first, last: to }
      open = planned
    }
  }
  return plan
}

/** Undefined if a row has no valid time. Empty files are left out. */
async function scanFiles(
  database: Database,
  paths: readonly string[]
): Promise<readonly ScannedFile[] | undefined> {
  const found: ScannedFile[] = []
  for (const path of paths) {
    const times = `SELECT time, lag(time) OVER () AS before FROM (${selectParquet(quotedList([path]))})`
    const [row] = await database.rows<Record<'first' | 'last' | 'rows' | 'odd' | 'late', number>>(
      `SELECT epoch_us(min(time) FILTER (isfinite(time))) AS first,
        epoch_us(max(time) FILTER (isfinite(time))) AS last, count(*) AS rows,
        count(*) FILTER (isfinite(time) IS NOT TRUE) AS odd, count(*) FILTER (time < before) AS late
      FROM (${times})`
    )
    const { first, last, rows, odd, late } = row!
    if (odd > 0) return undefined
    if (rows > 0) found.push({ path, first, last, outOfOrder: late })
  }
  return found
}

function isWithin({ first, last }: TimeSpan): string {
  return `time::TIMESTAMP BETWEEN make_timestamp(${first}) AND make_timestamp(${last})`
}

function quotedIn(texts: readonly string[]): string {
  return texts.map(quoted).join(', ')
}
