import { InterdictError } from '../base/error.js'
import type { Octets } from '../base/units.js'
import { MAX_NAME } from '../wire/hashed-name.js'
import { readName, readNameOctets, showCanonical, showName } from '../wire/name.js'
import { OctetBook } from './octet-book.js'

const DOT = 0x2e
/** Most names held at once, and most octets of them: some 120 MB with what hangs on them. */
const MOST_NAMES = 1 << 20
const MOST_OCTETS: Octets = 1 << 26

/** The names that were asked for, each once, as numbers. */
export class Names {
  readonly book: OctetBook
  readonly #wire = new Uint8Array(MAX_NAME + 1)
  /** Numbers of texts in the book that are no names. */
  readonly #wrong = new Set<number>()

  constructor(random: () => number) {
    this.book = new OctetBook(random)
  }

  get isFull(): boolean {
    return this.book.size >= MOST_NAMES || this.book.octets >= MOST_OCTETS
  }

  /** Forgets all names, so that a flood of random ones cannot fill the memory. */
  clear(): void {
    this.book.clear()
    this.#wrong.clear()
  }

  /**
   * Number of a name in canonical text, as our own log has it, -1 where it is no name.
   *
   * @param hash of the text, by the book's seed
   */
  numberOf(text: Uint8Array, from: Octets, to: Octets, hash: number): number {
    const { book } = this
    const { size } = book
    const number = book.numberOf(text, from, to, hash)
    if (number === size && this.wireOf(number) === undefined) this.#wrong.add(number)
    return this.#wrong.size > 0 && this.#wrong.has(number) ? -1 : number
  }

  /** Number of a name as other programs write it: with a final dot or none, in any case. */
  numberOfText(text: string): number {
    const wire = readOrNot(text === '' ? '.' : text)
    return wire === undefined ? -1 : this.numberOfWire(wire)
  }

  /** Number of a name in wire form, uncompressed and in lower case. */
  numberOfWire(wire: Uint8Array): number {
    const canonical = Buffer.from(showCanonical(showName(wire)), 'latin1')
    const { book } = this
    return book.numberOf(canonical, 0, canonical.length, book.hash(canonical, 0, canonical.length))
  }

  /** The wire form of a name, lower-cased; undefined where it is none. Good until the next call. */
  wireOf(number: number): Uint8Array | undefined {
    return this.#read(this.book.textOf(number))
  }

  textOf(number: number): string {
    return Buffer.from(this.book.textOf(number)).toString('latin1')
  }

  #read(text: Uint8Array): Uint8Array | undefined {
    if (text.length === 1 && text[0] === DOT) return Uint8Array.of(0)
    const length = readNameOctets(text, 0, text.length, this.#wire, 0)
    if (length > 0) return this.#wire.subarray(0, length)
    return readOrNot(Buffer.from(text).toString('latin1'))
  }
}

function readOrNot(text: string): Uint8Array | undefined {
  try {
    return readName(text)
  } catch (error) {
    if (error instanceof InterdictError) return undefined
    throw error
  }
}
