import { showAddress } from '../../../base/values/address.js'
import { getUint16 } from '../../../base/bytes/octets.js'
import type { Octets } from '../../../base/units.js'
import { decodeName, showCanonical } from '../name/name.js'
import { RRTYPE } from '../registry/rrtype.js'

/** Names of SvcParamKeys. RFC 9460 §14.3.2, RFC 9461 §5. */
const SVC_KEYS = [
  'mandatory',
  'alpn',
  'no-default-alpn',
  'port',
  'ipv4hint',
  'ech',
  'ipv6hint',
  'dohpath'
] as const

/**
 * RDATA in zone file format, for the types whose names may be compressed or on which policy decides:
 * decoded by the same code as for policy. Undefined for all other types, and for malformed RDATA.
 *
 * @throws InterdictError as `decodeName`
 */
export function showKnownRdata(
  message: Uint8Array,
  type: number,
  at: Octets,
  end: Octets
): string | undefined {
  switch (type) {
    case RRTYPE.A:
    case RRTYPE.AAAA:
      return showAddresses(message.subarray(at, end), type === RRTYPE.A ? 4 : 16)
    case RRTYPE.NS:
    case RRTYPE.CNAME:
    case RRTYPE.PTR:
    case RRTYPE.DNAME:
      return showNumbersAndName(message, at, end, 0)
    case RRTYPE.MX:
      return showNumbersAndName(message, at, end, 1)
    case RRTYPE.SRV:
      return showNumbersAndName(message, at, end, 3)
    case RRTYPE.SOA:
      return showSoa(message, at, end)
    case RRTYPE.SVCB:
    case RRTYPE.HTTPS:
      return showService(message, at, end)
    default:
      return undefined
  }
}

/** `"text"`, with quotes, backslashes and non-printable octets escaped. RFC 1035 §5.1. */
export function showText(octets: Uint8Array): string {
  let text = ''
  for (const octet of octets) {
    if (octet === 0x22 || octet === 0x5c) text += '\\' + String.fromCharCode(octet)
    else if (octet >= 0x20 && octet < 0x7f) text += String.fromCharCode(octet)
    else text += '\\' + String(octet).padStart(3, '0')
  }
  return `"${text}"`
}

/** The generic form for any type. RFC 3597 §5. */
export function showOpaque(octets: Uint8Array): string {
  return `\\# ${octets.length} ${Buffer.from(octets).toString('hex')}`.trimEnd()
}

/** RDATA that consists of 16-bit numbers, `words` of them, and a name. */
function showNumbersAndName(
  message: Uint8Array,
  at: Octets,
  end: Octets,
  words: number
): string | undefined {
  const parts: string[] = []
  for (let i = 0; i < words; i++) parts.push(String(getUint16(message, at + 2 * i)))
  const { name, end: nameEnd } = decodeName(message, at + 2 * words)
  return nameEnd === end ? [...parts, showCanonical(name)].join(' ') : undefined
}

/** RFC 1035 §3.3.13. */
function showSoa(message: Uint8Array, at: Octets, end: Octets): string | undefined {
  const mname = decodeName(message, at)
  const rname = decodeName(message, mname.end)
  if (rname.end + 20 !== end) return undefined
  const numbers = Buffer.from(message.subarray(rname.end, end))
  const five = [0, 4, 8, 12, 16].map(offset => numbers.readUInt32BE(offset))
  return [showCanonical(mname.name), showCanonical(rname.name), ...five].join(' ')
}

/** RFC 9460 §2.1. */
function showService(message: Uint8Array, at: Octets, end: Octets): string | undefined {
  const { name, end: nameEnd } = decodeName(message, at + 2)
  const parts = [String(getUint16(message, at)), showCanonical(name)]
  let pos = nameEnd
  while (pos + 4 <= end) {
    const key = getUint16(message, pos)
    const value = pos + 4
    pos = value + getUint16(message, pos + 2)
    if (pos > end) break
    parts.push(showParam(key, message.subarray(value, pos)))
  }
  return pos === end ? parts.join(' ') : undefined
}

function showParam(key: number, value: Uint8Array): string {
  const name = SVC_KEYS[key] ?? `key${key}`
  if (value.length === 0) return name
  return `${name}=${showValue(name, value) ?? showText(value)}`
}

function showValue(name: string, value: Uint8Array): string | undefined {
  if (name === 'alpn') return showAlpn(value)
  if (name === 'ipv4hint') return showAddresses(value, 4)
  if (name === 'ipv6hint') return showAddresses(value, 16)
  if (name === 'mandatory') return showKeys(value)
  return name === 'port' && value.length === 2 ? String(getUint16(value, 0)) : undefined
}

/** Length-prefixed protocol names. RFC 9460 §7.1.1. */
function showAlpn(value: Uint8Array): string {
  const protocols: string[] = []
  for (let pos = 0; pos < value.length; pos += 1 + value[pos]!) {
    protocols.push(showText(value.subarray(pos + 1, pos + 1 + value[pos]!)).slice(1, -1))
  }
  return `"${protocols.join(',')}"`
}

function showKeys(value: Uint8Array): string {
  const keys: string[] = []
  for (let pos = 0; pos + 1 < value.length; pos += 2) {
    const key = getUint16(value, pos)
    keys.push(SVC_KEYS[key] ?? `key${key}`)
  }
  return keys.join(',')
}

/** Comma-separated addresses of `size` octets each; undefined if the length is not a multiple. */
function showAddresses(octets: Uint8Array, size: 4 | 16): string | undefined {
  if (octets.length === 0 || octets.length % size !== 0) return undefined
  const shown: string[] = []
  for (let at = 0; at < octets.length; at += size) {
    const address = new Uint8Array(16)
    if (size === 4) address.fill(0xff, 10, 12)
    address.set(octets.subarray(at, at + size), 16 - size)
    shown.push(showAddress(address))
  }
  return shown.join(',')
}
