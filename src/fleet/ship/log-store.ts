import { open } from 'node:fs/promises'
import type { Octets } from '../../base/units.js'

/** A file for the centre. */
export interface ShippedFile {
  /** Path relative to the central folder. */
  readonly path: string
  readonly sha256: string
  readonly size: Octets
  /** Its content from an offset on, in chunks of at most 128 kB. Throws the system error. */
  read(offset: Octets): AsyncIterable<Buffer>
}

/** Where the logs of the fleet are collected. */
export interface LogStore {
  /**
   * Sends a file, or the rest of it. Sending it again changes nothing.
   *
   * @returns whether the centre has it, with its digest; false: it may confirm it later
   * @throws InterdictError FLEET_LOGS
   */
  put(file: ShippedFile): Promise<boolean>
  /** Those of some paths that the centre surely has. Absent: `put` finds out. @throws InterdictError FLEET_LOGS */
  confirmed?(paths: readonly string[]): Promise<ReadonlySet<string>>
  close(): Promise<void>
}

const CHUNK: Octets = 128 * 1024

/** Reads a file that stays readable if it is removed meanwhile. */
export async function* readFrom(path: string, offset: Octets): AsyncGenerator<Buffer> {
  const file = await open(path)
  try {
    for (let at = offset; ;) {
      const { bytesRead, buffer } = await file.read(Buffer.alloc(CHUNK), 0, CHUNK, at)
      if (bytesRead === 0) return
      yield buffer.subarray(0, bytesRead)
      at += bytesRead
    }
  } finally {
    await file.close()
  }
}

/** Content that is in memory. */
export async function* inMemory(octets: Buffer, offset: Octets): AsyncGenerator<Buffer> {
  for (let at = offset; at < octets.length; at += CHUNK)
    yield await Promise.resolve(octets.subarray(at, at + CHUNK))
}
