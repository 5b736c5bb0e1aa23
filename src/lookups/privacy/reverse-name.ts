import { ascii } from '../event/line-buffer.js'
import type { QueryEvent } from '../event/query-event.js'

const ARPA = Buffer.from('\x04arpa\0', 'latin1')
const IPV4 = { tail: Buffer.from('\x07in-addr\x04arpa\0', 'latin1'), zone: ascii('in-addr.arpa') }
const IPV6 = { tail: Buffer.from('\x03ip6\x04arpa\0', 'latin1'), zone: ascii('ip6.arpa') }

type QueryName = Pick<QueryEvent, 'client' | 'qname' | 'qnameLength'>

/**
 * Masks PTR queries for the client's own address: their QNAME contains the address. Where the
 * address must not be logged, only the reverse zone common to all addresses is.
 *
 * @returns undefined if the QNAME is another name
 */
export function maskedReverseName({
  client,
  qname,
  qnameLength
}: QueryName): Uint8Array | undefined {
  // Few names have this suffix, so other lookups cost no more than this check.
  if (!endsWith(qname, qnameLength, ARPA)) return undefined
  const mapped = client[0] === 0 && client[1] === 0 && client[2] === 0xffff
  const { tail, zone } = mapped ? IPV4 : IPV6
  const reverseName = Buffer.concat([...(mapped ? decimals(client[3]!) : nibbles(client)), tail])
  return endsWith(qname, qnameLength, reverseName) ? zone : undefined
}

/** Labels in wire format. RFC 1035 §3.5. */
function decimals(word: number): Buffer[] {
  return [0, 8, 16, 24].map(shift => label(String((word >>> shift) & 0xff)))
}

/** Labels in wire format. RFC 3596 §2.5. */
function nibbles(words: Uint32Array): Buffer[] {
  return Array.from({ length: 32 }, (_, i) => {
    const word = words[3 - (i >> 3)]!
    return label(((word >>> (4 * (i & 7))) & 0xf).toString(16))
  })
}

function label(text: string): Buffer {
  return Buffer.from(String.fromCharCode(text.length) + text, 'latin1')
}

/** Compares in lower case; a length octet, below 64, is never a letter. RFC 4343. */
function endsWith(name: Uint8Array, length: number, end: Uint8Array): boolean {
  const start = length - end.length
  if (start < 0) return false
  for (let i = end.length - 1; i >= 0; i--) {
    const octet = name[start + i]!
    const lower = octet >= 0x41 && octet <= 0x5a ? octet + 0x20 : octet
    if (lower !== end[i]) return false
  }
  return true
}
