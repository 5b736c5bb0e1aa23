import { showAddress } from '../../../base/values/address.js'
import { failure } from '../../../base/errors/error.js'
import { getUint16, getUint32 } from '../../../base/bytes/octets.js'
import type { Octets } from '../../../base/units.js'
import { decompressName } from '../name/name.js'
import { RRTYPE, showRrtype } from '../registry/rrtype.js'
import { RECORD_FIXED_SIZE } from '../registry/sizes.js'
import { checkRdata, decompressRdata } from './rdata.js'

/** Longest name, with every octet escaped. */
const LONGEST_NAME: Octets = 4 * 255
/** Longest part of a line before RDATA: name, TTL, class, type. */
const LONGEST_HEAD: Octets = LONGEST_NAME + 64
const [NEWLINE, SPACE, QUOTE, DOT, BACKSLASH] = [0x0a, 0x20, 0x22, 0x2e, 0x5c]

/** 1 for each octet that needs no escape in a name: none of these is special in a zone file. */
const IN_NAME = Uint8Array.from({ length: 256 }, (_, octet) =>
  /[a-z0-9_*-]/.test(String.fromCharCode(octet)) ? 1 : 0
)

/** Number of 16-bit fields before the name in RDATA, such as priorities and ports. */
const WORDS = new Map<number, number>([
  [RRTYPE.NS, 0],
  [RRTYPE.CNAME, 0],
  [RRTYPE.PTR, 0],
  [RRTYPE.DNAME, 0],
  [RRTYPE.MX, 1],
  [RRTYPE.SRV, 3]
])

/**
 * Writes records of messages as lines of a zone file (RFC 1035 §5.1): one record per line,
 * `owner TTL IN TYPE rdata`, with absolute names in lower case. Equal records give equal lines. RDATA
 * of uncommon types is in the generic form (RFC 3597 §5).
 */
export class ZoneFileWriter {
  private octets = new Uint8Array(65_536)
  private end: Octets = 0
  private readonly name: number[] = []

  get length(): Octets {
    return this.end
  }

  /** The text from `start` on, as a view of memory that is reused. */
  from(start: Octets): Uint8Array {
    return this.octets.subarray(start, this.end)
  }

  clear(): void {
    this.end = 0
  }

  /** Appends octets unchanged. */
  put(octets: Uint8Array): void {
    this.reserve(octets.length)
    this.octets.set(octets, this.end)
    this.end += octets.length
  }

  /**
   * Appends the line of a class IN record, including its line feed.
   *
   * @param fixed position of TYPE, after the owner
   * @param end end of RDATA
   * @throws InterdictError WIRE_RDATA and as `decodeName`
   */
  add(message: Uint8Array, owner: Octets, fixed: Octets, end: Octets): void {
    const type = (message[fixed]! << 8) | message[fixed + 1]!
    const at = fixed + RECORD_FIXED_SIZE
    this.reserve(LONGEST_HEAD + 4 * (end - at) + 64)
    this.putName(message, owner)
    const ttl = getUint32(message, fixed + 4)
    // A TTL with bit 31 set is 0. RFC 2181 §8.
    this.putText(` ${ttl > 0x7fff_ffff ? 0 : ttl} IN ${showRrtype(type)} `)
    checkRdata(message, type, at, end)
    this.putRdata(message, type, at, end)
    this.octets[this.end++] = NEWLINE
  }

  private putRdata(message: Uint8Array, type: number, at: Octets, end: Octets): void {
    const words = WORDS.get(type)
    if (words !== undefined) {
      for (let i = 0; i < words; i++) this.putText(`${getUint16(message, at + 2 * i)} `)
      this.putName(message, at + 2 * words)
    } else if (type === RRTYPE.SOA) this.putSoa(message, at, end)
    else if (type === RRTYPE.A || type === RRTYPE.AAAA) this.putAddress(message, type, at, end)
    else if (type === RRTYPE.TXT && end > at) this.putStrings(message, at, end)
    else this.putOpaque(message, type, at, end)
  }

  private putSoa(message: Uint8Array, at: Octets, end: Octets): void {
    const next = this.putName(message, at)
    this.octets[this.end++] = SPACE
    this.putName(message, next)
    for (let pos = end - 20; pos < end; pos += 4) this.putText(` ${getUint32(message, pos)}`)
  }

  private putAddress(message: Uint8Array, type: number, at: Octets, end: Octets): void {
    const size = type === RRTYPE.A ? 4 : 16
    if (end - at !== size) throw failure('WIRE_RDATA', showRrtype(type), at)
    const address = new Uint8Array(16)
    if (size === 4) address.fill(0xff, 10, 12)
    address.set(message.subarray(at, end), 16 - size)
    const shown = showAddress(address)
    // showAddress writes a mapped address as IPv4, which is invalid in an AAAA record.
    this.putText(size === 16 && !shown.includes(':') ? `::ffff:${shown}` : shown)
  }

  /** RFC 1035 §3.3.14. */
  private putStrings(message: Uint8Array, at: Octets, end: Octets): void {
    for (let pos = at; pos < end;) {
      const next = pos + 1 + message[pos]!
      if (next > end) throw failure('WIRE_RDATA', 'TXT', at)
      if (pos > at) this.octets[this.end++] = SPACE
      this.octets[this.end++] = QUOTE
      for (let i = pos + 1; i < next; i++) this.putCharacter(message[i]!)
      this.octets[this.end++] = QUOTE
      pos = next
    }
  }

  private putCharacter(octet: number): void {
    if (octet < SPACE || octet > 0x7e) return this.escape(octet)
    if (octet === QUOTE || octet === BACKSLASH) this.octets[this.end++] = BACKSLASH
    this.octets[this.end++] = octet
  }

  private putOpaque(message: Uint8Array, type: number, at: Octets, end: Octets): void {
    const rdata: number[] = []
    decompressRdata(message, type, at, end, rdata)
    this.reserve(2 * rdata.length + 64)
    this.putText(`\\# ${rdata.length} ${Buffer.from(rdata).toString('hex')}`.trimEnd())
  }

  /** Appends a name; returns the position after it in the message. */
  putName(message: Uint8Array, at: Octets): Octets {
    const { name } = this
    this.reserve(LONGEST_NAME)
    name.length = 0
    const next = decompressName(message, at, name)
    if (name[0] === 0) this.octets[this.end++] = DOT
    for (let pos = 0; name[pos] !== 0; pos += 1 + name[pos]!) {
      for (let i = pos + 1; i <= pos + name[pos]!; i++) {
        const octet = name[i]!
        if (IN_NAME[octet] === 1) this.octets[this.end++] = octet
        else this.escape(octet)
      }
      this.octets[this.end++] = DOT
    }
    return next
  }

  /** `\DDD`. RFC 1035 §5.1. */
  private escape(octet: number): void {
    this.putText(`\\${String(octet).padStart(3, '0')}`)
  }

  private putText(text: string): void {
    for (let i = 0; i < text.length; i++) this.octets[this.end++] = text.charCodeAt(i)
  }

  private reserve(more: Octets): void {
    if (this.end + more <= this.octets.length) return
    const grown = new Uint8Array(Math.max(2 * this.octets.length, this.end + more))
    grown.set(this.octets.subarray(0, this.end))
    this.octets = grown
  }
}

/** A name in wire form, in zone file format. */
export function showZoneFileName(wire: Uint8Array): string {
  const lines = new ZoneFileWriter()
  lines.putName(wire, 0)
  return Buffer.from(lines.from(0)).toString('latin1')
}
