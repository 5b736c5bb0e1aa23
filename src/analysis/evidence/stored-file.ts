import { createHash } from 'node:crypto'
import { closeSync, openSync, readSync, writeSync } from 'node:fs'
import { crc32 } from 'node:zlib'
import type { Octets } from '../../base/units.js'

/** A file of a pack that may be larger than the memory. */
export interface StoredFile {
  readonly path: string
  readonly length: Octets
  readonly sha256: string
  readonly crc32: number
}

const BUFFER: Octets = 1024 * 1024

/** Writes lines to a file, and computes its digests meanwhile. Throws the system's error. */
export class StoredFileWriter {
  private readonly descriptor: number
  private readonly hash = createHash('sha256')
  private crc = 0
  private length: Octets = 0
  private lines: string[] = []
  private waiting = 0

  constructor(private readonly path: string) {
    this.descriptor = openSync(path, 'wx')
  }

  /** @param line with its line end */
  write(line: string): void {
    this.lines.push(line)
    this.waiting += line.length
    if (this.waiting >= BUFFER) this.flush()
  }

  finish(): StoredFile {
    this.flush()
    closeSync(this.descriptor)
    const { path, length, crc, hash } = this
    return { path, length, sha256: hash.digest('hex'), crc32: crc }
  }

  private flush(): void {
    const octets = Buffer.from(this.lines.join(''))
    this.lines = []
    this.waiting = 0
    writeAll(this.descriptor, octets)
    this.hash.update(octets)
    this.crc = crc32(octets, this.crc)
    this.length += octets.length
  }
}

/** Appends a whole file. Throws the system's error. */
export function appendStored(descriptor: number, { path }: Pick<StoredFile, 'path'>): void {
  const source = openSync(path, 'r')
  try {
    const buffer = Buffer.alloc(BUFFER)
    for (;;) {
      const read = readSync(source, buffer)
      if (read === 0) return
      writeAll(descriptor, buffer.subarray(0, read))
    }
  } finally {
    closeSync(source)
  }
}

/** A write may be short. */
export function writeAll(descriptor: number, octets: Uint8Array): void {
  for (let at = 0; at < octets.length;) at += writeSync(descriptor, octets, at)
}
