import { randomBytes } from 'node:crypto'
import { closeSync, openSync, rmSync, statSync, writeSync } from 'node:fs'
import { renameDurably } from '../../../base/files/atomic-file.js'
import { failure } from '../../../base/errors/error.js'
import { reasonOf } from '../../../base/errors/reason.js'
import { csvLines } from '../../../analysis/report/output/csv.js'
import type { Value } from '../../../analysis/report/report.js'
import { MARK } from '../../../lookups/sql/line-sql.js'
import { print, type Io } from '../../io.js'

const NEWLINE = 0x0a

/** Where rows go, block by block. */
export interface RowDestination {
  write(block: Uint8Array | string): Promise<void>
  /** Nothing more follows. */
  end(): void
  /** Removes what was written to a file. */
  discard(): void
}

/** @throws InterdictError CLI_OUTPUT */
export function openDestination(file: string | undefined, io: Io): RowDestination {
  return file === undefined ? standardOutput(io) : replacedFile(file)
}

function standardOutput(io: Io): RowDestination {
  const { stdout } = io
  return {
    write: async block => {
      if (typeof block !== 'string' && stdout.writeBlock !== undefined)
        return stdout.writeBlock(block)
      const text = typeof block === 'string' ? block : Buffer.from(block).toString()
      if (!print(io, text)) await new Promise<void>(done => stdout.once('drain', () => done()))
    },
    end: () => undefined,
    discard: () => undefined
  }
}

/** A file that is there stays until the new one is complete. */
function replacedFile(file: string): RowDestination {
  const attempt = <T>(work: () => T): T => {
    try {
      return work()
    } catch (error) {
      throw failure('CLI_OUTPUT', file, reasonOf(error))
    }
  }
  // A pipe or device is written to directly.
  const isFile = statSync(file, { throwIfNoEntry: false })?.isFile() !== false
  const path = isFile ? `${file}.${randomBytes(8).toString('hex')}.half` : file
  const descriptor = attempt(() => openSync(path, isFile ? 'wx' : 'w'))
  let isOpen = true
  const close = (): void => {
    if (isOpen) closeSync(descriptor)
    isOpen = false
  }
  const discard = (): void => {
    close()
    if (isFile) rmSync(path, { force: true })
  }
  process.once('exit', discard)
  return {
    write: block => {
      const octets = typeof block === 'string' ? Buffer.from(block) : block
      for (let at = 0; at < octets.length;)
        at += attempt(() => writeSync(descriptor, octets, at, octets.length - at))
      return Promise.resolve()
    },
    end: () =>
      attempt(() => {
        close()
        if (isFile) renameDurably(path, file)
        process.off('exit', discard)
      }),
    discard: () => {
      discard()
      process.off('exit', discard)
    }
  }
}

/** Cuts blocks at the ends of lines. The last line must have an end. */
export class LineBlocks {
  private rest = Buffer.alloc(0)

  constructor(private readonly take: (lines: Buffer) => Promise<void>) {}

  async push(block: Buffer): Promise<void> {
    const end = block.lastIndexOf(NEWLINE) + 1
    if (end === 0) {
      this.rest = Buffer.concat([this.rest, block])
      return
    }
    const first = this.rest.length === 0 ? 0 : block.indexOf(NEWLINE) + 1
    if (first > 0) await this.take(Buffer.concat([this.rest, block.subarray(0, first)]))
    // The block is used again.
    this.rest = Buffer.from(block.subarray(end))
    if (end > first) await this.take(block.subarray(first, end))
  }
}

/** Lines of CSV, in which DuckDB has marked those whose cells need quotes or escapes. */
export function unmarked(lines: Buffer): Buffer | string {
  if (!lines.includes(MARK)) return lines
  const mark = String.fromCharCode(MARK)
  return lines
    .toString()
    .split('\n')
    .map(line =>
      line.startsWith(mark) ? csvLines([JSON.parse(line.slice(1)) as Value[]]).slice(0, -1) : line
    )
    .join('\n')
}
