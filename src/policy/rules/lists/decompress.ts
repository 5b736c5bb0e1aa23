import { promisify } from 'node:util'
import { gunzip } from 'node:zlib'
import type { Octets } from '../../../base/units.js'

const unzip = promisify(gunzip)

/** Result of decompressing a file. */
export interface Decompressed {
  /** Undefined on failure. */
  readonly octets?: Uint8Array
  /** Reason of a failure; undefined: too large. */
  readonly why?: string
}

/**
 * Decompresses a file that begins like gzip (RFC 1952 §2.3.1), whatever its name; any other file is
 * returned unchanged. Stops at `most` octets: a gzip bomb a thousandth of that size could fill the
 * memory of a machine.
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
