import { randomUUID } from 'node:crypto'
import { createReadStream, createWriteStream, mkdirSync, rmSync, statfsSync } from 'node:fs'
import { once } from 'node:events'
import type { ServerResponse } from 'node:http'
import { join } from 'node:path'
import type { Writable } from 'node:stream'
import { failure, type InterdictError } from '../../base/errors/error.js'
import type { ServiceLog } from '../../base/log/service-log.js'
import { reasonOf } from '../../base/errors/reason.js'
import { MS_PER_SECOND, type Milliseconds, type Octets } from '../../base/units.js'
import type { TakeOutput } from '../../gateway/processes/commands.js'

/** How long a client may read nothing while there is more. */
const STALLED: Milliseconds = 60 * MS_PER_SECOND
/** How often the right to read is checked again. */
const CHECKED_EVERY: Milliseconds = MS_PER_SECOND
/** What files of exports leave free on the disk, which the gateway needs for its log. */
const LEFT_FREE: Octets = 2 ** 30
/** How often that is examined. */
const EXAMINED_EVERY: Octets = 32 * 2 ** 20
const NEWLINE = 0x0a

export const EXPORT_TYPES = {
  csv: 'text/csv; charset=utf-8; header=present',
  jsonl: 'application/jsonl',
  parquet: 'application/vnd.apache.parquet'
} as const
export type ExportFormat = keyof typeof EXPORT_TYPES

/** Sends lookups to a client as they are read; the process that reads them waits while the client does. */
export class ExportStream {
  /** Rows sent; null: not known, since an export in Parquet was not complete. */
  rows: number | null
  private checked = performance.now()

  constructor(
    private readonly response: ServerResponse,
    format: ExportFormat,
    private readonly isAllowed: () => boolean
  ) {
    // The head of a table is a line, too.
    this.rows = format === 'parquet' ? null : format === 'csv' ? -1 : 0
    // A filter may find nothing for long.
    const socket: Partial<ServerResponse['socket']> & object = response.req.socket
    socket.setTimeout?.(0)
    for (const [name, value] of Object.entries(headersOf(format))) response.setHeader(name, value)
  }

  /**
   * Begins to send.
   *
   * @param perform passes on the rows @param onError of an export that has begun
   * @returns when the first rows are sent, or all @throws what `perform` throws before the first rows
   */
  async begin(
    perform: (take: TakeOutput) => Promise<{ readonly rows: number }>,
    onError: (error: unknown) => void
  ): Promise<this> {
    const { response } = this
    let hasBegun = false
    return new Promise((resolve, reject) => {
      const take: TakeOutput = block => {
        hasBegun = true
        const sent = this.send(block)
        resolve(this)
        return sent
      }
      perform(take).then(
        ({ rows }) => {
          this.rows = rows
          resolve(this)
          response.end()
        },
        (error: unknown) => {
          if (!hasBegun) return reject(error instanceof Error ? error : new Error(String(error)))
          // That a client disconnects is no error.
          if (!response.destroyed) onError(error)
          // The missing end tells the client that rows are missing.
          response.destroy()
        }
      )
    })
  }

  private async send(block: Buffer): Promise<void> {
    const { response } = this
    const now = performance.now()
    if (now - this.checked >= CHECKED_EVERY) {
      this.checked = now
      if (!this.isAllowed()) throw failure('API_COMMAND', 'the token has expired or was revoked')
    }
    if (this.rows !== null) this.rows += linesIn(block)
    if (!response.write(block)) await drained(response)
  }
}

const headersOf = (format: ExportFormat): Readonly<Record<string, string>> => ({
  'content-type': EXPORT_TYPES[format],
  'content-disposition': `attachment; filename="lookups.${format}"`
})

function linesIn(block: Buffer): number {
  let lines = 0
  for (let at = block.indexOf(NEWLINE); at >= 0; at = block.indexOf(NEWLINE, at + 1)) lines++
  return lines
}

/** @throws InterdictError API_COMMAND if the client has disconnected, or reads nothing for too long */
async function drained(to: Writable): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    const settle = (why?: string): void => {
      clearTimeout(timer)
      to.off('drain', onDrain).off('close', onClose)
      if (why === undefined) resolve()
      else reject(failure('API_COMMAND', why))
    }
    const onDrain = (): void => settle()
    const onClose = (): void => settle('the client has disconnected')
    const timer = setTimeout(() => settle('the client reads nothing'), STALLED)
    to.once('drain', onDrain).once('close', onClose)
    if (to.destroyed) onClose()
  })
}

/** The folder of the files of jobs that export lookups. */
export const exportFolder = (state: string): string => join(state, 'exports')

/** Removes files that jobs of an earlier process left. */
export function removeExports(state: string, log: ServiceLog): void {
  try {
    rmSync(exportFolder(state), { recursive: true, force: true })
  } catch (error) {
    log.warn({ error: reasonOf(error) }, 'cannot remove files of earlier exports')
  }
}

/** The result of a job: lookups in a file, which is kept as long as the job. */
export class StoredExport {
  private constructor(
    private readonly path: string,
    readonly format: ExportFormat,
    readonly rows: number,
    readonly octets: Octets
  ) {}

  /** @param state the state folder @throws InterdictError API_COMMAND, and what `perform` throws */
  static async make(
    state: string,
    format: ExportFormat,
    perform: (take: TakeOutput) => Promise<{ readonly rows: number }>
  ): Promise<StoredExport> {
    const folder = exportFolder(state)
    mkdirSync(folder, { recursive: true, mode: 0o700 })
    const path = join(folder, `${randomUUID()}.${format}`)
    const file = createWriteStream(path, { flags: 'wx', mode: 0o600 })
    let octets = 0
    let examined = 0
    try {
      const { rows } = await perform(async block => {
        if (octets >= examined) {
          assertSpace(folder)
          examined = octets + EXAMINED_EVERY
        }
        octets += block.length
        await new Promise<void>((resolve, reject) =>
          file.write(block, error => (error ? reject(unwritten(error)) : resolve()))
        )
      })
      await new Promise<void>((resolve, reject) => {
        file.once('error', error => reject(unwritten(error)))
        file.end(() => resolve())
      })
      return new StoredExport(path, format, rows, octets)
    } catch (error) {
      file.destroy()
      rmSync(path, { force: true })
      throw error
    }
  }

  /** As the job shows it. */
  toJSON(): object {
    const { format, rows, octets } = this
    return { format, rows, octets }
  }

  async send(response: ServerResponse): Promise<void> {
    response.req.socket.setTimeout(STALLED)
    for (const [name, value] of Object.entries(headersOf(this.format)))
      response.setHeader(name, value)
    response.setHeader('content-length', this.octets)
    const file = createReadStream(this.path)
    await once(file, 'open')
    file.on('error', () => response.destroy()).pipe(response)
    response.once('close', () => file.destroy())
  }

  remove(): void {
    rmSync(this.path, { force: true })
  }
}

/** @throws InterdictError API_COMMAND */
function assertSpace(folder: string): void {
  const { bavail, bsize } = statfsSync(folder)
  if (bavail * bsize < LEFT_FREE)
    throw failure('API_COMMAND', 'less than 1 GB would be free on the disk of the state folder')
}

const unwritten = (error: unknown): InterdictError =>
  failure('API_COMMAND', `cannot write the export: ${reasonOf(error)}`)
