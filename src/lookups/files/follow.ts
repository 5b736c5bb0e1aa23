import { closeSync, fstatSync, openSync, readdirSync, readSync, statSync } from 'node:fs'
import { basename, dirname, extname, join } from 'node:path'
import { failure } from '../../base/errors/error.js'
import { reasonOf } from '../../base/errors/reason.js'
import { MS_PER_SECOND, type Milliseconds, type Octets } from '../../base/units.js'
import { lastLines } from './last-lines.js'

const CHUNK: Octets = 64 * 1024
/** The writer may keep writing to a renamed file for this long before it reopens the path. */
const RENAMED_FILE_GRACE: Milliseconds = 10 * MS_PER_SECOND
/** Renamed files that are still read. */
const MAX_RENAMED = 8

/** Many times the longest query log line: anything longer is foreign data and is not buffered. */
const MAX_LINE: Octets = 1024 * 1024
const NEWLINE = 0x0a

interface OpenFile {
  readonly file: number
  readonly splitter: LineSplitter
  offset: Octets
  /** Time of the last new data or rename, from `performance.now`. */
  lastActivity: Milliseconds
}

/**
 * Follows a log file by name while it is being written, like `tail -F`: across rotation, truncation
 * and absence. It reads only when asked to, and holds one 64 KiB chunk and one line of each file.
 */
export class FollowedFile {
  private current: OpenFile | undefined
  private renamed: OpenFile[] = []

  constructor(
    private readonly path: string,
    private readonly now: () => Milliseconds = () => performance.now()
  ) {}

  get isOpen(): boolean {
    return this.current !== undefined
  }

  /**
   * Returns the last matching lines; `readNew` continues after them, or where it was. Empty if the file does not exist.
   *
   * @throws InterdictError LOG_FOLLOW
   */
  readLast(count: number, matches: (line: string) => boolean): readonly string[] {
    const { current } = this
    if (current !== undefined) return lastLines(current.file, current.offset, count, matches).lines
    const opened = (this.current = this.open())
    if (opened === undefined) return []
    const { lines, end } = lastLines(opened.file, fstatSync(opened.file).size, count, matches)
    opened.offset = end
    return lines
  }

  /**
   * Yields all complete new lines, one chunk at a time.
   *
   * @throws InterdictError LOG_FOLLOW
   */
  *readNew(): Generator<readonly string[]> {
    for (const old of this.renamed) yield* this.drain(old)
    this.closeIdleRenamed()
    this.current ??= this.open()
    if (this.current === undefined) return
    yield* this.drain(this.current)
    if (this.isStillAtPath(this.current)) return
    const passed = this.filesClosedSince(this.current)
    this.keepAsRenamed(this.current)
    for (const path of passed) yield* this.readWhole(path)
    this.current = this.open()
    if (this.current !== undefined) yield* this.drain(this.current)
  }

  close(): void {
    for (const { file } of [...this.renamed, ...(this.current === undefined ? [] : [this.current])])
      closeSync(file)
    this.renamed = []
    this.current = undefined
  }

  private open(): OpenFile | undefined {
    let file: number | undefined
    try {
      // Opening a pipe would block.
      if (!statSync(this.path).isFile()) throw new Error('not a regular file')
      file = openSync(this.path, 'r')
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
      throw failure('LOG_FOLLOW', this.path, reasonOf(error))
    }
    return { file, splitter: new LineSplitter(), offset: 0, lastActivity: this.now() }
  }

  private *drain(open: OpenFile): Generator<readonly string[]> {
    const { size } = fstatSync(open.file)
    if (size < open.offset) {
      // The file was truncated: read it from the start.
      open.offset = 0
      open.splitter.reset()
    }
    const chunk = Buffer.alloc(Math.min(CHUNK, size - open.offset))
    while (open.offset < size) {
      const read = readSync(open.file, chunk, 0, Math.min(CHUNK, size - open.offset), open.offset)
      if (read === 0) return
      open.offset += read
      open.lastActivity = this.now()
      const lines: string[] = []
      open.splitter.push(chunk.subarray(0, read), line => lines.push(Buffer.from(line).toString()))
      if (lines.length > 0) yield lines
    }
  }

  /** Whether the path still refers to this file, or to no file. */
  private isStillAtPath({ file }: OpenFile): boolean {
    const named = statSync(this.path, { throwIfNoEntry: false })
    if (named === undefined) return true
    const current = fstatSync(file)
    return named.ino === current.ino && named.dev === current.dev
  }

  /** Keeps reading the file for a while: the writer may not know yet that it was renamed. */
  private keepAsRenamed(open: OpenFile): void {
    open.lastActivity = this.now()
    this.renamed.push(open)
    this.current = undefined
  }

  private closeIdleRenamed(): void {
    const kept = this.renamed
      .filter(({ lastActivity: stirred }) => this.now() < stirred + RENAMED_FILE_GRACE)
      .slice(-MAX_RENAMED)
    for (const old of this.renamed) if (!kept.includes(old)) closeSync(old.file)
    this.renamed = kept
  }

  /** Files created and closed after this one, in order: their names sort after its name. */
  private filesClosedSince({ file }: OpenFile): string[] {
    const extension = extname(this.path)
    const start = `${basename(this.path, extension)}-`
    const folder = dirname(this.path)
    const closed = readdirSync(folder)
      .filter(name => name.startsWith(start) && name.endsWith(extension))
      .sort()
      .map(name => join(folder, name))
    const { ino } = fstatSync(file)
    const index = closed.findIndex(path => statSync(path, { throwIfNoEntry: false })?.ino === ino)
    return index < 0 ? [] : closed.slice(index + 1)
  }

  private *readWhole(path: string): Generator<readonly string[]> {
    let file: number
    try {
      file = openSync(path, 'r')
    } catch {
      // Deleted in the meantime.
      return
    }
    yield* this.drain({ file, splitter: new LineSplitter(), offset: 0, lastActivity: 0 })
    closeSync(file)
  }
}

/** Splits a stream of chunks into lines. Lines longer than 1 MiB are skipped. */
class LineSplitter {
  private partial: Uint8Array[] = []
  private partialLength: Octets = 0

  /**
   * @param line receives each complete line without its line end; the octets are valid only during
   *   the call
   */
  push(octets: Uint8Array, line: (octets: Uint8Array) => void): void {
    let at = 0
    for (let end; (end = octets.indexOf(NEWLINE, at)) >= 0; at = end + 1) {
      const rest = octets.subarray(at, end)
      if (this.partialLength === 0) line(rest)
      else if (this.partialLength + rest.length <= MAX_LINE)
        line(Buffer.concat([...this.partial, rest]))
      this.reset()
    }
    this.keepPartial(octets.subarray(at))
  }

  /** Discards the incomplete line. */
  reset(): void {
    if (this.partialLength === 0) return
    this.partial = []
    this.partialLength = 0
  }

  private keepPartial(octets: Uint8Array): void {
    this.partialLength += octets.length
    if (this.partialLength > MAX_LINE) this.partial = []
    else if (octets.length > 0) this.partial.push(Buffer.from(octets))
  }
}
