import { InterdictError } from '../base/error.js'
import type { Octets } from '../base/units.js'
import { MAX_NAME } from '../dns/name/hashed-name.js'
import { readName, readPlainName } from '../dns/name/name.js'

const [STAR, DOT, AT, BACKSLASH] = [0x2a, 0x2e, 0x40, 0x5c]
/** Of `*` in wire form. */
const STAR_LABEL: Octets = 2

/**
 * Reads names of a master file, without text where they are plain. `octets[0, length)` is the last
 * one, as it is written: a relative one is not completed.
 */
export class ZoneName {
  readonly octets = new Uint8Array(2 * (MAX_NAME + STAR_LABEL))
  length: Octets = 0
  isAbsolute = false

  /** @returns whether `text[from, to)` is a name */
  read(text: Uint8Array, from: Octets, to: Octets): boolean {
    this.isAbsolute = isAbsolute(text, from, to)
    if (to - from === 1 && (text[from] === AT || text[from] === DOT)) return this.take(ROOT)
    let at = from
    let head: Octets = 0
    if (text[from] === STAR && (to - from === 1 || text[from + 1] === DOT)) {
      this.octets.set([1, STAR])
      head = STAR_LABEL
      at = from + 2
      if (at >= to) return this.end(head)
    }
    const length = readPlainName(text, at, to, this.octets, head)
    if (length > 0) return this.fits(head + length)
    return this.readOdd(Buffer.from(text.subarray(from, to)).toString())
  }

  /** Adds the labels of another name behind those of this one. */
  complete(origin: Uint8Array): boolean {
    this.octets.set(origin, this.length - 1)
    return this.fits(this.length - 1 + origin.length)
  }

  /** Takes the labels of a zone away; false where this is no name in it. */
  strip(zone: Uint8Array): boolean {
    const start = this.length - zone.length
    let at = 0
    while (at < start) at += 1 + this.octets[at]!
    if (at !== start) return false
    for (let i = 0; i < zone.length; i++) if (this.octets[start + i] !== zone[i]) return false
    return this.end(start)
  }

  /** Where its last label before the root begins; -1: it is the root. */
  lastLabel(): Octets {
    let last = -1
    for (let at = 0; this.octets[at] !== 0; at += 1 + this.octets[at]!) last = at
    return last
  }

  copy(): Uint8Array {
    return this.octets.slice(0, this.length)
  }

  private take(name: Uint8Array): boolean {
    this.octets.set(name)
    this.length = name.length
    return true
  }

  /** Ends the name at `at` with a root label. */
  private end(at: Octets): boolean {
    this.octets[at] = 0
    return this.fits(at + 1)
  }

  private fits(length: Octets): boolean {
    this.length = length
    return length <= MAX_NAME
  }

  /** A name with escapes, or in Unicode. */
  private readOdd(text: string): boolean {
    try {
      return this.take(readName(text))
    } catch (error) {
      if (error instanceof InterdictError) return false
      throw error
    }
  }
}

const ROOT = Uint8Array.of(0)

/** Whether a name ends in a dot that is not part of a label. */
function isAbsolute(text: Uint8Array, from: Octets, to: Octets): boolean {
  if (text[to - 1] !== DOT) return false
  let before = to - 1
  while (before > from && text[before - 1] === BACKSLASH) before--
  return (to - 1 - before) % 2 === 0
}
