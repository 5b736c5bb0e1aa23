import { bracketed } from './condition.js'
import type { OpenParquetFile } from '../files/log-layout.js'
import { duckdbPath, duckdbPaths, NO_ROWS } from './lookups-sql.js'

/** The newest lookups that match a condition. */
export interface Newest {
  /** SQL; undefined: all lookups. */
  readonly where: string | undefined
  readonly count: number
}

/** Matches in a file, and its first and last time. */
export type Matching = Readonly<Record<'file' | 'first' | 'last', string> & Record<'n', number>>

/**
 * The Parquet files that have the newest matching lookups. Only the columns of the condition are read of all files, most
 * of which have few distinct values: reading times or whole rows of files without a match took ten times as long.
 *
 * @throws InterdictError ARCHIVE_SQL
 */
export async function filesWithNewest(
  rowsOf: (sql: string) => Promise<Matching[]>,
  parquet: readonly OpenParquetFile[],
  { where = 'true', count }: Newest
): Promise<OpenParquetFile[]> {
  if (parquet.length === 0) return []
  const paths = duckdbPaths(parquet)
  const rows = `${NO_ROWS} UNION ALL BY NAME SELECT * FROM read_parquet(${paths}, union_by_name = true, filename = 'of_file')`
  const matching = await rowsOf(
    `WITH matches AS (SELECT of_file AS file, count(*) AS n FROM (${rows}) WHERE ${bracketed(where)} GROUP BY ALL),
      times AS (SELECT file_name AS file,
          coalesce(min(stats_min_value), '') AS first, coalesce(max(stats_max_value), '9') AS last
        FROM parquet_metadata(${paths}) WHERE path_in_schema = 'time' GROUP BY ALL)
      SELECT * FROM matches JOIN times USING (file) ORDER BY first DESC`
  )
  let [found, since] = [0, '']
  for (const { n, first } of matching) {
    found += n
    if (found < count) continue
    // So many are at least as new as this; files may overlap.
    since = first
    break
  }
  const wanted = new Set(matching.filter(({ last }) => last >= since).map(({ file }) => file))
  return parquet.filter(file => wanted.has(duckdbPath(file)))
}
