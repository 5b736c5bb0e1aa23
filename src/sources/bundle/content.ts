import { failure } from '../../base/errors/error.js'
import type { Octets } from '../../base/units.js'

/** Files of a bundle by name, in order of their names. */
export type Content = ReadonlyMap<string, Uint8Array>

/** Limits of a bundle, decompressed. */
export const MAX_FILES = 10_000
export const MAX_CONTENT: Octets = 1024 * 1024 * 1024

/** Longest file name including folders, and maximum depth of folders. */
const MAX_NAME: Octets = 255
const MAX_DEPTH = 8

/**
 * Encodes the content of a bundle, before compression: for each file its name, a zero octet, its
 * length in decimal, a zero octet, and its content. Names are sorted by their octets, so that the
 * same files always give the same encoding, whenever and wherever they were written.
 */
export function encodeContent(content: Content): Uint8Array {
  const names = [...content.keys()].sort(compareOctets)
  return Buffer.concat(
    names.flatMap(name => {
      const octets = content.get(name)!
      return [Buffer.from(`${name}\0${octets.length}\0`), octets]
    })
  )
}

/**
 * Decodes the files without copying them.
 *
 * @param bundle its name in messages
 * @throws InterdictError BUNDLE_BROKEN: a name that leaves the bundle, is repeated or out of order,
 *   or malformed data
 */
export function decodeContent(octets: Uint8Array, bundle: string): Content {
  const content = new Map<string, Uint8Array>()
  const broken = (why: string): Error => failure('BUNDLE_BROKEN', bundle, why)
  let at = 0
  let last = ''
  const field = (): string => {
    const end = octets.indexOf(0, at)
    if (end === -1 || end - at > MAX_NAME) throw broken(`malformed entry at offset ${at}`)
    const text = Buffer.from(octets.buffer, octets.byteOffset + at, end - at).toString()
    at = end + 1
    return text
  }
  while (at < octets.length) {
    const name = field()
    const digits = field()
    const length = /^\d{1,10}$/.test(digits) ? Number(digits) : Infinity
    const shown = JSON.stringify(name)
    if (!isValidName(name)) throw broken(`${shown} is not a valid file name`)
    if (content.size > 0 && compareOctets(last, name) >= 0) throw broken(`${shown} is out of order`)
    if (at + length > octets.length) throw broken(`${shown} is truncated`)
    if (content.size === MAX_FILES) throw broken(`more than ${MAX_FILES} files`)
    content.set(name, octets.subarray(at, at + length))
    at += length
    last = name
  }
  return content
}

/** Whether a name is a safe relative path on any system. */
export function isValidName(name: string): boolean {
  const steps = name.split('/')
  // Control characters could forge log lines; U+FFFD marks invalid UTF-8.
  if (/[\p{Cc}\\\ufffd]/u.test(name) || Buffer.byteLength(name) > MAX_NAME) return false
  return steps.length <= MAX_DEPTH && steps.every(step => !['', '.', '..'].includes(step))
}

function compareOctets(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b))
}
