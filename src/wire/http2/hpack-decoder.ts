import type { Octets } from '../../base/units.js'
import {
  fieldSize,
  isValidName,
  isValidValue,
  STATIC_TABLE,
  type HeaderField
} from './header-field.js'
import { decodeHuffman } from './huffman.js'

/** The size of the dynamic table unless a SETTINGS frame says otherwise. RFC 9113 §6.5.2. */
const DEFAULT_TABLE_SIZE: Octets = 4096
/** Indices and lengths above this are invalid: no header block is so long. */
const MAX_INTEGER = 0xff_ffff
const INVALID = -1

/**
 * Decodes header blocks of one direction of a connection, in the order in which they were sent, since each may
 * change the dynamic table. RFC 7541.
 */
export class HpackDecoder {
  /** Newest last. */
  private readonly table: HeaderField[] = []
  private size: Octets = 0
  private maxSize: Octets
  private octets!: Buffer
  private pos: Octets = 0
  private end: Octets = 0

  /** @param limit the SETTINGS_HEADER_TABLE_SIZE that this side has sent */
  constructor(private readonly limit: Octets = DEFAULT_TABLE_SIZE) {
    this.maxSize = limit
  }

  /**
   * Decodes the block `octets[start, end)`.
   *
   * @param onField called for each field in turn
   * @returns false if the block is invalid: a connection error, COMPRESSION_ERROR (RFC 9113 §4.3)
   */
  decode(
    octets: Buffer,
    start: Octets,
    end: Octets,
    onField: (field: HeaderField) => void
  ): boolean {
    this.octets = octets
    this.pos = start
    this.end = end
    // Only at the beginning of a block: RFC 7541 §4.2.
    while (this.pos < end && (octets[this.pos]! & 0xe0) === 0x20) {
      const size = this.integer(5)
      if (size === INVALID || size > this.limit) return false
      this.maxSize = size
      this.evict(0)
    }
    while (this.pos < end) {
      const field = this.field(octets[this.pos]!)
      if (field === undefined) return false
      onField(field)
    }
    return true
  }

  /** RFC 7541 §6; undefined: invalid. */
  private field(first: number): HeaderField | undefined {
    if (first >= 0x80) return this.entry(this.integer(7))
    if (first >= 0x40) {
      const field = this.literal(6)
      if (field !== undefined) this.add(field)
      return field
    }
    // Without indexing, or never indexed; 0x20 would be a table size update.
    return first >= 0x20 ? undefined : this.literal(4)
  }

  /** RFC 7541 §6.2. */
  private literal(prefix: number): HeaderField | undefined {
    const index = this.integer(prefix)
    const name = index === 0 ? this.string() : this.entry(index)?.name
    if (name === undefined) return undefined
    const value = this.string()
    if (value === undefined) return undefined
    return { name, value, isValid: isValidName(name) && isValidValue(value) }
  }

  /** RFC 7541 §2.3.3. */
  private entry(index: number): HeaderField | undefined {
    const { length } = STATIC_TABLE
    if (index > length) return this.table[this.table.length - (index - length)]
    return STATIC_TABLE[index - 1]
  }

  /** RFC 7541 §4.4: one that is larger than the table empties it. */
  private add(field: HeaderField): void {
    const size = fieldSize(field)
    this.evict(size)
    if (size > this.maxSize) return
    this.table.push(field)
    this.size += size
  }

  /** Makes room for `more` octets. */
  private evict(more: Octets): void {
    while (this.size + more > this.maxSize && this.table.length > 0)
      this.size -= fieldSize(this.table.shift()!)
  }

  /** An integer with a prefix of so many bits: RFC 7541 §5.1. */
  private integer(prefix: number): number {
    const { octets, end } = this
    if (this.pos >= end) return INVALID
    const max = (1 << prefix) - 1
    let value = octets[this.pos++]! & max
    if (value < max) return value
    for (let shift = 0; this.pos < end && shift <= 21; shift += 7) {
      const octet = octets[this.pos++]!
      value += (octet & 0x7f) << shift
      if (octet < 0x80) return value > MAX_INTEGER ? INVALID : value
    }
    return INVALID
  }

  /** RFC 7541 §5.2. */
  private string(): string | undefined {
    const isHuffman = this.pos < this.end && this.octets[this.pos]! >= 0x80
    const length = this.integer(7)
    const from = this.pos
    if (length === INVALID || from + length > this.end) return undefined
    this.pos += length
    if (!isHuffman) return this.octets.toString('latin1', from, this.pos)
    const text = scratchFor(2 * length)
    const size = decodeHuffman(this.octets, from, this.pos, text)
    return size < 0 ? undefined : text.toString('latin1', 0, size)
  }
}

/** Decoded strings before they are one; shared, since it is used within a call only. */
let scratch = Buffer.alloc(4096)

function scratchFor(size: Octets): Buffer {
  if (scratch.length < size) scratch = Buffer.alloc(2 * size)
  return scratch
}
