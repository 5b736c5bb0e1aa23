import { closeSync, fstatSync, openSync, readdirSync } from 'node:fs'
import { basename, dirname, extname, join, relative } from 'node:path'
import { isWhole, isWholeFile } from './parquet-file.js'
import { replacedIn } from './replacement.js'

/** Beside the query log: a folder for each UTC day, `archive/day=2026-11-26`, of Parquet files. */
export const ARCHIVE = 'archive'

/** In the archive: a folder of tallies, by which reports need not read all lookups again. */
const TALLIES = 'tallies'

/** What a closed file without any lookup is called. */
export const FOREIGN = '.foreign'

/** The name of a closed file says when it was closed; see `querylog/record/closed-files.ts`. */
const STAMP = String.raw`-(\d{4})(\d{2})(\d{2})T(\d{2})(\d{2})(\d{2}\.\d{3}Z)`
const DAY = /^day=(\d{4}-\d{2}-\d{2})$/
/** Of the layout of before there is one hash. */
const TALLY = /^(\d{4}-\d{2}-\d{2})(?:-[0-9a-f]{16}){1,2}\.tally$/

/** Names of a query log's files: that being written, `queries.jsonl`, and what became of it. */
export class LogNames {
  /** Where they are. */
  readonly folder: string
  readonly archive: string
  readonly live: string
  private readonly closed: RegExp
  private readonly extension: string

  /** @param path of the file being written */
  constructor(path: string) {
    this.folder = dirname(path)
    this.archive = join(this.folder, ARCHIVE)
    this.live = basename(path)
    const extension = (this.extension = extname(this.live))
    const stem = this.live.slice(0, this.live.length - extension.length)
    this.closed = new RegExp(`^${escaped(stem)}${STAMP}${escaped(extension)}$`)
  }

  /** Whether a name in `folder` is one that the recorder gave a file when it closed it. */
  isClosed(name: string): boolean {
    return this.closed.test(name)
  }

  /** When a file was closed, by its name, in RFC 3339; undefined: the recorder closed no such file. */
  closedAt(name: string): string | undefined {
    const found = this.closed.exec(name)
    if (found === null) return undefined
    const [, year, month, day, hour, minute, second] = found
    return `${year}-${month}-${day}T${hour}:${minute}:${second}`
  }

  /** What a closed file is called once it is Parquet, in the folder of each day that it has. */
  parquetOf(closed: string): string {
    return `${basename(closed, this.extension)}.parquet`
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

/** A Parquet file. */
export interface Stored extends Held {
  /** In whose folder it is, `2026-11-26`. */
  readonly day: string
}

/** The files of a query log at one moment, each lookup in exactly one of them. */
export interface LogFiles {
  /** JSON Lines: closed ones and that being written. */
  readonly lines: readonly Held[]
  readonly parquet: readonly Stored[]
  /** What is called Parquet and is none: half of a file, as only a broken disk leaves it. */
  readonly broken: readonly string[]
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
  const closed = closedIn(names)
  for (const name of closed) lines.push(...hold(join(names.folder, name)))
  // While the lines are there, not all of their Parquet files may be.
  const halves = new Set(closed.map(name => names.parquetOf(name)))
  const parquet: Stored[] = []
  const broken: string[] = []
  const replaced = new Set(replacedIn(names))
  for (const { day, path } of parquetIn(names)) {
    if (halves.has(basename(path)) || replaced.has(path)) continue
    for (const held of hold(path)) {
      if (isWhole(held.descriptor)) parquet.push({ ...held, day })
      else {
        broken.push(path)
        closeSync(held.descriptor)
      }
    }
  }
  return { lines, parquet, broken }
}

/** Opens a file that is to be Parquet from head to end; undefined: it is not there, or is not. */
export function holdWhole(path: string): Held | undefined {
  const held = open(path)
  if (held === undefined || isWhole(held.descriptor)) return held
  closeSync(held.descriptor)
  return undefined
}

/** Days that the archive has, `2026-11-26`, oldest first. */
export function daysIn(names: LogNames): string[] {
  return namesIn(names.archive).flatMap(name => DAY.exec(name)?.[1] ?? [])
}

/** Paths of a day's Parquet files. */
export function parquetOfDay(names: LogNames, day: string): string[] {
  const folder = join(names.archive, `day=${day}`)
  return namesIn(folder)
    .filter(name => name.endsWith('.parquet'))
    .map(name => join(folder, name))
}

/** Those that count: they are whole, and their lines are gone. */
export function wholeOfDay(names: LogNames, day: string): string[] {
  const halves = new Set(closedIn(names).map(closed => names.parquetOf(closed)))
  const paths = parquetOfDay(names, day).filter(path => !halves.has(basename(path)))
  return paths.filter(isWholeFile)
}

function parquetIn(names: LogNames): { day: string; path: string }[] {
  return daysIn(names).flatMap(day => parquetOfDay(names, day).map(path => ({ day, path })))
}

/** Paths of files that are called Parquet and are none. */
export function brokenIn(names: LogNames): string[] {
  const paths = parquetIn(names).map(({ path }) => path)
  return paths.filter(path => !isWholeFile(path))
}

/** The path of a tally within the folder of the log. */
export function tallyFile(names: LogNames, name: string): string {
  return relative(names.folder, join(names.archive, TALLIES, name))
}

/** Tallies, by their paths within the folder of the log; of one day, where it is given. */
export function talliesIn(names: LogNames, day?: string): string[] {
  const all = namesIn(join(names.archive, TALLIES)).filter(name => {
    const of = TALLY.exec(name)?.[1]
    return of !== undefined && (day === undefined || of === day)
  })
  return all.map(name => tallyFile(names, name))
}

/** Whether a path within the folder of the log is that of a tally. */
export function isTally(file: string): boolean {
  return TALLY.test(basename(file))
}

/** Names of closed files of lines, oldest first. */
export function closedIn(names: LogNames): string[] {
  return namesIn(names.folder).filter(name => names.isClosed(name))
}

/** Names of closed files that had no lookup. */
export function foreignIn(names: LogNames): string[] {
  return namesIn(names.folder).filter(
    name => name.endsWith(FOREIGN) && names.isClosed(name.slice(0, -FOREIGN.length))
  )
}

/** All files but the one being written, by their paths within the folder of the log. */
export function filesIn(names: LogNames): string[] {
  const parquet = parquetIn(names).map(({ path }) => relative(names.folder, path))
  return [...closedIn(names), ...foreignIn(names), ...parquet, ...talliesIn(names)]
}

/** Lets go of them. */
export function release(files: readonly Held[]): void {
  for (const { descriptor } of files) closeSync(descriptor)
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
