import { closeSync, fstatSync, openSync, readdirSync } from 'node:fs'
import { basename, dirname, extname, join } from 'node:path'

/** Beside the query log: a folder for each UTC day, `archive/day=2026-11-26`, of Parquet files. */
export const ARCHIVE = 'archive'

/** The name of a closed file says when it was closed; see `log/closed-files.ts`. */
const STAMP = String.raw`-\d{8}T\d{6}\.\d{3}Z`
const DAY = /^day=\d{4}-\d{2}-\d{2}$/

/** Names of a query log's files: that being written, `queries.jsonl`, and what became of it. */
export class LogNames {
  /** Where they are. */
  readonly folder: string
  readonly archive: string
  readonly live: string
  readonly #closed: RegExp
  readonly #extension: string

  /** @param path of the file being written */
  constructor(path: string) {
    this.folder = dirname(path)
    this.archive = join(this.folder, ARCHIVE)
    this.live = basename(path)
    const extension = (this.#extension = extname(this.live))
    const stem = this.live.slice(0, this.live.length - extension.length)
    this.#closed = new RegExp(`^${escaped(stem)}${STAMP}${escaped(extension)}$`)
  }

  /** Whether a name in `folder` is one that the recorder gave a file when it closed it. */
  isClosed(name: string): boolean {
    return this.#closed.test(name)
  }

  /** What a closed file is called once it is Parquet, in the folder of each day that it has. */
  parquetOf(closed: string): string {
    return `${basename(closed, this.#extension)}.parquet`
  }
}

function escaped(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|]/g, String.raw`\$&`)
}

/** One file, held open: it can be read even when it is renamed or removed meanwhile. */
export interface Held {
  readonly path: string
  readonly descriptor: number
}

/** The files of a query log at one moment, each lookup in exactly one of them. */
export interface LogFiles {
  /** JSON Lines: closed ones and that being written. */
  readonly lines: readonly Held[]
  readonly parquet: readonly Held[]
}

/**
 * Opens all files of a query log. What is not there is left out: there may be no lookup yet.
 *
 * The file being written is opened first: when it is renamed meanwhile it is found a second time
 * under its new name, and known by its inode.
 *
 * Throws the system's error when folder or file cannot be read.
 */
export function holdLog(names: LogNames): LogFiles {
  const lines: Held[] = []
  const inodes = new Set<string>()
  const hold = (path: string): Held[] => {
    const held = open(path)
    if (held === undefined) return []
    const { dev, ino } = fstatSync(held.descriptor)
    if (inodes.has(`${dev}:${ino}`)) {
      closeSync(held.descriptor)
      return []
    }
    inodes.add(`${dev}:${ino}`)
    return [held]
  }
  lines.push(...hold(join(names.folder, names.live)))
  const closed = namesIn(names.folder).filter(name => names.isClosed(name))
  for (const name of closed) lines.push(...hold(join(names.folder, name)))
  // While the lines are there, not all of their Parquet files may be.
  const halves = new Set(closed.map(name => names.parquetOf(name)))
  const parquet = namesIn(names.archive)
    .filter(day => DAY.test(day))
    .flatMap(day => {
      const folder = join(names.archive, day)
      return namesIn(folder)
        .filter(name => name.endsWith('.parquet') && !halves.has(name))
        .flatMap(name => hold(join(folder, name)))
    })
  return { lines, parquet }
}

/** Lets go of them. */
export function release({ lines, parquet }: LogFiles): void {
  for (const { descriptor } of [...lines, ...parquet]) closeSync(descriptor)
}

/** Sorted; none where there is no such folder. */
function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder).sort()
  } catch (error) {
    if (isMissing(error)) return []
    throw error
  }
}

function open(path: string): Held | undefined {
  try {
    return { path, descriptor: openSync(path, 'r') }
  } catch (error) {
    if (isMissing(error)) return undefined
    throw error
  }
}

function isMissing(error: unknown): boolean {
  return (error as NodeJS.ErrnoException).code === 'ENOENT'
}
