import { createHash } from 'node:crypto'
import { closeSync, fstatSync, openSync, readSync, statSync } from 'node:fs'
import type { Octets } from '../../base/units.js'

/** The lines of the live file that were added since the previous checkpoint. */
export interface OpenSegment {
  /** Offset of the first octet. */
  readonly from: Octets
  /** Offset after the last complete line. */
  readonly to: Octets
  /** SHA-256 of the octets between them. */
  readonly sha256: string
}

const CHUNK: Octets = 1024 * 1024
const NEWLINE = 0x0a

/**
 * Reads the lines that were added to the live file: each octet is read once, however large the file is.
 *
 * @param from where the last segment ended
 * @returns `shrunk` if the file ends before that; undefined if the path is not a regular file, or is another file
 *   by the time it was read
 */
export function readOpenSegment(path: string, from: Octets): OpenSegment | 'shrunk' | undefined {
  const file = openRegular(path)
  if (file === undefined) return undefined
  try {
    const { size, ino } = fstatSync(file)
    if (size < from) return 'shrunk'
    const to = lastLineEnd(file, from, size)
    const segment = { from, to, sha256: digestRange(file, from, to) }
    return statSync(path, { throwIfNoEntry: false })?.ino === ino ? segment : undefined
  } finally {
    closeSync(file)
  }
}

/** True if a file has the lines of all segments. Throws the system error. */
export function hasSegments(path: string, segments: readonly OpenSegment[]): boolean {
  const file = openSync(path, 'r')
  try {
    const { size } = fstatSync(file)
    return segments.every(
      ({ from, to, sha256 }) => to <= size && digestRange(file, from, to) === sha256
    )
  } finally {
    closeSync(file)
  }
}

/** Undefined if the file does not exist, or is a pipe or a device. */
function openRegular(path: string): number | undefined {
  return statSync(path, { throwIfNoEntry: false })?.isFile() === true
    ? openSync(path, 'r')
    : undefined
}

/** The offset after the last line end between two offsets; the first offset if there is none. */
function lastLineEnd(file: number, from: Octets, size: Octets): Octets {
  const chunk = Buffer.allocUnsafe(64 * 1024)
  for (let end = size; end > from;) {
    const start = Math.max(from, end - chunk.length)
    const read = readSync(file, chunk, 0, end - start, start)
    const at = chunk.subarray(0, read).lastIndexOf(NEWLINE)
    if (at >= 0) return start + at + 1
    end = start
  }
  return from
}

function digestRange(file: number, from: Octets, to: Octets): string {
  const hash = createHash('sha256')
  const chunk = Buffer.allocUnsafe(Math.min(CHUNK, Math.max(to - from, 1)))
  for (let at = from; at < to;) {
    const read = readSync(file, chunk, 0, Math.min(chunk.length, to - at), at)
    // The file was truncated meanwhile, so the digest is of other octets.
    if (read === 0) break
    hash.update(chunk.subarray(0, read))
    at += read
  }
  return hash.digest('hex')
}
