import { SCHEMA_VERSION } from '../record/schema.js'
import type { Database } from './database.js'
import { quoted } from './lookups-sql.js'

/** A closed file of lines that a Parquet file was made of. */
export interface SourceFile {
  /** Its name. */
  readonly file: string
  /** Of all its octets, in hexadecimal, as `sha256sum` gives it. */
  readonly sha256: string
  /** Lookups in it. */
  readonly records: number
  /** Lines in it that were none. */
  readonly foreign: number
}

/** What a Parquet file says of itself, as JSON under the key `interdict` of its metadata. */
export interface ParquetMetadata {
  /** Version of the schema that it was written by. */
  readonly schema: number
  readonly sources: readonly SourceFile[]
  /** Networks whose rows were taken out when their time was over. */
  readonly without: readonly string[]
}

const KEY = 'interdict'

export function parquetMetadata(
  sources: readonly SourceFile[],
  without: readonly string[] = []
): ParquetMetadata {
  return { schema: SCHEMA_VERSION, sources, without }
}

/**
 * Of how many rows groups are, of which each is written by one thread.
 *
 * `few`  both threads have enough to do for a file of 256 MB of lines, and no group is waited for at the
 *        end: that takes a fifth less time, and an eighth more room
 * `many` for what is to stay
 */
const ROW_GROUP_SIZE = { few: 30_720, many: 122_880 }

/** How Parquet is written here: rows of SQL in their order, small, with where they are from. */
export function copyToParquet(
  sql: string,
  path: string,
  origin: ParquetMetadata,
  rows: keyof typeof ROW_GROUP_SIZE
): string {
  const metadata = `KV_METADATA {${KEY}: ${quoted(JSON.stringify(origin))}}`
  const options = `FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE ${ROW_GROUP_SIZE[rows]}, ${metadata}`
  return `COPY (${sql}) TO ${quoted(path)} (${options})`
}

/** What a Parquet file says of itself; of one that others made, nothing. */
export async function readMetadata(database: Database, path: string): Promise<ParquetMetadata> {
  const [row] = await database.rows(
    `SELECT decode(value) AS value FROM parquet_kv_metadata(${quoted(path)}) WHERE decode(key) = '${KEY}'`
  )
  return row === undefined
    ? parquetMetadata([])
    : (JSON.parse(row.value as string) as ParquetMetadata)
}
