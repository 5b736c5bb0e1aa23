import { createHash } from 'node:crypto'
import { closeSync, createReadStream, fstatSync, openSync, readSync } from 'node:fs'
import type { Octets } from '../base/units.js'
import { lastLines } from '../log/last-lines.js'
import { LineOrder } from './line-order.js'

const NEWLINE = 0x0a
const CHUNK: Octets = 1024 * 1024
/** Of the beginning of a file, enough for its first line. */
const HEAD: Octets = 64 * 1024
const TIME = /"time":"([^"\\]{1,40})"/

/** A file's content. */
export interface Digest {
  /** SHA-256 of all octets, in hexadecimal, as `sha256sum` gives it. */
  readonly sha256: string
  readonly octets: Octets
}

/** Of a file of lines. */
export interface LinesDigest extends Digest {
  /** Lines with something in them. */
  readonly lines: number
  readonly longest: Octets
  /** Whether no line is known to be, or can be, of an earlier time than the one before it. */
  readonly inOrder: boolean
}

export async function digestFile(path: string): Promise<Digest> {
  const hash = createHash('sha256')
  let octets = 0
  for await (const chunk of createReadStream(path, { highWaterMark: CHUNK })) {
    hash.update(chunk as Buffer)
    octets += (chunk as Buffer).length
  }
  return { sha256: hash.digest('hex'), octets }
}

/** Of a file that is held open, all at once: for short ones. @returns SHA-256, in hexadecimal */
export function digestHeld(descriptor: number): string {
  const hash = createHash('sha256')
  const chunk = Buffer.alloc(CHUNK)
  for (let at = 0; ;) {
    const read = readSync(descriptor, chunk, 0, CHUNK, at)
    if (read === 0) return hash.digest('hex')
    hash.update(chunk.subarray(0, read))
    at += read
  }
}

export async function digestLines(path: string): Promise<LinesDigest> {
  const hash = createHash('sha256')
  const order = new LineOrder()
  let [octets, lines, longest] = [0, 0, 0]
  /** Of a line begun in an earlier chunk. */
  let begun: Octets = 0
  for await (const chunk of createReadStream(path, { highWaterMark: CHUNK })) {
    const block = chunk as Buffer
    hash.update(block)
    octets += block.length
    let start = 0
    const take = (end: number): void => {
      order.take(block, start, end)
      begun += end - start
      longest = Math.max(longest, begun)
    }
    for (let end = block.indexOf(NEWLINE); end >= 0; end = block.indexOf(NEWLINE, start)) {
      take(end)
      order.end()
      if (begun > 0) lines++
      begun = 0
      start = end + 1
    }
    take(block.length)
  }
  order.end()
  if (begun > 0) lines++
  return { sha256: hash.digest('hex'), octets, lines, longest, inOrder: order.isKept }
}

/**
 * Digests of closed files that are worked on one after the other: while DuckDB is at one of them, which
 * leaves part of a core, that of the next is made.
 */
export class DigestsAhead {
  readonly #paths: readonly string[]
  #next: { readonly path: string; readonly digest: Promise<LinesDigest> } | undefined

  constructor(paths: readonly string[]) {
    this.#paths = paths
  }

  /** Throws the system's error. */
  async of(path: string): Promise<LinesDigest> {
    const begun = this.#next?.path === path ? this.#next.digest : digestLines(path)
    this.#next = undefined
    try {
      return await begun
    } finally {
      this.#begin(this.#paths[this.#paths.indexOf(path) + 1])
    }
  }

  #begin(path: string | undefined): void {
    if (path === undefined) return
    const digest = digestLines(path)
    // It is told of when it is its turn.
    digest.catch(() => undefined)
    this.#next = { path, digest }
  }
}

/** What the first and the last line of a file say of their time; left out where they say nothing. */
export function timesIn(path: string): { readonly first?: string; readonly last?: string } {
  const file = openSync(path, 'r')
  try {
    const head = Buffer.alloc(HEAD)
    const read = readSync(file, head, 0, HEAD, 0)
    const [line = ''] = head.subarray(0, read).toString().split('\n', 1)
    const first = TIME.exec(line)?.[1]
    const { size } = fstatSync(file)
    const { lines } = lastLines(file, size, 1, text => TIME.test(text))
    const last = TIME.exec(lines[0] ?? '')?.[1]
    return { ...(first === undefined ? {} : { first }), ...(last === undefined ? {} : { last }) }
  } finally {
    closeSync(file)
  }
}
