import type { Octets } from '../../../base/units.js'
import { decompressName } from './name.js'

/** A lower-cased name in wire form as a string, one character per octet, for maps and sets. */
export type NameKey = string

/** The key of the name at `at`, and the position after that name. @throws as `decompressName` */
export function nameKeyAt(message: Uint8Array, at: Octets): { key: NameKey; end: Octets } {
  const name: number[] = []
  const end = decompressName(message, at, name)
  return { key: String.fromCharCode(...name), end }
}

/** Whether `name` equals `zone` or is a subdomain of it. */
export function isKeyAtOrBelow(name: NameKey, zone: NameKey): boolean {
  let at = 0
  while (name.length - at > zone.length) at += 1 + name.charCodeAt(at)
  return name.length - at === zone.length && name.endsWith(zone)
}

/** All ancestors of a name, nearest first. */
export function ancestorsOf(name: NameKey): NameKey[] {
  const found: NameKey[] = []
  for (let at = 0; name.charCodeAt(at) > 0;) {
    at += 1 + name.charCodeAt(at)
    found.push(name.slice(at))
  }
  return found
}
