import { createHash } from 'node:crypto'
import { failure } from '../../base/error.js'
import type { Octets } from '../../base/units.js'

/** Files by name, in the order of their names: what a bundle has in it. */
export type Content = ReadonlyMap<string, Uint8Array>

/** What a bundle may have in it, unpacked. */
export const MAX_FILES = 10_000
export const MAX_CONTENT: Octets = 1024 * 1024 * 1024

/** Longest name of a file, folders included; deepest folder. */
const MAX_NAME: Octets = 255
const MAX_DEPTH = 8

/**
 * The octets of a bundle's content, unpacked: for each file its name, a zero octet, its length in
 * decimal, a zero octet, and what is in it. Names stand in the order of their octets, so that the
 * same files always give the same content, whenever and wherever they were written.
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
 * The files again, without copying them.
 *
 * @param bundle its name in messages
 * @throws InterdictError BUNDLE_BROKEN: a name that leads elsewhere, twice or out of order, or what
 *   is no file at all
 */
export function decodeContent(octets: Uint8Array, bundle: string): Content {
  const content = new Map<string, Uint8Array>()
  const broken = (why: string): Error => failure('BUNDLE_BROKEN', bundle, why)
  let at = 0
  let last = ''
  const field = (): string => {
    const end = octets.indexOf(0, at)
    if (end === -1 || end - at > MAX_NAME) throw broken(`no file begins at octet ${at}`)
    const text = Buffer.from(octets.buffer, octets.byteOffset + at, end - at).toString()
    at = end + 1
    return text
  }
  while (at < octets.length) {
    const name = field()
    const digits = field()
    const length = /^\d{1,10}$/.test(digits) ? Number(digits) : Infinity
    const shown = JSON.stringify(name)
    if (!isValidName(name)) throw broken(`${shown} is no name of a file in it`)
    if (content.size > 0 && compareOctets(last, name) >= 0) throw broken(`${shown} is out of order`)
    if (at + length > octets.length) throw broken(`${shown} ends too early`)
    if (content.size === MAX_FILES) throw broken(`more than ${MAX_FILES} files`)
    content.set(name, octets.subarray(at, at + length))
    at += length
    last = name
  }
  return content
}

export function sha256Of(octets: Uint8Array): string {
  return createHash('sha256').update(octets).digest('hex')
}

/** Whether it names a file below a folder, on any system, whatever is there. */
export function isValidName(name: string): boolean {
  const steps = name.split('/')
  // Control characters would forge lines of a log; U+FFFD stands for what is no UTF-8.
  if (/[\p{Cc}\\\ufffd]/u.test(name) || Buffer.byteLength(name) > MAX_NAME) return false
  return steps.length <= MAX_DEPTH && steps.every(step => !['', '.', '..'].includes(step))
}

export function compareOctets(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b))
}
