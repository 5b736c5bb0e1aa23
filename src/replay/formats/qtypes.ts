import type { Octets } from '../../base/units.js'
import { readRrtype } from '../../dns/registry/rrtype.js'
import { OctetBook, type Salt } from '../octet-book.js'

/** A type that has no number here is none that a rule could be for. */
const NAMELESS = 0

/** By how logs write them. */
const known = new Map<string, number>()

/** Number of a query type as logs write it; 0 for one that is not known here by its name. */
export function qtypeOf(text: string): number {
  const number = known.get(text) ?? readRrtype(text)
  if (number === undefined) return NAMELESS
  known.set(text, number)
  return number
}

/** Reads query types from octets; a log has few, and the same again and again. */
export class Qtypes {
  readonly #book: OctetBook
  /** By the number of their text. */
  readonly #known: number[] = []

  constructor(salt: Salt) {
    this.#book = new OctetBook(salt)
  }

  /** @param hash as `Scanner` has it */
  read(view: DataView, from: Octets, to: Octets, hash: number): number {
    const number = this.#book.numberOf(view, from, to, hash)
    return (this.#known[number] ??= qtypeOf(this.#book.textOf(number).toString()))
  }
}
