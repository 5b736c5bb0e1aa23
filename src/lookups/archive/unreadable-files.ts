import { join } from 'node:path'
import { InterdictError } from '../../base/errors/error.js'
import type { Octets } from '../../base/units.js'
import { openDatabase, type Database } from './database.js'
import { LOOKUP_COLUMNS, quoted } from '../sql/lookups-sql.js'
import { isCompleteParquetFile } from '../files/parquet-file.js'
import { TALLY_COLUMNS } from '../sql/tally.js'
import { parseCentralPath } from '../central/central-layout.js'
import type { CentralLog } from '../central/central-log.js'

/** Enough for a row group of one file. */
const MEMORY: Octets = 512 * 1024 * 1024
/** DuckDB's errors in SQL itself. */
const IN_SQL = /\b(Parser|Binder|Catalog) Error:/
/** The same, or a value of a column that has another type than ours. */
const IN_TYPES = /\bConversion Error:/

/**
 * Files because of which DuckDB failed on the central folder: cut, overwritten by something else, with damaged content
 * or with columns of another type. Not every damaged file is found: the proof of a file is its digest.
 *
 * @param error of a query
 * @returns why, by path relative to the folder
 */
export async function unreadableFiles(
  { folder, read }: CentralLog,
  error: unknown
): Promise<ReadonlyMap<string, string>> {
  if (!(error instanceof InterdictError) || error.code !== 'ARCHIVE_SQL') return new Map()
  // Further lines quote the SQL, which names all files.
  const [head = ''] = error.message.split('\n')
  if (IN_SQL.test(head)) return new Map()
  const incomplete = read.filter(path => !isComplete(join(folder, path)))
  if (incomplete.length > 0) return new Map(incomplete.map(path => [path, 'cut or damaged']))
  const isOfTypes = IN_TYPES.test(head)
  // An error in a type may name another file than the one that has it.
  const named = isOfTypes ? [] : read.filter(path => head.includes(path))
  const database = await openDatabase({ memory: MEMORY, threads: 1 })
  const found = new Map<string, string>()
  try {
    // Some errors do not say in which file they were.
    for (const path of named.length > 0 ? named : read) {
      const why =
        (await foreignType(database, folder, path)) ??
        (isOfTypes ? undefined : await damage(database, folder, path))
      if (why !== undefined) found.set(path, why)
    }
  } finally {
    database.close()
  }
  return found
}

/** False as well for a file that cannot be read. */
function isComplete(path: string): boolean {
  try {
    return isCompleteParquetFile(path)
  } catch {
    return false
  }
}

/** A column that has another type than ours; undefined: none, or its columns cannot be read. */
async function foreignType(
  database: Database,
  folder: string,
  path: string
): Promise<string | undefined> {
  const { kind } = parseCentralPath(path)!
  const expected = kind === 'tally' ? TALLY_COLUMNS : LOOKUP_COLUMNS
  const file = quoted(join(folder, path))
  const rows = await database
    .rows<{ column_name: string; column_type: string }>(
      `SELECT column_name, column_type FROM (DESCRIBE SELECT * FROM read_parquet(${file}, hive_partitioning = false))`
    )
    .catch(() => [])
  const foreign = rows.find(
    ({ column_name: name, column_type: type }) => (expected[name] ?? type) !== type
  )
  if (foreign === undefined) return undefined
  const { column_name: name, column_type: type } = foreign
  return `column ${name} has the type ${type}, not ${expected[name]}`
}

/** Reads all of a file. */
async function damage(
  database: Database,
  folder: string,
  path: string
): Promise<string | undefined> {
  const file = quoted(join(folder, path))
  const reading = database.rows(
    `SELECT bit_xor(hash(file)) AS whole FROM read_parquet(${file}) AS file`
  )
  return reading.then(
    () => undefined,
    () => 'cut or damaged'
  )
}
