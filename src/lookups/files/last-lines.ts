import { readSync } from 'node:fs'
import type { Octets } from '../../base/units.js'

const CHUNK: Octets = 64 * 1024
/** A longer line is not a query log line; the search stops there. */
const MAX_LINE: Octets = 1024 * 1024
/** The search goes back at most this far: about 300,000 lookups. */
const MAX_SCAN: Octets = 128 * 1024 * 1024
const NEWLINE = 0x0a

/** The last lines of a file that is still being written. */
export interface LastLines {
  /** In file order. */
  readonly lines: readonly string[]
  /** Offset after the last complete line. */
  readonly end: Octets
}

/**
 * Finds the last matching lines by reading backwards from the end of the file, one chunk at a time.
 *
 * @param count maximum number of lines
 * @param size of the file
 */
export function lastLines(
  file: number,
  size: Octets,
  count: number,
  matches: (line: string) => boolean
): LastLines {
  const lines: string[] = []
  let end: Octets | undefined
  let tail = Buffer.alloc(0)
  let at = size
  while (at > 0 && needsMore() && size - at < MAX_SCAN) {
    const length = Math.min(CHUNK, at)
    at -= length
    const chunk = Buffer.alloc(length)
    readSync(file, chunk, 0, length, at)
    let octets = Buffer.concat([chunk, tail])
    for (let cut; needsMore() && (cut = octets.lastIndexOf(NEWLINE)) >= 0;) {
      // What follows the last line end is an incomplete line and is skipped for now.
      if (end === undefined) end = at + cut + 1
      else addLine(octets.subarray(cut + 1))
      octets = octets.subarray(0, cut)
    }
    tail = octets
    if (tail.length > MAX_LINE) break
  }
  if (at === 0 && end !== undefined && lines.length < count) addLine(tail)
  return { lines: lines.reverse(), end: end ?? 0 }

  function needsMore(): boolean {
    return end === undefined || lines.length < count
  }

  function addLine(octets: Uint8Array): void {
    const line = Buffer.from(octets).toString()
    if (matches(line)) lines.push(line)
  }
}
