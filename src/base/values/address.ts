import ipaddr from 'ipaddr.js'
import { failure } from '../errors/error.js'

/**
 * An IP address as 16 octets, IPv4 as IPv4-mapped IPv6 (::ffff:a.b.c.d, RFC 4291 §2.5.5.2), so that both
 * families compare, sort and index alike, and a client with a mapped address is the IPv4 client.
 */
export type Address = Uint8Array

/** A CIDR prefix. `length` counts bits of the 16-octet form, so an IPv4 /8 has length 104. */
export type Prefix = { readonly address: Address; readonly length: number }

const MAPPED_BITS = 96

/** @throws InterdictError ADDRESS_INVALID */
export function readAddress(text: string): Address {
  const address = parse(text)
  if (address === undefined) throw failure('ADDRESS_INVALID', text)
  return address
}

/**
 * Reads `address/length`; an address alone is a prefix of that address only. Host bits must be zero,
 * since a prefix with host bits set is usually a typing error.
 *
 * @throws InterdictError PREFIX_INVALID
 */
export function readPrefix(text: string): Prefix {
  const [base, bits, ...rest] = text.split('/')
  const address = base === undefined || rest.length > 0 ? undefined : parse(base)
  if (base === undefined || address === undefined) throw failure('PREFIX_INVALID', text)
  const given = bits === undefined ? undefined : /^\d{1,3}$/.test(bits) ? Number(bits) : -1
  const length = given === undefined ? 128 : given + (base.includes(':') ? 0 : MAPPED_BITS)
  if (given === -1 || length > 128 || hasHostBits(address, length))
    throw failure('PREFIX_INVALID', text)
  return { address, length }
}

/**
 * What to write instead of an invalid prefix, as the end of an error message: for `10.1.2.3/8`,
 * `; it has host bits: write 10.0.0.0/8, or 10.1.2.3 for it alone`.
 */
export function prefixHint(text: string): string {
  const [, base = text, bits] = /^(.*)\/(\d{1,3})$/s.exec(text) ?? []
  const address = parse(base)
  if (address === undefined) return octetHint(base)
  const [family, added] = base.includes(':') ? ['IPv6', 0] : ['IPv4', MAPPED_BITS]
  const length = Number(bits) + added
  if (!(length <= 128)) {
    return bits === undefined ? '' : `; the longest prefix of ${family} is /${128 - added}`
  }
  const network = address.map(
    (octet, i) => octet & (0xff00 >> Math.min(Math.max(length - 8 * i, 0), 8))
  )
  const right = showPrefix({ address: network, length })
  return `; it has host bits: write ${right}, or ${base} for it alone`
}

/** For `10.0.0.256`: `; 256 is not an octet, from 0 to 255`. */
function octetHint(text: string): string {
  const decimals = /^\d+(\.\d+){3}$/.test(text) ? text.split('.') : []
  const wrong = decimals.find(it => Number(it) > 255)
  if (wrong !== undefined) return `; ${wrong} is not an octet, from 0 to 255`
  const padded = decimals.find(it => /^0\d/.test(it))
  return padded === undefined ? '' : `; write ${Number(padded)} instead of ${padded}`
}

/** The shortest text: dotted quad for IPv4 and mapped IPv4, RFC 5952 for IPv6. */
export function showAddress(address: Address): string {
  if (isMapped(address)) return address.subarray(12).join('.')
  return ipaddr.fromByteArray([...address]).toString()
}

export function showPrefix({ address, length }: Prefix): string {
  const text = showAddress(address)
  return `${text}/${isMapped(address) && length >= MAPPED_BITS ? length - MAPPED_BITS : length}`
}

export function isMapped(address: Address): boolean {
  for (let i = 0; i < 10; i++) if (address[i] !== 0) return false
  return address[10] === 0xff && address[11] === 0xff
}

/**
 * Extracts the IPv4 address that an IPv6 address embeds: NAT64 (64:ff9b::/96, RFC 6052 §2.1), 6to4
 * (2002::/16, RFC 3056 §2), Teredo (2001::/32, RFC 4380 §4: the inverted address of the client, not that of its
 * server), ISATAP (any prefix, interface identifier [02]00:5efe, RFC 5214 §6.1) or IPv4-compatible (::/96,
 * RFC 4291 §2.5.5.1, but not :: and ::1).
 *
 * @param words the address is `words[at, at + 4)`
 * @param into filled with the IPv4-mapped form
 * @returns whether there is one
 */
