import { join } from 'node:path'
import { InterdictError } from '../../../base/error.js'
import type { Octets } from '../../../base/units.js'
import { openDatabase } from '../database.js'
import { quoted } from '../lookups-sql.js'
import { isCompleteParquetFile } from '../parquet-file.js'
import { centralFiles, centralPath } from './central-layout.js'

/** Enough for a row group of one file. */
const MEMORY: Octets = 512 * 1024 * 1024
/** DuckDB's errors in SQL itself. */
const IN_SQL = /\b(Parser|Binder|Catalog|Conversion) Error:/

/**
 * Files because of which DuckDB failed on the central folder: cut, overwritten by something else, or with damaged
 * content. Not every damaged file is found: the proof of a file is its digest.
 *
 * @param error of a query
 * @param leftOut relative paths of files that the query did not read
 * @returns paths relative to the folder
 */
export async function unreadableFiles(
  folder: string,
  error: unknown,
  leftOut: ReadonlySet<string>
): Promise<readonly string[]> {
  if (!(error instanceof InterdictError) || error.code !== 'ARCHIVE_SQL') return []
  // Further lines quote the SQL, which names all files.
  const [head = ''] = error.message.split('\n')
  if (IN_SQL.test(head)) return []
  const all = [...centralFiles(folder)].flat().map(centralPath)
  const read = all.filter(path => !leftOut.has(path))
  const incomplete = read.filter(path => !isComplete(join(folder, path)))
  if (incomplete.length > 0) return incomplete
  const named = read.filter(path => head.includes(path))
  return named.length > 0 ? named : failingAlone(folder, read)
}

/** False as well for a file that cannot be read. */
function isComplete(path: string): boolean {
  try {
    return isCompleteParquetFile(path)
  } catch {
    return false
  }
}

/** Reads each file: some errors do not say in which they were. */
async function failingAlone(folder: string, paths: readonly string[]): Promise<string[]> {
  const database = await openDatabase({ memory: MEMORY, threads: 1 })
  const found: string[] = []
  try {
    for (const path of paths) {
      const file = quoted(join(folder, path))
      const reading = database.rows(
        `SELECT bit_xor(hash(file)) AS whole FROM read_parquet(${file}) AS file`
      )
      const isReadable = await reading.then(
        () => true,
        () => false
      )
      if (!isReadable) found.push(path)
    }
  } finally {
    database.close()
  }
  return found
}
