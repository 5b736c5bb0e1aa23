import { rmSync } from 'node:fs'
import { join } from 'node:path'
import type { Database } from './database.js'
import { inTime, OF_FILE, quoted, quotedList, selectParquet } from './lookups-sql.js'

/** Of this many stretches it is cheaper to sort all. */
const MOST_AGAIN = 32

/** Microseconds since 1970: both are of lookups. */
export interface Stretch {
  readonly first: number
  readonly last: number
}

/** What one Parquet file has. */
interface Found extends Stretch {
  readonly path: string
  /** How many rows are of an earlier time than the one before. */
  readonly late: number
}

/** Files one after another, and what has to be sorted again before each. */
export interface Plan<F> {
  readonly file: F
  readonly again?: Stretch
}

/**
 * SQL for the rows of Parquet files in the order of time, where these come in the order that they are
 * read in. Files that are sorted and follow each other need only be read: what was closed first has
 * the earlier lookups, but for what the last second of one and the first of another have in common,
 * and for a clock that was set. Such stretches are sorted again, into files of their own, which
 * are read between the others.
 *
 * @param making a folder for these
 * @returns with what removes them
 * @throws InterdictError ARCHIVE_SQL
 */
export async function rowsInTime(
  database: Database,
  paths: readonly string[],
  making: string
): Promise<{ rows: string; release: () => void }> {
  const found = await lookInto(database, paths)
  const plan = planOf(found ?? [])
  const stretches = plan.flatMap(({ again }) => again ?? [])
  if (plan.length === 0 || stretches.length > MOST_AGAIN)
    return { rows: inTime(selectParquet(quotedList(paths))), release: () => undefined }
  const [read, made]: [string[], string[]] = [[], []]
  for (const { file, again } of plan) {
    if (again !== undefined) {
      const path = join(making, `again-${made.length}`)
      const within = plan
        .map(one => one.file)
        .filter(one => one.first <= again.last && one.last >= again.first)
      const rows = selectParquet(quotedList(within.map(one => one.path)), isWithin(again))
      await database.run(`COPY (${inTime(rows)}) TO ${quoted(path)} (FORMAT parquet)`)
      made.push(path)
      read.push(path)
    }
    read.push(file.path)
  }
  const others = `NOT (${stretches.map(isWithin).join(' OR ')})`
  const where = made.length === 0 ? undefined : `${OF_FILE} IN (${quotedIn(made)}) OR ${others}`
  return {
    rows: selectParquet(quotedList(read), where),
    release: () => made.forEach(path => rmSync(path, { force: true }))
  }
}

/**
 * In which order files are read, so that their rows are in the order of time, once those of some
 * stretches are sorted again. Before a file there is at most one, which has all rows of files before
 * it from the first of its own on.
 */
export function planOf<F extends Stretch & { readonly late: number }>(
  files: readonly F[]
): Plan<F>[] {
  const plan: { file: F; again?: Stretch }[] = []
  /** The last of all files until now. */
  let end = -Infinity
  let open: { file: F; again?: Stretch } | undefined
  for (const file of [...files].sort((a, b) => a.first - b.first || a.last - b.last)) {
    const { first, last, late } = file
    const again = first < end || late > 0
    const to = late > 0 ? Math.max(end, last) : end
    end = Math.max(end, last)
    const one: { file: F; again?: Stretch } = { file }
    plan.push(one)
    if (!again) continue
    if (open?.again !== undefined && first <= open.again.last)
      open.again = { first: open.again.first, last: Math.max(open.again.last, to) }
    else {
      one.again = { first, last: to }
      open = one
    }
  }
  return plan
}

/** Undefined: there are rows that are of no time. Files without any row are left out. */
async function lookInto(
  database: Database,
  paths: readonly string[]
): Promise<readonly Found[] | undefined> {
  const found: Found[] = []
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
    if (rows > 0) found.push({ path, first, last, late })
  }
  return found
}

function isWithin({ first, last }: Stretch): string {
  return `time::TIMESTAMP BETWEEN make_timestamp(${first}) AND make_timestamp(${last})`
}

function quotedIn(texts: readonly string[]): string {
  return texts.map(quoted).join(', ')
}
