import { InterdictError } from '../base/error.js'
import type { Octets } from '../base/units.js'
import { MAX_NAME } from '../dns/name/hashed-name.js'
import { readName, readPlainName, showCanonical, showName } from '../dns/name/name.js'
import { grown, OctetBook, type Salt } from './octet-book.js'

/** Most names held at once, and most octets of them: some 120 MB with what hangs on them. */
const MOST_NAMES = 1 << 20
const MOST_OCTETS: Octets = 1 << 26
const FIRST_NAMES = 1 << 12
const NO_NAME = -1
const DOT = 0x2e

/**
 * The names that were asked for, each once, as numbers. A name may be written in several ways (with a
 * final dot, in upper case): each is read once, and is the number of the canonical one.
 */
export class Names {
  readonly #book: OctetBook
  readonly #wire = new Uint8Array(MAX_NAME + 1)
  /** Names in wire form, and of each of them its number. */
  readonly #wires: OctetBook
  readonly #ofWire: number[] = []
  /** Of each text in the book the number of its name, or NO_NAME. */
  #nameOf = new Int32Array(FIRST_NAMES)
  /** How many texts have one. */
  #read = 0
  /** All of them are names in canonical text: as in our own log. */
  #areCanonical = true

  constructor(salt: Salt) {
    this.#book = new OctetBook(salt)
    this.#wires = new OctetBook(salt)
  }

  get isFull(): boolean {
    const { size, octets } = this.#book
    return size >= MOST_NAMES || octets + this.#wires.octets >= MOST_OCTETS
  }

  /** Forgets all names, so that a flood of random ones cannot fill the memory. */
  clear(): void {
    this.#book.clear()
    this.#wires.clear()
    this.#ofWire.length = 0
    this.#read = 0
    this.#areCanonical = true
  }

  /**
   * Number of the name that is written as `source[from, to)`, -1 where it is no name.
   *
   * @param hash of the text, as `Scanner` has it
   */
  numberOf(source: DataView, from: Octets, to: Octets, hash: number): number {
    return this.#name(this.#book.numberOf(source, from, to, hash))
  }

  numberOfText(text: string): number {
    return this.#name(this.#book.numberOfText(text))
  }

  /** Number of a name in wire form, uncompressed and in lower case. */
  numberOfWire(wire: Uint8Array): number {
    const known = this.#wires.numberOfOctets(wire)
    return (this.#ofWire[known] ??= this.numberOfText(showCanonical(showName(wire))))
  }

  /** The wire form of a name, lower-cased. Good until the next call. */
  wireOf(number: number): Uint8Array {
    return this.#wireOf(this.#book.textOf(number))!
  }

  textOf(number: number): string {
    return this.#book.textOf(number).toString('latin1')
  }

  #name(text: number): number {
    if (text === this.#read) return this.#learn(text)
    return this.#areCanonical ? text : this.#nameOf[text]!
  }

  /** Reads a text that has just come into the book. */
  #learn(text: number): number {
    this.#read++
    if (text >= this.#nameOf.length) this.#nameOf = grown(this.#nameOf, this.#read)
    this.#nameOf[text] = text
    const name = this.#canonical(this.#book.textOf(text))
    if (name === undefined) return text
    this.#areCanonical = false
    const number = name === '' ? NO_NAME : this.numberOfText(name)
    this.#nameOf[text] = number
    return number
  }

  /** The name in canonical text, '' where it is none, undefined where this is how it is written. */
  #canonical(text: Buffer): string | undefined {
    const wire = this.#wireOf(text)
    if (wire === undefined) return ''
    if (isPlain(text, wire)) return undefined
    const canonical = showCanonical(showName(wire))
    return canonical === text.toString() ? undefined : canonical
  }

  #wireOf(text: Buffer): Uint8Array | undefined {
    const length = readPlainName(text, 0, text.length, this.#wire, 0)
    if (length > 0) return this.#wire.subarray(0, length)
    return readOrNot(text.length === 0 ? '.' : text.toString())
  }
}

/** Whether a name is written as its labels are, and nothing else: most are. */
function isPlain(text: Uint8Array, wire: Uint8Array): boolean {
  if (wire.length !== text.length + 2) return false
  for (let i = 0; i < text.length; i++) {
    if (text[i] !== DOT && text[i] !== wire[i + 1]) return false
  }
  return true
}

function readOrNot(text: string): Uint8Array | undefined {
  try {
    return readName(text)
  } catch (error) {
    if (error instanceof InterdictError) return undefined
    throw error
  }
}
