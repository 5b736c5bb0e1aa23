import { readSync } from 'node:fs'
import type { Octets } from '../../base/units.js'

const CHUNK: Octets = 64 * 1024
/** A line that is longer than this is none of ours; what stands before it is not looked for. */
const MAX_LINE: Octets = 1024 * 1024
/** Further back than that nobody wants to wait for: some 300,000 lookups. */
const MAX_SCAN: Octets = 128 * 1024 * 1024
const NEWLINE = 0x0a

/** The end of a file that is being written. */
export interface LastLines {
  /** In the order of the file. */
  readonly lines: readonly string[]
  /** Behind the last whole line. */
  readonly end: Octets
}

/**
 * The last lines that are wanted, read from the end of the file backwards, a piece at a time.
 *
 * @param count how many
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
  while (at > 0 && wantsMore() && size - at < MAX_SCAN) {
    const length = Math.min(CHUNK, at)
    at -= length
    const piece = Buffer.alloc(length)
    readSync(file, piece, 0, length, at)
    let octets = Buffer.concat([piece, tail])
    for (let cut; wantsMore() && (cut = octets.lastIndexOf(NEWLINE)) >= 0;) {
      // What stands behind the last line end is half a line, and not told yet.
      if (end === undefined) end = at + cut + 1
      else keep(octets.subarray(cut + 1))
      octets = octets.subarray(0, cut)
    }
    tail = octets
    if (tail.length > MAX_LINE) break
  }
  if (at === 0 && end !== undefined && lines.length < count) keep(tail)
  return { lines: lines.reverse(), end: end ?? 0 }

  function wantsMore(): boolean {
    return end === undefined || lines.length < count
  }

  function keep(octets: Uint8Array): void {
    const line = Buffer.from(octets).toString()
    if (matches(line)) lines.push(line)
  }
}
