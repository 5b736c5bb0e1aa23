import { ascii } from '../record/line-buffer.js'
import type { QueryEvent } from '../record/query-event.js'

const ARPA = Buffer.from('\x04arpa\0', 'latin1')
const IPV4 = { tail: Buffer.from('\x07in-addr\x04arpa\0', 'latin1'), shown: ascii('in-addr.arpa') }
const IPV6 = { tail: Buffer.from('\x03ip6\x04arpa\0', 'latin1'), shown: ascii('ip6.arpa') }

type Asked = Pick<QueryEvent, 'client' | 'qname' | 'qnameLength'>

/**
 * Clients ask for the name of their own address (PTR): the QNAME has the address in it then. Of such
 * a name only this is written where the address is not to be known: the zone of all of them.
 *
 * @returns undefined: it is another name
 */
export function maskedReverseName({ client, qname, qnameLength }: Asked): Uint8Array | undefined {
  // Next to no name ends so: this is all that it costs the others.
  if (!endsWith(qname, qnameLength, ARPA)) return undefined
  const mapped = client[0] === 0 && client[1] === 0 && client[2] === 0xffff
  const { tail, shown } = mapped ? IPV4 : IPV6
  const own = Buffer.concat([...(mapped ? decimals(client[3]!) : nibbles(client)), tail])
  return endsWith(qname, qnameLength, own) ? shown : undefined
}

/** In wire form, in any case. RFC 1035 §3.5. */
function decimals(word: number): Buffer[] {
  return [0, 8, 16, 24].map(shift => label(String((word >>> shift) & 0xff)))
}

/** RFC 3596 §2.5. */
function nibbles(words: Uint32Array): Buffer[] {
  return Array.from({ length: 32 }, (_, i) => {
    const word = words[3 - (i >> 3)]!
    return label(((word >>> (4 * (i & 7))) & 0xf).toString(16))
  })
}

function label(text: string): Buffer {
  return Buffer.from(String.fromCharCode(text.length) + text, 'latin1')
}

/** Lower-cases what is compared: a length octet, below 64, is no letter. RFC 4343. */
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
