import { closeSync, existsSync, fstatSync, openSync, readdirSync } from 'node:fs'
import { basename, dirname, extname, join, relative } from 'node:path'
import { closedSideFiles } from './side-files.js'
import { isCompleteParquet, isCompleteParquetFile } from './parquet-file.js'
import { replacedFiles } from './replacement.js'

/** A UTC day, `2026-11-26`. */
export type Day = string

/**
 * Folder beside the query log, with one folder of Parquet files per UTC day:
 * `archive/day=2026-11-26`.
 */
export const ARCHIVE = 'archive'

/**
 * Folder of tallies in the archive: precomputed counts that save reports from reading all lookups.
 */
const TALLIES = 'tallies'

/** Suffix of a closed file without any lookup. */
export const FOREIGN = '.foreign'

/** Timestamp in the name of a closed file; see `lookups/files/closed-files.ts`. */
const STAMP = String.raw`-(\d{4})(\d{2})(\d{2})T(\d{2})(\d{2})(\d{2}\.\d{3}Z)`
const DAY = /^day=(\d{4}-\d{2}-\d{2})$/
/** The previous layout has one hash. */
const TALLY = /^(\d{4}-\d{2}-\d{2})(?:-[0-9a-f]{16}){1,2}\.tally$/

/**
 * File names and folders of a query log: the live file `queries.jsonl`, closed files and the
 * archive.
 */
export class LogLayout {
  /** The folder of the live file. */
  readonly folder: string
  readonly archiveFolder: string
  readonly liveName: string
  private readonly closed: RegExp
  private readonly extension: string

  /** @param path of the live file */
  constructor(path: string) {
    this.folder = dirname(path)
    this.archiveFolder = join(this.folder, ARCHIVE)
    this.liveName = basename(path)
    const extension = (this.extension = extname(this.liveName))
    const stem = this.liveName.slice(0, this.liveName.length - extension.length)
    this.closed = new RegExp(`^${escaped(stem)}${STAMP}${escaped(extension)}$`)
  }

  /** Whether a name in `folder` is that of a file closed by the recorder. */
  isClosed(name: string): boolean {
    return this.closed.test(name)
  }

  /**
   * When a file was closed, according to its name, in RFC 3339; undefined if it is not a closed
   * file.
   */
  closedAt(name: string): string | undefined {
    const match = this.closed.exec(name)
    if (match === null) return undefined
    const [, year, month, day, hour, minute, second] = match
    return `${year}-${month}-${day}T${hour}:${minute}:${second}`
  }

  /** Whether a Parquet file has the name of one made of a closed file of this log. */
  isMade(parquet: string): boolean {
    return this.isClosed(`${basename(parquet, '.parquet')}${this.extension}`)
  }

  /**
   * Name of the Parquet files made of a closed file; there is one in the folder of each day it
   * covers.
   */
  parquetOf(closed: string): string {
    return `${basename(closed, this.extension)}.parquet`
  }
}

function escaped(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|]/g, String.raw`\$&`)
}

/** An open file: it stays readable even if it is renamed or removed. */
export interface OpenFile {
  readonly path: string
  readonly descriptor: number
}

/** A Parquet file. */
export interface OpenParquetFile extends OpenFile {
  /** The day of its folder, `2026-11-26`. */
  readonly day: string
}

/** A consistent view of the files of a query log: each lookup is in exactly one of them. */
export interface LogFiles {
  /** JSON Lines: the live file and closed files. */
  readonly lines: readonly OpenFile[]
  readonly parquet: readonly OpenParquetFile[]
  /** Incomplete Parquet files, as left by a broken disk. */
  readonly broken: readonly string[]
  /** Number of Parquet files that were not opened, since their days are not wanted. */
  readonly skipped: number
}

/**
 * Opens all files of a query log. Missing files are skipped: there may be no lookups yet.
 *
 * The live file is opened first: if it is renamed meanwhile, it is found again under its new name
 * and recognized by its inode.
 *
 * Throws the system error when the folder or a file cannot be read.
 *
 * @param isWanted days whose Parquet files are opened
 */
