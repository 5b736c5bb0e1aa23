import { closeSync, fstatSync, openSync, readdirSync, readSync, statSync } from 'node:fs'
import { basename, dirname, extname, join } from 'node:path'
import { failure } from '../../base/error.js'
import { MS_PER_SECOND, type Milliseconds, type Octets } from '../../base/units.js'
import { lastLines } from './last-lines.js'
import { LineSplitter } from './line-splitter.js'

const CHUNK: Octets = 64 * 1024
/** Who renamed the file may take so long to tell who writes it. */
const RENAMED_FILE_GRACE: Milliseconds = 10 * MS_PER_SECOND
/** Files that were renamed and are still looked at. */
const MAX_RENAMED = 8

interface OpenFile {
  readonly file: number
  readonly splitter: LineSplitter
  offset: Octets
  /** When it last had something new, or got another name: by `performance.now`. */
  lastActivity: Milliseconds
}

/**
 * A log file that is read while it is written, under its name: also when the file is renamed and
 * begun anew, or emptied, or not there for a while. Looks when it is told to; holds one piece of 64
 * KiB and one line of each file.
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
   * The last lines that are wanted; `read` goes on behind them. None where there is no file.
   *
   * @throws InterdictError LOG_FOLLOW
   */
  readLast(count: number, matches: (line: string) => boolean): readonly string[] {
    this.current = this.open()
    if (this.current === undefined) return []
    const { file } = this.current
    const { lines, end } = lastLines(file, fstatSync(file).size, count, matches)
    this.current.offset = end
    return lines
  }

  /**
   * Whatever is new: the whole lines of one piece after the other.
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
      // A pipe would be waited for.
      if (!statSync(this.path).isFile()) throw new Error('it is no regular file')
      file = openSync(this.path, 'r')
    } catch (error) {
      const { code = '', message } = error as NodeJS.ErrnoException
      if (code === 'ENOENT') return undefined
      throw failure('LOG_FOLLOW', this.path, message)
    }
    return { file, splitter: new LineSplitter(), offset: 0, lastActivity: this.now() }
  }

  private *drain(open: OpenFile): Generator<readonly string[]> {
    const { size } = fstatSync(open.file)
    if (size < open.offset) {
      // Emptied: it is written from the start again.
      open.offset = 0
      open.splitter.reset()
    }
    const piece = Buffer.alloc(Math.min(CHUNK, size - open.offset))
    while (open.offset < size) {
      const read = readSync(open.file, piece, 0, Math.min(CHUNK, size - open.offset), open.offset)
      if (read === 0) return
      open.offset += read
      open.lastActivity = this.now()
      const lines: string[] = []
      open.splitter.push(piece.subarray(0, read), line => lines.push(Buffer.from(line).toString()))
      if (lines.length > 0) yield lines
    }
  }

  /** Whether it has its name still, or nothing has. */
  private isStillAtPath({ file }: OpenFile): boolean {
    const named = statSync(this.path, { throwIfNoEntry: false })
    if (named === undefined) return true
    const own = fstatSync(file)
    return named.ino === own.ino && named.dev === own.dev
  }

  /** Who writes it may not know yet that it has another name. */
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

  /** Files that were begun and closed since, in order: those with names after that of this one. */
  private filesClosedSince({ file }: OpenFile): string[] {
    const extension = extname(this.path)
    const start = `${basename(this.path, extension)}-`
    const folder = dirname(this.path)
    const closed = readdirSync(folder)
      .filter(name => name.startsWith(start) && name.endsWith(extension))
      .sort()
      .map(name => join(folder, name))
    const { ino } = fstatSync(file)
    const own = closed.findIndex(path => statSync(path, { throwIfNoEntry: false })?.ino === ino)
    return own < 0 ? [] : closed.slice(own + 1)
  }

  private *readWhole(path: string): Generator<readonly string[]> {
    let file: number
    try {
      file = openSync(path, 'r')
    } catch {
      // Somebody has taken it away meanwhile.
      return
    }
    yield* this.drain({ file, splitter: new LineSplitter(), offset: 0, lastActivity: 0 })
    closeSync(file)
  }
}
