import { closeSync, fstatSync, openSync, readdirSync } from 'node:fs'
import { basename, dirname, extname, join, relative } from 'node:path'
import { isCompleteParquet, isCompleteParquetFile } from './parquet-file.js'
import { replacedFiles } from './replacement.js'

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
export class LogLayout {
  /** Where they are. */
  readonly folder: string
  readonly archiveFolder: string
  readonly liveName: string
  private readonly closed: RegExp
  private readonly extension: string

  /** @param path of the file being written */
  constructor(path: string) {
    this.folder = dirname(path)
    this.archiveFolder = join(this.folder, ARCHIVE)
    this.liveName = basename(path)
    const extension = (this.extension = extname(this.liveName))
    const stem = this.liveName.slice(0, this.liveName.length - extension.length)
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
export interface OpenFile {
  readonly path: string
  readonly descriptor: number
}

/** A Parquet file. */
export interface OpenParquetFile extends OpenFile {
  /** In whose folder it is, `2026-11-26`. */
  readonly day: string
}

/** The files of a query log at one moment, each lookup in exactly one of them. */
export interface LogFiles {
  /** JSON Lines: closed ones and that being written. */
  readonly lines: readonly OpenFile[]
  readonly parquet: readonly OpenParquetFile[]
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
export function openLogFiles(names: LogLayout): LogFiles {
  const lines: OpenFile[] = []
  const inodes = new Set<string>()
  const hold = (path: string): OpenFile[] => {
    const held = openFile(path)
    if (held === undefined) return []
    const { dev, ino } = fstatSync(held.descriptor)
    if (inodes.has(`${dev}:${ino}`)) {
      closeSync(held.descriptor)
      return []
    }
    inodes.add(`${dev}:${ino}`)
    return [held]
  }
  lines.push(...hold(join(names.folder, names.liveName)))
  const closed = closedFiles(names)
  for (const name of closed) lines.push(...hold(join(names.folder, name)))
  // While the lines are there, not all of their Parquet files may be.
  const halves = new Set(closed.map(name => names.parquetOf(name)))
  const parquet: OpenParquetFile[] = []
  const broken: string[] = []
  const replaced = new Set(replacedFiles(names))
  for (const { day, path } of parquetFiles(names)) {
    if (halves.has(basename(path)) || replaced.has(path)) continue
    for (const held of hold(path)) {
      if (isCompleteParquet(held.descriptor)) parquet.push({ ...held, day })
      else {
        broken.push(path)
        closeSync(held.descriptor)
      }
    }
  }
  return { lines, parquet, broken }
}

/** Opens a file that is to be Parquet from head to end; undefined: it is not there, or is not. */
export function openParquet(path: string): OpenFile | undefined {
  const held = openFile(path)
  if (held === undefined || isCompleteParquet(held.descriptor)) return held
  closeSync(held.descriptor)
  return undefined
}

/** Days that the archive has, `2026-11-26`, oldest first. */
export function archivedDays(names: LogLayout): string[] {
  return listFolder(names.archiveFolder).flatMap(name => DAY.exec(name)?.[1] ?? [])
}

/** Paths of a day's Parquet files. */
export function parquetFilesOfDay(names: LogLayout, day: string): string[] {
  const folder = join(names.archiveFolder, `day=${day}`)
  return listFolder(folder)
    .filter(name => name.endsWith('.parquet'))
    .map(name => join(folder, name))
}

/** Those that count: they are whole, and their lines are gone. */
export function activeParquetOfDay(names: LogLayout, day: string): string[] {
  const halves = new Set(closedFiles(names).map(closed => names.parquetOf(closed)))
  const paths = parquetFilesOfDay(names, day).filter(path => !halves.has(basename(path)))
  return paths.filter(isCompleteParquetFile)
}

function parquetFiles(names: LogLayout): { day: string; path: string }[] {
  return archivedDays(names).flatMap(day =>
    parquetFilesOfDay(names, day).map(path => ({ day, path }))
  )
}

/** Paths of files that are called Parquet and are none. */
export function brokenParquetFiles(names: LogLayout): string[] {
  const paths = parquetFiles(names).map(({ path }) => path)
  return paths.filter(path => !isCompleteParquetFile(path))
}

/** The path of a tally within the folder of the log. */
export function tallyPath(names: LogLayout, name: string): string {
  return relative(names.folder, join(names.archiveFolder, TALLIES, name))
}

/** Tallies, by their paths within the folder of the log; of one day, where it is given. */
export function tallyFiles(names: LogLayout, day?: string): string[] {
  const all = listFolder(join(names.archiveFolder, TALLIES)).filter(name => {
    const of = TALLY.exec(name)?.[1]
    return of !== undefined && (day === undefined || of === day)
  })
  return all.map(name => tallyPath(names, name))
}

/** Whether a path within the folder of the log is that of a tally. */
export function isTally(file: string): boolean {
  return TALLY.test(basename(file))
}

/** Names of closed files of lines, oldest first. */
export function closedFiles(names: LogLayout): string[] {
  return listFolder(names.folder).filter(name => names.isClosed(name))
}

/** Names of closed files that had no lookup. */
export function foreignFiles(names: LogLayout): string[] {
  return listFolder(names.folder).filter(
    name => name.endsWith(FOREIGN) && names.isClosed(name.slice(0, -FOREIGN.length))
  )
}

/** All files but the one being written, by their paths within the folder of the log. */
export function allFiles(names: LogLayout): string[] {
  const parquet = parquetFiles(names).map(({ path }) => relative(names.folder, path))
  return [...closedFiles(names), ...foreignFiles(names), ...parquet, ...tallyFiles(names)]
}

/** Lets go of them. */
export function closeFiles(files: readonly OpenFile[]): void {
  for (const { descriptor } of files) closeSync(descriptor)
}

/** Sorted; none where there is no such folder. */
function listFolder(folder: string): string[] {
  try {
    return readdirSync(folder).sort()
  } catch (error) {
    if (isMissing(error)) return []
    throw error
  }
}

function openFile(path: string): OpenFile | undefined {
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