export function openLogFiles(
  layout: LogLayout,
  isWanted: (day: Day) => boolean = () => true
): LogFiles {
  const lines: OpenFile[] = []
  const inodes = new Set<string>()
  const openOnce = (path: string): OpenFile[] => {
    const file = openFile(path)
    if (file === undefined) return []
    const { dev, ino } = fstatSync(file.descriptor)
    if (inodes.has(`${dev}:${ino}`)) {
      closeSync(file.descriptor)
      return []
    }
    inodes.add(`${dev}:${ino}`)
    return [file]
  }
  lines.push(...openOnce(join(layout.folder, layout.liveName)))
  const closed = closedFiles(layout)
  for (const name of closed) lines.push(...openOnce(join(layout.folder, name)))
  // While a closed file exists, its Parquet files may be incomplete.
  const incomplete = new Set(closed.map(name => layout.parquetOf(name)))
  const parquet: OpenParquetFile[] = []
  const broken: string[] = []
  const replaced = new Set(replacedFiles(layout))
  let skipped = 0
  for (const { day, path } of parquetFiles(layout)) {
    if (incomplete.has(basename(path)) || replaced.has(path)) continue
    if (!isWanted(day)) {
      skipped++
      continue
    }
    for (const file of openOnce(path)) {
      if (isCompleteParquet(file.descriptor)) parquet.push({ ...file, day })
      else {
        broken.push(path)
        closeSync(file.descriptor)
      }
    }
  }
  return { lines, parquet, broken, skipped }
}

/** Whether there are files of this log: the live file, closed ones, or Parquet files made of those. */
export function hasLogFiles(layout: LogLayout): boolean {
  const isThere = existsSync(join(layout.folder, layout.liveName))
  if (isThere || closedFiles(layout).length > 0) return true
  return parquetFiles(layout).some(({ path }) => layout.isMade(path))
}

/** Opens a Parquet file; undefined if it does not exist or is incomplete. */
export function openParquet(path: string): OpenFile | undefined {
  const file = openFile(path)
  if (file === undefined || isCompleteParquet(file.descriptor)) return file
  closeSync(file.descriptor)
  return undefined
}

/** Days in the archive, `2026-11-26`, oldest first. */
export function archivedDays(layout: LogLayout): string[] {
  return listFolder(layout.archiveFolder).flatMap(name => DAY.exec(name)?.[1] ?? [])
}

/** Paths of the Parquet files of a day. */
export function parquetFilesOfDay(layout: LogLayout, day: string): string[] {
  const folder = join(layout.archiveFolder, `day=${day}`)
  return listFolder(folder)
    .filter(name => name.endsWith('.parquet'))
    .map(name => join(folder, name))
}

/**
 * Paths of the Parquet files of a day that count: complete ones whose JSON Lines file was removed.
 */
export function activeParquetOfDay(layout: LogLayout, day: string): string[] {
  const incomplete = new Set(closedFiles(layout).map(closed => layout.parquetOf(closed)))
  const paths = parquetFilesOfDay(layout, day).filter(path => !incomplete.has(basename(path)))
  return paths.filter(isCompleteParquetFile)
}

function parquetFiles(layout: LogLayout): { day: string; path: string }[] {
  return archivedDays(layout).flatMap(day =>
    parquetFilesOfDay(layout, day).map(path => ({ day, path }))
  )
}

/** Paths of incomplete Parquet files. */
export function brokenParquetFiles(layout: LogLayout): string[] {
  const paths = parquetFiles(layout).map(({ path }) => path)
  return paths.filter(path => !isCompleteParquetFile(path))
}

/** The path of a tally, relative to the folder of the log. */
export function tallyPath(layout: LogLayout, name: string): string {
  return relative(layout.folder, join(layout.archiveFolder, TALLIES, name))
}

/** Paths of all tallies, or of one day's, relative to the folder of the log. */
export function tallyFiles(layout: LogLayout, day?: string): string[] {
  const all = listFolder(join(layout.archiveFolder, TALLIES)).filter(name => {
    const of = TALLY.exec(name)?.[1]
    return of !== undefined && (day === undefined || of === day)
  })
  return all.map(name => tallyPath(layout, name))
}

/** Whether a path relative to the folder of the log is that of a tally. */
export function isTally(file: string): boolean {
  return TALLY.test(basename(file))
}

/** Names of closed files, oldest first. */
export function closedFiles(layout: LogLayout): string[] {
  return listFolder(layout.folder).filter(name => layout.isClosed(name))
}

/** Names of closed files without any lookup. */
export function foreignFiles(layout: LogLayout): string[] {
  return listFolder(layout.folder).filter(
    name => name.endsWith(FOREIGN) && layout.isClosed(name.slice(0, -FOREIGN.length))
  )
}

/** Paths of all files except the live one, relative to the folder of the log. */
export function allFiles(layout: LogLayout): string[] {
  const parquet = parquetFiles(layout).map(({ path }) => relative(layout.folder, path))
  return [
    ...closedFiles(layout),
    ...foreignFiles(layout),
    ...parquet,
    ...tallyFiles(layout),
    ...closedSideFiles(layout.folder)
  ]
}

export function closeFiles(files: readonly OpenFile[]): void {
  for (const { descriptor } of files) closeSync(descriptor)
}

/** Sorted; empty if the folder does not exist. */
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
