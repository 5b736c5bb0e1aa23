import { isMapped, readAddress, showAddress } from '../../../base/values/address.js'
import type { Octets } from '../../../base/units.js'
import type { Endpoint } from '../datagram.js'
import { AF_INET, AF_INET6, type System } from '../../../base/system/linux.js'

/** Resolves interface names to indexes. */
type Interfaces = Pick<System, 'ifNameToIndex'>

export type Family = typeof AF_INET | typeof AF_INET6

/** sizeof(struct sockaddr_in), linux/in.h */
export const SOCKADDR_IN: Octets = 16
/** sizeof(struct sockaddr_in6), linux/in6.h */
export const SOCKADDR_IN6: Octets = 28

/*
 * sockaddr_in:  u16 family (ours), u16 port (network order), u32 address, 8 octets of padding
 * sockaddr_in6: u16 family, u16 port, u32 flow information, 16 octets of address, u32 scope
 */
export const PORT_AT = 2
const ADDRESS4_AT = 4
const ADDRESS6_AT = 8
const SCOPE_AT = 24

/** Third word of an IPv4-mapped IPv6 address. RFC 4291 §2.5.5.2 */
const MAPPED_WORD = 0xffff
/** Position of the IPv4 address within an IPv4-mapped IPv6 address. RFC 4291 §2.5.5.2 */
const MAPPED_AT = 12

/**
 * The socket address of an endpoint. A zone (`fe80::1%eth0`, RFC 4007 §11) becomes the interface
 * index; an unknown zone becomes 0, to which no link-local address can be bound.
 *
 * @throws InterdictError ADDRESS_INVALID
 */
export function encodeSockaddr({ address, port }: Endpoint, system: Interfaces): Buffer {
  const [host = '', zone] = address.split('%', 2)
  const octets = readAddress(host)
  if (isMapped(octets)) {
    const name = Buffer.alloc(SOCKADDR_IN)
    name.writeUInt16LE(AF_INET, 0)
    name.writeUInt16BE(port, PORT_AT)
    name.set(octets.subarray(MAPPED_AT), ADDRESS4_AT)
    return name
  }
  const name = Buffer.alloc(SOCKADDR_IN6)
  name.writeUInt16LE(AF_INET6, 0)
  name.writeUInt16BE(port, PORT_AT)
  name.set(octets, ADDRESS6_AT)
  name.writeUInt32LE(zone === undefined ? 0 : interfaceNumber(zone, system), SCOPE_AT)
  return name
}

export function decodeSockaddr(name: Buffer): Endpoint {
  const octets = new Uint8Array(16)
  if (familyOf(name) === AF_INET) {
    octets.fill(0xff, MAPPED_AT - 2, MAPPED_AT)
    octets.set(name.subarray(ADDRESS4_AT, ADDRESS4_AT + 4), MAPPED_AT)
  } else octets.set(name.subarray(ADDRESS6_AT, ADDRESS6_AT + 16))
  return { address: showAddress(octets), port: name.readUInt16BE(PORT_AT) }
}

/** The address part as four words: see `DatagramBatch.peers`. */
export function sockaddrWords(name: DataView): Uint32Array {
  if (name.getUint16(0, true) === AF_INET)
    return Uint32Array.of(0, 0, MAPPED_WORD, name.getUint32(ADDRESS4_AT))
  return Uint32Array.from([0, 4, 8, 12], at => name.getUint32(ADDRESS6_AT + at))
}

export function familyOf(name: Buffer): Family {
  return name.readUInt16LE(0) === AF_INET ? AF_INET : AF_INET6
}

/** Whether the address part is all zero: 0.0.0.0 or `::`. */
export function isWildcard(name: Buffer): boolean {
  const at = familyOf(name) === AF_INET ? ADDRESS4_AT : ADDRESS6_AT
  const end = familyOf(name) === AF_INET ? ADDRESS4_AT + 4 : ADDRESS6_AT + 16
  return name.subarray(at, end).every(octet => octet === 0)
}

function interfaceNumber(zone: string, system: Interfaces): number {
  return /^\d+$/.test(zone) ? Number(zone) : system.ifNameToIndex(zone)
}
