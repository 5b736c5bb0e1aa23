import type { Octets } from '../../base/units.js'
import { RCODE } from '../../dns/registry/rcode.js'

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

/** Whether the upstream could not answer; another one may be able to. */
export function isErrorResponse(octets: Uint8Array, start: Octets): boolean {
  switch (octets[start + 3]! & 0x0f) {
    case RCODE.FORMERR:
    case RCODE.SERVFAIL:
    case RCODE.NOTIMP:
    case RCODE.REFUSED:
      return true
    default:
      return false
  }
}
