import type { Octets } from '../../../base/units.js'
import { findOpt } from '../../../wire/dns/edns/opt.js'
import { RCODE } from '../../../wire/dns/registry/rcode.js'

/*
 * The header fields that decide what happens with a response, read in place: this runs once per
 * cache miss. dns/ parses the rest. RFC 1035 §4.1.1.
 */

/** ID of the message at `start`, which has a complete header. */
export function messageId(octets: Uint8Array, start: Octets): number {
  return (octets[start]! << 8) | octets[start + 1]!
}

/** TC: the answer did not fit in a datagram. */
export function isTruncated(octets: Uint8Array, start: Octets): boolean {
  return (octets[start + 2]! & 0x02) !== 0
}

/**
 * True if the response answers the question; otherwise another upstream may. YXDOMAIN is an answer: a DNAME
 * would make the name too long (RFC 6672 §2.2). A truncated response is none over TCP either: RFC 2181 §9.
 */
export function isAnswer(octets: Uint8Array, start: Octets): boolean {
  switch (octets[start + 3]! & 0x0f) {
    case RCODE.NOERROR:
    case RCODE.NXDOMAIN:
    case RCODE.YXDOMAIN:
      return !isTruncated(octets, start)
    default:
      return false
  }
}

/**
 * Whether the upstream rejects a query with OPT because it does not know EDNS: FORMERR, or NOTIMP
 * from older servers, without OPT. RFC 6891 §7, RFC 2671 §5.3.
 */
export function isEdnsRejected(octets: Uint8Array, start: Octets, end: Octets): boolean {
  return isRejection(octets, start) && findOpt(octets, start, end) === 0
}

/** Whether the upstream rejects the form of the query. */
export function isRejection(octets: Uint8Array, start: Octets): boolean {
  const rcode = octets[start + 3]! & 0x0f
  return rcode === RCODE.FORMERR || rcode === RCODE.NOTIMP
}
