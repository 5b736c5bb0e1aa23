import { InterdictError } from '../../base/errors/error.js'
import type { Octets } from '../../base/units.js'
import { MAX_NAME } from '../../wire/dns/name/hashed-name.js'
import { readName, readPlainName, showCanonical, showName } from '../../wire/dns/name/name.js'
import { grow, OctetInterner, type HashKey } from './octet-interner.js'

/** Maximum number of names, and of their octets: about 120 MB with all that refers to them. */
const MOST_NAMES = 1 << 20
const MOST_OCTETS: Octets = 1 << 26
const FIRST_NAMES = 1 << 12
const NO_NAME = -1
const DOT = 0x2e

/**
 * Gives each queried name an id. A name can be spelt in several ways (final dot, upper case): each
 * spelling is parsed once and gets the id of the canonical name.
 */
export class NameInterner {
  private readonly texts: OctetInterner
  private readonly wire = new Uint8Array(MAX_NAME + 1)
  /** Names in wire format, and the id of each. */
  private readonly wires: OctetInterner
  private readonly idByWire: number[] = []
  /** The id of the name of each text, or NO_NAME. */
  private idByText = new Int32Array(FIRST_NAMES)
  /** Number of texts parsed. */
  private textsRead = 0
  /** Every text is a canonical name, as in the query log of Interdict. */
  private areCanonical = true

  constructor(salt: HashKey) {
    this.texts = new OctetInterner(salt)
    this.wires = new OctetInterner(salt)
  }

  get isFull(): boolean {
    const { size, octets } = this.texts
    return size >= MOST_NAMES || octets + this.wires.octets >= MOST_OCTETS
  }

  /** Removes all names, so that a flood of random names cannot exhaust memory. */
  clear(): void {
    this.texts.clear()
    this.wires.clear()
    this.idByWire.length = 0
    this.textsRead = 0
    this.areCanonical = true
  }

  /**
   * Id of the name with the text `source[from, to)`; -1 if it is not a domain name.
   *
   * @param hash of the text, as `Scanner` has it
   */
  idOf(source: DataView, from: Octets, to: Octets, hash: number): number {
    return this.name(this.texts.idOf(source, from, to, hash))
  }

  idOfText(text: string): number {
    return this.name(this.texts.idOfText(text))
  }

  /** Id of a name in wire format, uncompressed and in lower case. */
  idOfWire(wire: Uint8Array): number {
    const known = this.wires.idOfOctets(wire)
    return (this.idByWire[known] ??= this.idOfText(showCanonical(showName(wire))))
  }

  /** Wire format in lower case; valid until the next call. */
  wireOf(number: number): Uint8Array {
    return this.decodeText(this.texts.textOf(number))!
  }

  textOf(number: number): string {
    return this.texts.textOf(number).toString('latin1')
  }

  private name(text: number): number {
    if (text === this.textsRead) return this.readText(text)
    return this.areCanonical ? text : this.idByText[text]!
  }

  /** Parses a text that was just interned. */
  private readText(text: number): number {
    this.textsRead++
    if (text >= this.idByText.length) this.idByText = grow(this.idByText, this.textsRead)
    this.idByText[text] = text
    const name = this.canonicalText(this.texts.textOf(text))
    if (name === undefined) return text
    this.areCanonical = false
    const number = name === '' ? NO_NAME : this.idOfText(name)
    this.idByText[text] = number
    return number
  }

  /** The canonical text; '' if it is not a domain name, undefined if the text is canonical already. */
  private canonicalText(text: Buffer): string | undefined {
    const wire = this.decodeText(text)
    if (wire === undefined) return ''
    if (isPlain(text, wire)) return undefined
    const canonical = showCanonical(showName(wire))
    return canonical === text.toString() ? undefined : canonical
  }

  private decodeText(text: Buffer): Uint8Array | undefined {
    const length = readPlainName(text, 0, text.length, this.wire, 0)
    if (length > 0) return this.wire.subarray(0, length)
    return tryReadName(text.length === 0 ? '.' : text.toString())
  }
}

/** Whether the text is exactly the labels and dots: true for most names. */
function isPlain(text: Uint8Array, wire: Uint8Array): boolean {
  if (wire.length !== text.length + 2) return false
  for (let i = 0; i < text.length; i++) {
    if (text[i] !== DOT && text[i] !== wire[i + 1]) return false
  }
  return true
}

function tryReadName(text: string): Uint8Array | undefined {
  try {
    return readName(text)
  } catch (error) {
    if (error instanceof InterdictError) return undefined
    throw error
  }
}