export function extractIpv4(words: Uint32Array, at: number, into: Uint32Array): boolean {
  const first = words[at]!
  const second = words[at + 1]!
  const third = words[at + 2]!
  const last = words[at + 3]!
  let ipv4 = last
  if (first >>> 16 === 0x2002) ipv4 = ((first << 16) | (second >>> 16)) >>> 0
  else if (first === 0x20010000) ipv4 = ~last >>> 0
  else if ((third & 0xfdffffff) === 0x00005efe) ipv4 = last
  else if (second !== 0 || third !== 0) return false
  else if (first !== 0x0064ff9b && (first !== 0 || last <= 1)) return false
  into[0] = 0
  into[1] = 0
  into[2] = 0xffff
  into[3] = ipv4
  return true
}

/** The address as four words, most significant first, as table lookups take it. */
export function addressWords(address: Address): Uint32Array {
  const view = new DataView(address.buffer, address.byteOffset)
  return Uint32Array.from([0, 4, 8, 12], at => view.getUint32(at))
}

/** The address of four words, most significant first. */
export function addressOf(words: ArrayLike<number>): Address {
  const octets = new Uint8Array(16)
  const view = new DataView(octets.buffer)
  for (let word = 0; word < 4; word++) view.setUint32(4 * word, words[word]!)
  return octets
}

/** Undefined if it is not an address. Accepts four dotted decimals only (not `10.1`, not octal), no zone id. */
function parse(text: string): Address | undefined {
  if (!text.includes(':')) return parseIpv4(text)
  const whole = dottedTailToHex(text)
  if (whole.includes('%') || !ipaddr.IPv6.isValid(whole)) return undefined
  return Uint8Array.from(ipaddr.IPv6.parse(whole).toByteArray())
}

/** Four decimals without leading zeros; the library takes ten times as long for them. */
const IPV4 = /^(0|[1-9]\d{0,2})\.(0|[1-9]\d{0,2})\.(0|[1-9]\d{0,2})\.(0|[1-9]\d{0,2})$/

function parseIpv4(text: string): Address | undefined {
  const decimals = IPV4.exec(text)
  if (decimals === null) return undefined
  const address = new Uint8Array(16)
  address[10] = address[11] = 0xff
  for (let i = 0; i < 4; i++) {
    const octet = Number(decimals[i + 1])
    if (octet > 255) return undefined
    address[12 + i] = octet
  }
  return address
}

/**
 * Rewrites the dotted decimals at the end of an IPv6 address (RFC 4291 §2.2 item 3) in hexadecimal. The
 * library would read ::10.0.0.1, an IPv4-compatible address (§2.5.5.1), as the IPv4 address
 * ::ffff:10.0.0.1.
 *
 * @returns '' if they are not valid
 */
function dottedTailToHex(text: string): string {
  const start = text.lastIndexOf(':') + 1
  const last = text.slice(start)
  if (!last.includes('.')) return text
  if (!ipaddr.IPv4.isValidFourPartDecimal(last)) return ''
  const [a, b, c, d] = ipaddr.IPv4.parse(last).octets as [number, number, number, number]
  return `${text.slice(0, start)}${((a << 8) | b).toString(16)}:${((c << 8) | d).toString(16)}`
}

function hasHostBits(address: Address, length: number): boolean {
  for (let bit = length; bit < 128; bit++) {
    if ((address[bit >> 3]! & (0x80 >> (bit & 7))) !== 0) return true
  }
  return false
}

/** Whether all addresses of a prefix are in another one. */
export function containsPrefix(outer: Prefix, inner: Prefix): boolean {
  if (inner.length < outer.length) return false
  for (let bit = 0; bit < outer.length; bit++) {
    const mask = 0x80 >> (bit & 7)
    if (((outer.address[bit >> 3]! ^ inner.address[bit >> 3]!) & mask) !== 0) return false
  }
  return true
}
