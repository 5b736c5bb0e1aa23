import { Socket } from 'node:net'
import { closeQuietly, type Pipe } from '../../base/system/pipe.js'
import type { Octets } from '../../base/units.js'
import type { Duckdb } from './duckdb.js'
import { quoted } from './lookups-sql.js'

/** What the program holds of the output at once. */
const BLOCK: Octets = 64 * 1024
/** The text as it is: one column, never quoted. */
const AS_TEXT = `FORMAT csv, HEADER false, QUOTE '', ESCAPE '', DELIMITER E'\\x02', USE_TMP_FILE false`
export const AS_PARQUET =
  'FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE 30720, USE_TMP_FILE false'

/**
 * Has DuckDB write rows into a pipe, as text or Parquet, and passes blocks on to `take`, whose buffer is used again. So
 * rows never become objects of JavaScript, and DuckDB waits while `take` does.
 *
 * @param sql SELECT of one column with a line of text, or any for Parquet
 * @param pipe that DuckDB may write to
 * @returns the number of rows
 * @throws what `take` throws, which ends the query, and InterdictError ARCHIVE_SQL
 */
export async function copyThrough(
  database: Duckdb,
  sql: string,
  pipe: Pipe,
  take: (block: Buffer) => Promise<void>,
  how = AS_TEXT
): Promise<number> {
  let rows = 0
  let failed: { readonly error: unknown } | undefined
  const closeReader = (): void => closeQuietly(pipe.reader)
  // A process that ends waits for DuckDB's threads, which would wait for a reader.
  process.once('exit', closeReader)
  const isRead = new Promise<void>(resolve => {
    const socket: Socket = new Socket({
      fd: pipe.reader,
      readable: true,
      writable: false,
      onread: {
        buffer: Buffer.allocUnsafe(BLOCK),
        callback: (octets: Octets, block: Buffer) => {
          take(Buffer.from(block.buffer, block.byteOffset, octets)).then(
            () => socket.resume(),
            (error: unknown) => {
              failed = { error }
              socket.destroy()
            }
          )
          return false
        }
      }
    } as ConstructorParameters<typeof Socket>[0])
    socket.on('error', () => socket.destroy()).on('close', () => resolve())
    socket.resume()
  })
  try {
    rows = await database.copy(`COPY (${sql}) TO ${quoted(pipe.path)} (${how})`)
  } catch (error) {
    failed ??= { error }
  }
  closeQuietly(pipe.writer)
  await isRead
  process.off('exit', closeReader)
  // The reader of the output has gone before DuckDB noticed.
  if (failed !== undefined) throw failed.error
  return rows
}
