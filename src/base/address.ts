import ipaddr from 'ipaddr.js'
import { failure } from './error.js'

/**
 * An IP address as 16 octets: IPv6 as it is, IPv4 mapped (::ffff:a.b.c.d, RFC 4291 §2.5.5.2), so
 * that both kinds compare, sort and index alike and a mapped client is the IPv4 client it is.
 */
export type Address = Uint8Array

/** A CIDR prefix. `length` counts bits of the 16-octet form: an IPv4 /8 has length 104. */
export type Prefix = { readonly address: Address; readonly length: number }

const MAPPED_BITS = 96

/** @throws InterdictError ADDRESS_INVALID */
export function readAddress(text: string): Address {
  if (!ipaddr.isValid(text) || !isStrict(text)) throw failure('ADDRESS_INVALID', text)
  return octetsOf(ipaddr.parse(text))
}

/**
 * Reads `address/length`, or an address alone as the prefix of just that address. Host bits must
 * be zero: a prefix with host bits set is a typing error more often than not.
 *
 * @throws InterdictError PREFIX_INVALID
 */
export function readPrefix(text: string): Prefix {
  const [base, bits, ...rest] = text.split('/')
  if (base === undefined || rest.length > 0 || !ipaddr.isValid(base) || !isStrict(base)) {
    throw failure('PREFIX_INVALID', text)
  }
  const address = octetsOf(ipaddr.parse(base))
  const given = bits === undefined ? undefined : /^\d{1,3}$/.test(bits) ? Number(bits) : -1
  const length = given === undefined ? 128 : given + (base.includes(':') ? 0 : MAPPED_BITS)
  if (given === -1 || length > 128 || hasHostBits(address, length))
    throw failure('PREFIX_INVALID', text)
  return { address, length }
}

/** The shortest text: dotted quad for IPv4 and mapped IPv4, RFC 5952 for IPv6. */
export function showAddress(address: Address): string {
  return ipaddr.process(ipaddr.fromByteArray([...address]).toString()).toString()
}

export function showPrefix({ address, length }: Prefix): string {
  const text = showAddress(address)
  return `${text}/${isMapped(address) && length >= MAPPED_BITS ? length - MAPPED_BITS : length}`
}

export function isMapped(address: Address): boolean {
  for (let i = 0; i < 10; i++) if (address[i] !== 0) return false
  return address[10] === 0xff && address[11] === 0xff
}

/** Four dotted decimals only: no `10.1`, no octal, no zone. */
function isStrict(text: string): boolean {
  return text.includes(':') ? !text.includes('%') : ipaddr.IPv4.isValidFourPartDecimal(text)
}

function octetsOf(parsed: ipaddr.IPv4 | ipaddr.IPv6): Address {
  const wide = parsed.kind() === 'ipv4' ? (parsed as ipaddr.IPv4).toIPv4MappedAddress() : parsed
  return Uint8Array.from(wide.toByteArray())
}

function hasHostBits(address: Address, length: number): boolean {
  for (let bit = length; bit < 128; bit++) {
    if ((address[bit >> 3]! & (0x80 >> (bit & 7))) !== 0) return true
  }
  return false
}
