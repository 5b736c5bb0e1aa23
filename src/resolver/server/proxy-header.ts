import { getUint16, getUint32 } from '../../base/bytes/octets.js'
import type { Octets } from '../../base/units.js'

/*
 * PROXY protocol, version 2 (§2.2 of its specification, by HAProxy): 12 octets of signature,
 * version and command, family and transport, length of the rest: source address, destination
 * address, ports, and TLVs, which are ignored.
 */
const SIGNATURE = Uint8Array.from([13, 10, 13, 10, 0, 13, 10, 0x51, 0x55, 0x49, 0x54, 10])
const HEAD: Octets = 16
const LOCAL = 0x20
const PROXY = 0x21
const INET = 0x1
const INET6 = 0x2
/** Length of addresses and ports. */
const INET_LENGTH: Octets = 12
const INET6_LENGTH: Octets = 36
/** Longest accepted header, including TLVs; limits how much of a stream is buffered for it. */
const LONGEST: Octets = 2048

/** The header is not complete yet; in a datagram it is truncated. */
export const HEADER_INCOMPLETE = 0
/** Not a valid header. */
export const HEADER_INVALID = -1

/** Whether a header begins here. No DNS query starts with these octets: it would have an RCODE. */
export function startsProxyHeader(octets: Uint8Array): boolean {
  return octets.length >= SIGNATURE.length && hasSignature(octets, 0, octets.length)
}

/**
 * Decodes the header at `start` and writes the client's address to `client`, four words as in
 * `DatagramBatch.peers`. LOCAL is a connection of the proxy itself: `client` stays unchanged.
 *
 * @returns the end of the header, HEADER_INCOMPLETE or HEADER_INVALID
 */
export function decodeProxyHeader(
  octets: Uint8Array,
  start: Octets,
  end: Octets,
  client: Uint32Array
): Octets {
  if (!hasSignature(octets, start, end)) return HEADER_INVALID
  if (end - start < HEAD) return HEADER_INCOMPLETE
  const command = octets[start + 12]!
  const family = octets[start + 13]! >> 4
  const length = getUint16(octets, start + 14)
  const after = start + HEAD + length
  if (after - start > LONGEST || (command !== LOCAL && command !== PROXY)) return HEADER_INVALID
  if (after > end) return HEADER_INCOMPLETE
  if (command === LOCAL) return after
  if (family === INET && length >= INET_LENGTH) {
    client.set([0, 0, 0xffff, getUint32(octets, start + HEAD)])
    return after
  }
  // Unknown families and UNIX sockets have no address to look up a network by.
  if (family !== INET6 || length < INET6_LENGTH) return HEADER_INVALID
  for (let i = 0; i < 4; i++) client[i] = getUint32(octets, start + HEAD + 4 * i)
  return after
}

/** Whether the octets received so far match the signature. */
function hasSignature(octets: Uint8Array, start: Octets, end: Octets): boolean {
  const length = Math.min(SIGNATURE.length, end - start)
  for (let i = 0; i < length; i++) if (octets[start + i] !== SIGNATURE[i]) return false
  return true
}
