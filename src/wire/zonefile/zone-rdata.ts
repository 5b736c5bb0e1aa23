import { isMapped, readAddress } from '../../base/values/address.js'
import { InterdictError } from '../../base/errors/error.js'
import type { Seconds } from '../../base/units.js'
import { RRTYPE } from '../dns/registry/rrtype.js'
import { readSvcParams } from './service-params.js'

/** Invalid RDATA of a record. @param token index of the invalid token */
export class RdataError extends Error {
  constructor(
    readonly token: number,
    why: string
  ) {
    super(why)
  }
}

/** The tokens of RDATA. */
export interface RdataTokens {
  readonly count: number
  text(i: number): string
  /** Word `i` as an absolute name in wire form; undefined: not a name. */
  name(i: number): Uint8Array | undefined
}

type Field = 'u8' | 'u16' | 'u32' | 'ttl' | 'ipv4' | 'ipv6' | 'name' | 'string' | RestField
/** Fields that take all remaining tokens. */
type RestField = 'strings' | 'hex' | 'text' | 'params'

/** RDATA fields by RR type. RFC 1035 §3.3, RFC 9460 §2.1 and others. */
const FIELDS = new Map<number, readonly Field[]>([
  [RRTYPE.A, ['ipv4']],
  [RRTYPE.AAAA, ['ipv6']],
  [RRTYPE.NS, ['name']],
  [RRTYPE.CNAME, ['name']],
  [RRTYPE.SOA, ['name', 'name', 'u32', 'ttl', 'ttl', 'ttl', 'ttl']],
  [RRTYPE.PTR, ['name']],
  [RRTYPE.MX, ['u16', 'name']],
  [RRTYPE.TXT, ['strings']],
  [RRTYPE.HINFO, ['string', 'string']],
  [RRTYPE.SRV, ['u16', 'u16', 'u16', 'name']],
  [RRTYPE.NAPTR, ['u16', 'u16', 'string', 'string', 'string', 'name']],
  [RRTYPE.DS, ['u16', 'u8', 'u8', 'hex']],
  [RRTYPE.TLSA, ['u8', 'u8', 'u8', 'hex']],
  [RRTYPE.CAA, ['u8', 'string', 'text']],
  [RRTYPE.SVCB, ['u16', 'name', 'params']],
  [RRTYPE.HTTPS, ['u16', 'name', 'params']]
])

/**
 * Reads RDATA in zone file format: in the format of its type, or for any type in the generic format of
 * RFC 3597 §5, `\# length hex`.
 *
 * @throws RdataFlaw
 */
export function readRdata(type: number, tokens: RdataTokens): Uint8Array {
  if (tokens.count > 0 && tokens.text(0) === '\\#') return readGeneric(tokens)
  const fields = FIELDS.get(type)
  if (fields === undefined)
    throw new RdataError(0, 'RDATA of this type needs the generic format \\# length hex')
  const parts: Uint8Array[] = []
  let token = 0
  for (const field of fields) {
    const end = isRestField(field) ? tokens.count : token + 1
    if (end > tokens.count || end === token) {
      if (field === 'params') continue
      throw new RdataError(token, 'RDATA is incomplete')
    }
    parts.push(readField(field, tokens, token, end))
    token = end
  }
  if (token < tokens.count) throw new RdataError(token, 'too many fields in RDATA')
  return Buffer.concat(parts)
}

function isRestField(field: Field): field is RestField {
  return field === 'strings' || field === 'hex' || field === 'text' || field === 'params'
}

function readField(field: Field, tokens: RdataTokens, from: number, to: number): Uint8Array {
  const text = tokens.text(from)
  const all = (): string[] => Array.from({ length: to - from }, (_, i) => tokens.text(from + i))
  const invalid = (why: string): RdataError => new RdataError(from, why)
  switch (field) {
    case 'u8':
    case 'u16':
      return readNumber(text, field === 'u8' ? 1 : 2) ?? fail(invalid('not a number in range'))
    case 'u32':
      return (
        encodeUint32(/^\d{1,10}$/.test(text) ? Number(text) : Infinity) ??
        fail(invalid('not a number in range'))
      )
    case 'ttl':
      return encodeUint32(readTtl(text) ?? Infinity) ?? fail(invalid('not a duration'))
    case 'ipv4':
      return readIp(text, true) ?? fail(invalid('not an IPv4 address'))
    case 'ipv6':
      return readIp(text, false) ?? fail(invalid('not an IPv6 address'))
    case 'name':
      return tokens.name(from) ?? fail(invalid('not a domain name'))
    case 'string':
      return readString(text) ?? fail(invalid('a text is longer than 255 octets'))
    case 'strings':
      return Buffer.concat(
        all().map(it => readString(it) ?? fail(invalid('a text is longer than 255 octets')))
      )
    case 'text':
      return readText(all().join(' '))
    case 'hex':
      return readHex(all().join('')) ?? fail(invalid('not hexadecimal digits'))
    case 'params':
      return readSvcParams(all()) ?? fail(invalid('invalid or unknown SvcParams'))
  }
}

function fail(error: Error): never {
  throw error
}

function readGeneric(tokens: RdataTokens): Uint8Array {
  const digits = Array.from({ length: tokens.count - 2 }, (_, i) => tokens.text(2 + i)).join('')
  const rdata = tokens.count < 2 ? undefined : readHex(digits)
  if (rdata?.length !== Number(tokens.text(1)))
    throw new RdataError(1, 'the length does not match the data')
  return rdata
}

function readNumber(text: string, octets: 1 | 2): Uint8Array | undefined {
  const value = /^\d{1,5}$/.test(text) ? Number(text) : Infinity
  if (value >= 2 ** (8 * octets)) return undefined
  return octets === 1 ? Uint8Array.of(value) : Uint8Array.of(value >> 8, value)
}

function encodeUint32(value: number): Uint8Array | undefined {
  if (value >= 2 ** 32) return undefined
  const octets = new Uint8Array(4)
  new DataView(octets.buffer).setUint32(0, value)
  return octets
}

/** Seconds per unit of durations in zone files, as in BIND. */
const TTL_UNITS = { s: 1, m: 60, h: 3600, d: 86_400, w: 604_800 } as const

/** Reads a TTL: `3600`, or with units, `1h30m`. Undefined: neither, or more than 2^31 - 1 (RFC 2181 §8). */
export function readTtl(text: string): Seconds | undefined {
  if (!/^(?:\d{1,10}[smhdw]?)+$/i.test(text)) return undefined
  let seconds = 0
  for (const [, digits, unit] of text.toLowerCase().matchAll(/(\d+)([smhdw]?)/g))
    seconds += Number(digits) * TTL_UNITS[(unit === '' ? 's' : unit) as keyof typeof TTL_UNITS]
  return seconds < 2 ** 31 ? seconds : undefined
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

/** A character-string, with its length octet. RFC 1035 §3.3. */
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
