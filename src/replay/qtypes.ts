import type { Octets } from '../base/units.js'
import { readRrtype, RRTYPE } from '../dns/rrtype.js'

const A = 0x41

/** A type that has no number here is none that a rule could be for. */
const NAMELESS = 0

/** Number of a query type as logs write it; 0 for one that is not known here by its name. */
export function qtypeOf(text: string): number {
  return readRrtype(text) ?? NAMELESS
}

/** Reads query types from octets; a log has few, and the same again and again. */
export class Qtypes {
  readonly #known = new Map<string, number>()

  read(octets: Uint8Array, from: Octets, to: Octets): number {
    if (octets[from] === A) {
      if (to - from === 1) return RRTYPE.A
      if (to - from === 4 && octets[from + 1] === A && octets[from + 3] === A) return RRTYPE.AAAA
    }
    let text = ''
    for (let at = from; at < to; at++) text += String.fromCharCode(octets[at]!)
    const known = this.#known.get(text) ?? qtypeOf(text)
    this.#known.set(text, known)
    return known
  }
}
