import { closeSync, existsSync, openSync, readSync, statSync } from 'node:fs'
import { extname } from 'node:path'
import type { Milliseconds, Octets } from '../../base/units.js'

const MS_PER_DAY: Milliseconds = 86_400_000
const NEWLINE = 0x0a

/** The number of a UTC day, counted from 1970-01-01. */
export function utcDay(wall: Milliseconds): number {
  return Math.floor(wall / MS_PER_DAY)
}

/**
 * The name of a file closed at time `wall`, such as `queries-20230313T000000.000Z.jsonl` for
 * `queries.jsonl`. Sorting by name sorts by time. Skips names that already exist.
 */
export function closedFilePath(path: string, wall: Milliseconds): string {
  const extension = extname(path)
  const stem = path.slice(0, path.length - extension.length)
  for (let at = wall; ; at++) {
    const stamp = new Date(at).toISOString().replaceAll(/[-:]/g, '')
    const closed = `${stem}-${stamp}${extension}`
    if (!existsSync(closed)) return closed
  }
}

/** A log file that existed before this process opened it. */
export interface ExistingFile {
  /** False for a pipe, a terminal or a device. */
  readonly isRegular: boolean
  readonly size: Octets
  /** UTC day of the last modification. */
  readonly lastWriteDay: number
  /** Whether it ends in the middle of a line, as after a power failure during a write. */
  readonly isTorn: boolean
}

/** Throws the system error when the file cannot be examined. */
export function inspectFile(path: string): ExistingFile {
  const stat = statSync(path)
  const { size } = stat
  const regular = stat.isFile()
  const torn = regular && size > 0 && !endsInLine(path, size)
  return { isRegular: regular, size, lastWriteDay: utcDay(stat.mtimeMs), isTorn: torn }
}

function endsInLine(path: string, size: Octets): boolean {
  const last = new Uint8Array(1)
  const file = openSync(path, 'r')
  try {
    readSync(file, last, 0, 1, size - 1)
  } finally {
    closeSync(file)
  }
  return last[0] === NEWLINE
}
