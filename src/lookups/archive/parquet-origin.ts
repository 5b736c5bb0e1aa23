import { closeSync, fstatSync, openSync, readSync } from 'node:fs'
import type { ParquetMetadata } from './parquet-metadata.js'

/** The last octets of a Parquet file: length of the footer (little-endian), then `PAR1`. */
const TRAILER = 8
/** Larger footers are not ours. */
const MAX_FOOTER = 16 * 1024 * 1024
/** The key `interdict` as a string of Thrift's compact protocol, then the header of the value: field 2, a string. */
const KEY = Buffer.from('\x09interdict\x18', 'latin1')

/**
 * Reads what a Parquet file of the archive was made of, without DuckDB; undefined for a file from another program.
 *
 * Throws the system error.
 */
export function readOrigin(path: string): ParquetMetadata | undefined {
  const descriptor = openSync(path, 'r')
  try {
    return originIn(footerOf(descriptor))
  } finally {
    closeSync(descriptor)
  }
}

function footerOf(descriptor: number): Buffer {
  const { size } = fstatSync(descriptor)
  const trailer = Buffer.alloc(TRAILER)
  readSync(descriptor, trailer, 0, TRAILER, Math.max(0, size - TRAILER))
  const length = Math.min(trailer.readUInt32LE(0), MAX_FOOTER, Math.max(0, size - TRAILER))
  const footer = Buffer.alloc(length)
  readSync(descriptor, footer, 0, length, size - TRAILER - length)
  return footer
}

function originIn(footer: Buffer): ParquetMetadata | undefined {
  const found = footer.indexOf(KEY)
  if (found < 0) return undefined
  let at = found + KEY.length
  let length = 0
  // An unsigned LEB128 number.
  for (let shift = 0; at < footer.length; shift += 7) {
    const octet = footer[at++]!
    length += (octet & 0x7f) * 2 ** shift
    if (octet < 0x80) break
  }
  try {
    return JSON.parse(footer.toString('utf8', at, at + length)) as ParquetMetadata
  } catch {
    return undefined
  }
}
