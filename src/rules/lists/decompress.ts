import { promisify } from 'node:util'
import { gunzip } from 'node:zlib'
import type { Octets } from '../../base/units.js'

const unzip = promisify(gunzip)

/** What a file is unpacked to. */
export interface Decompressed {
  /** Undefined where it cannot be unpacked. */
  readonly octets?: Uint8Array
  /** Why it cannot be; undefined where it is too large. */
  readonly why?: string
}

/**
 * Unpacks a file if it begins as gzip has it (RFC 1952 §2.3.1), whatever its name says; else it is as
 * it is. That ends as soon as there is more in it than there may be: a thousandth of that, packed
 * well, is enough to fill the memory of a machine.
 */
export async function decompress(octets: Uint8Array, most: Octets): Promise<Decompressed> {
  if (octets[0] !== 0x1f || octets[1] !== 0x8b) return { octets }
  try {
    return { octets: await unzip(octets, { maxOutputLength: Math.max(1, most) }) }
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    return code === 'ERR_BUFFER_TOO_LARGE' ? {} : { why: message }
  }
}
