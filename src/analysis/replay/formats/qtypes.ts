import type { Octets } from '../../../base/units.js'
import { readRrtype } from '../../../wire/dns/registry/rrtype.js'
import { OctetInterner, type HashKey } from '../octet-interner.js'

/** For unknown types: no rule can be about them. */
const NAMELESS = 0

/** Types by their text in logs. */
const known = new Map<string, number>()

/** The number of a query type; 0 if its name is unknown. */
export function qtypeOf(text: string): number {
  const number = known.get(text) ?? readRrtype(text)
  if (number === undefined) return NAMELESS
  known.set(text, number)
  return number
}

/** Parses query types from octets; a log repeats a few. */
export class QtypeCache {
  private readonly book: OctetInterner
  /** By the id of their text. */
  private readonly known: number[] = []

  constructor(salt: HashKey) {
    this.book = new OctetInterner(salt)
  }

  /** @param hash as `Scanner` has it */
  read(view: DataView, from: Octets, to: Octets, hash: number): number {
    const number = this.book.idOf(view, from, to, hash)
    return (this.known[number] ??= qtypeOf(this.book.textOf(number).toString()))
  }
}
