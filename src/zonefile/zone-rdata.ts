import { isMapped, readAddress } from '../base/address.js'
import { InterdictError } from '../base/error.js'
import { RRTYPE } from '../dns/registry/rrtype.js'
import { readParams } from './service-params.js'

/** What is wrong with the RDATA of a record, and in which of its words. */
export class RdataFlaw extends Error {
  constructor(
    readonly word: number,
    why: string
  ) {
    super(why)
  }
}

/** The words of RDATA. */
export interface RdataWords {
  readonly count: number
  text(i: number): string
  /** The name of a word, completed, in wire form; undefined: it is none. */
  name(i: number): Uint8Array | undefined
}

type Field = 'u8' | 'u16' | 'ipv4' | 'ipv6' | 'name' | 'string' | Rest
/** What takes all words that are left. */
type Rest = 'strings' | 'hex' | 'text' | 'params'

/** How RDATA of each type is written. RFC 1035 §3.3, RFC 9460 §2.1 and so on. */
const FIELDS = new Map<number, readonly Field[]>([
  [RRTYPE.A, ['ipv4']],
  [RRTYPE.AAAA, ['ipv6']],
  [RRTYPE.NS, ['name']],
  [RRTYPE.CNAME, ['name']],
  [RRTYPE.PTR, ['name']],
  [RRTYPE.MX, ['u16', 'name']],
  [RRTYPE.TXT, ['strings']],
  [RRTYPE.HINFO, ['string', 'string']],
  [RRTYPE.SRV, ['u16', 'u16', 'u16', 'name']],
  [RRTYPE.NAPTR, ['u16', 'u16', 'string', 'string', 'string', 'name']],
  [RRTYPE.TLSA, ['u8', 'u8', 'u8', 'hex']],
  [RRTYPE.CAA, ['u8', 'string', 'text']],
  [RRTYPE.SVCB, ['u16', 'name', 'params']],
  [RRTYPE.HTTPS, ['u16', 'name', 'params']]
])

/**
 * Reads the RDATA of a record as master files have it, in the form for its type, or for any type in
 * that of RFC 3597 §5, `\# length hex`.
 *
 * @throws RdataFlaw
 */
export function readRdata(type: number, words: RdataWords): Uint8Array {
  if (words.count > 0 && words.text(0) === '\\#') return readUnknown(words)
  const fields = FIELDS.get(type)
  if (fields === undefined) throw new RdataFlaw(0, 'RDATA of this type is read as \\# length hex')
  const parts: Uint8Array[] = []
  let word = 0
  for (const field of fields) {
    const end = isRest(field) ? words.count : word + 1
    if (end > words.count || end === word) {
      if (field === 'params') continue
      throw new RdataFlaw(word, 'RDATA ends too early')
    }
    parts.push(readField(field, words, word, end))
    word = end
  }
  if (word < words.count) throw new RdataFlaw(word, 'more RDATA than the type has')
  return Buffer.concat(parts)
}

function isRest(field: Field): field is Rest {
  return field === 'strings' || field === 'hex' || field === 'text' || field === 'params'
}

function readField(field: Field, words: RdataWords, from: number, to: number): Uint8Array {
  const text = words.text(from)
  const all = (): string[] => Array.from({ length: to - from }, (_, i) => words.text(from + i))
  const flaw = (why: string): RdataFlaw => new RdataFlaw(from, why)
  switch (field) {
    case 'u8':
    case 'u16':
      return readNumber(text, field === 'u8' ? 1 : 2) ?? raise(flaw('no number in range'))
    case 'ipv4':
      return readIp(text, true) ?? raise(flaw('no IPv4 address'))
    case 'ipv6':
      return readIp(text, false) ?? raise(flaw('no IPv6 address'))
    case 'name':
      return words.name(from) ?? raise(flaw('no domain name'))
    case 'string':
      return readString(text) ?? raise(flaw('a text over 255 octets'))
    case 'strings':
      return Buffer.concat(all().map(it => readString(it) ?? raise(flaw('a text over 255 octets'))))
    case 'text':
      return readText(all().join(' '))
    case 'hex':
      return readHex(all().join('')) ?? raise(flaw('no hexadecimal digits'))
    case 'params':
      return readParams(all()) ?? raise(flaw('no SvcParams that are known here'))
  }
}

function raise(error: Error): never {
  throw error
}

function readUnknown(words: RdataWords): Uint8Array {
  const digits = Array.from({ length: words.count - 2 }, (_, i) => words.text(2 + i)).join('')
  const rdata = words.count < 2 ? undefined : readHex(digits)
  if (rdata?.length !== Number(words.text(1))) throw new RdataFlaw(1, 'not so many octets')
  return rdata
}

function readNumber(text: string, octets: 1 | 2): Uint8Array | undefined {
  const value = /^\d{1,5}$/.test(text) ? Number(text) : Infinity
  if (value >= 2 ** (8 * octets)) return undefined
  return octets === 1 ? Uint8Array.of(value) : Uint8Array.of(value >> 8, value)
}

function readIp(text: string, isIpv4: boolean): Uint8Array | undefined {
  try {
    const address = readAddress(text)
    if (isMapped(address) !== isIpv4 || text.includes(':') === isIpv4) return undefined
    return isIpv4 ? address.slice(12) : address
  } catch (error) {
    if (error instanceof InterdictError) return undefined
    throw error
  }
}

function readHex(text: string): Uint8Array | undefined {
  return /^(?:[\da-f]{2})*$/i.test(text) ? Buffer.from(text, 'hex') : undefined
}

/** A character-string, its length octet first. RFC 1035 §3.3. */
function readString(text: string): Uint8Array | undefined {
  const octets = readText(text)
  return octets.length > 255 ? undefined : Uint8Array.of(octets.length, ...octets)
}

/** Text with escapes. RFC 1035 §5.1. */
export function readText(text: string): Uint8Array {
  const parts = text.match(/\\\d{3}|\\[^]|[^\\]+/gu) ?? []
  return Buffer.concat(
    parts.map(part => {
      if (!part.startsWith('\\')) return Buffer.from(part)
      return part.length === 4 ? Buffer.of(Number(part.slice(1))) : Buffer.from(part.slice(1))
    })
  )
}
