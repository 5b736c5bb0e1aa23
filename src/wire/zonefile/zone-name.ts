import { InterdictError } from '../../base/errors/error.js'
import type { Octets } from '../../base/units.js'
import { MAX_NAME } from '../dns/name/hashed-name.js'
import { readName, readPlainName } from '../dns/name/name.js'

const [STAR, DOT, AT, BACKSLASH] = [0x2a, 0x2e, 0x40, 0x5c]
/** Size of a label `*` in wire form. */
const STAR_LABEL: Octets = 2

/**
 * Reads names of a zone file, without creating strings for plain names. `octets[0, length)` is the
 * last one read, in wire form; a relative name stays relative to its origin.
 */
export class ZoneName {
  readonly octets = new Uint8Array(2 * (MAX_NAME + STAR_LABEL))
  length: Octets = 0
  isAbsolute = false

  /** Reads a name. @returns whether `text[from, to)` is a valid name */
  read(text: Uint8Array, from: Octets, to: Octets): boolean {
    this.isAbsolute = isAbsolute(text, from, to)
    if (to - from === 1 && (text[from] === AT || text[from] === DOT)) return this.set(ROOT)
    let at = from
    let head: Octets = 0
    if (text[from] === STAR && (to - from === 1 || text[from + 1] === DOT)) {
      this.octets.set([1, STAR])
      head = STAR_LABEL
      at = from + 2
      if (at >= to) return this.terminate(head)
    }
    const length = readPlainName(text, at, to, this.octets, head)
    if (length > 0) return this.setLength(head + length)
    return this.readEscaped(Buffer.from(text.subarray(from, to)).toString())
  }

  /** Appends the labels of another name. @returns false if the name becomes too long */
  append(origin: Uint8Array): boolean {
    this.octets.set(origin, this.length - 1)
    return this.setLength(this.length - 1 + origin.length)
  }

  /** Removes the labels of a zone from the end; false if the name is not in the zone. */
  removeZone(zone: Uint8Array): boolean {
    const start = this.length - zone.length
    let at = 0
    while (at < start) at += 1 + this.octets[at]!
    if (at !== start) return false
    for (let i = 0; i < zone.length; i++) if (this.octets[start + i] !== zone[i]) return false
    return this.terminate(start)
  }

  /** Position of the last label before the root; -1 if the name is the root. */
  lastLabel(): Octets {
    let last = -1
    for (let at = 0; this.octets[at] !== 0; at += 1 + this.octets[at]!) last = at
    return last
  }

  copy(): Uint8Array {
    return this.octets.slice(0, this.length)
  }

  private set(name: Uint8Array): boolean {
    this.octets.set(name)
    this.length = name.length
    return true
  }

  /** Terminates the name at `at` with a root label. */
  private terminate(at: Octets): boolean {
    this.octets[at] = 0
    return this.setLength(at + 1)
  }

  private setLength(length: Octets): boolean {
    this.length = length
    return length <= MAX_NAME
  }

  /** Reads a name with escapes, or in Unicode. */
  private readEscaped(text: string): boolean {
    try {
      return this.set(readName(text))
    } catch (error) {
      if (error instanceof InterdictError) return false
      throw error
    }
  }
}

const ROOT = Uint8Array.of(0)

/** Whether a name ends with an unescaped dot. */
function isAbsolute(text: Uint8Array, from: Octets, to: Octets): boolean {
  if (text[to - 1] !== DOT) return false
  let before = to - 1
  while (before > from && text[before - 1] === BACKSLASH) before--
  return (to - 1 - before) % 2 === 0
}
