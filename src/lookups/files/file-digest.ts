import { createHash } from 'node:crypto'
import { closeSync, fstatSync, openSync, readSync } from 'node:fs'
import { constants, open } from 'node:fs/promises'
import type { Octets } from '../../base/units.js'
import { lastLines } from './last-lines.js'

const CHUNK: Octets = 1024 * 1024
/** A small file takes a small buffer: the garbage collector runs for each few large ones. */
const chunkFor = ({ size }: { readonly size: Octets }): Buffer =>
  Buffer.allocUnsafeSlow(Math.min(CHUNK, size + 1))
/** The start of a file, enough for its first line. */
const HEAD: Octets = 64 * 1024
const TIME = /"time":"([^"\\]{1,40})"/

/** Digest and size of a file. */
export interface Digest {
  /** SHA-256 of the file in hexadecimal, as printed by `sha256sum`. */
  readonly sha256: string
  readonly octets: Octets
}

/** Throws the system's error, and one for what is not a regular file: a device or a pipe never ends. */
export async function digestFile(path: string): Promise<Digest> {
  // Opening a pipe without this waits for a writer.
  const file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK)
  try {
    const hash = createHash('sha256')
    const stats = await file.stat()
    if (!stats.isFile()) throw new Error('not a regular file')
    const chunk = chunkFor(stats)
    for (let octets = 0; ;) {
      const { bytesRead } = await file.read(chunk)
      if (bytesRead === 0) return { sha256: hash.digest('hex'), octets }
      hash.update(chunk.subarray(0, bytesRead))
      octets += bytesRead
    }
  } finally {
    await file.close()
  }
}

/** Digests an open file synchronously, for short files. @returns SHA-256 in hexadecimal */
export function digestDescriptor(descriptor: number): string {
  const hash = createHash('sha256')
  const chunk = chunkFor(fstatSync(descriptor))
  for (let at = 0; ;) {
    const read = readSync(descriptor, chunk, 0, chunk.length, at)
    if (read === 0) return hash.digest('hex')
    hash.update(chunk.subarray(0, read))
    at += read
  }
}

/** The times in the first and the last line of a file; omitted where there is none. */
export function firstAndLastTime(path: string): {
  readonly first?: string
  readonly last?: string
} {
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
