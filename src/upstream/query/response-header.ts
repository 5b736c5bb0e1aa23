import type { Octets } from '../../base/units.js'
import { RCODE } from '../../dns/registry/rcode.js'

/*
 * The three fields of a response's header that say what to do with it. Read in place, since a
 * response passes through here once per cache miss; everything else in it is `wire/`'s business.
 * RFC 1035 §4.1.1.
 */

/** Message ID of the message that starts at `start`; it has a whole header. */
export function messageId(octets: Uint8Array, start: Octets): number {
  return (octets[start]! << 8) | octets[start + 1]!
}

/** TC: the answer did not fit in a datagram. */
export function isTruncated(octets: Uint8Array, start: Octets): boolean {
  return (octets[start + 2]! & 0x02) !== 0
}

/** Whether the upstream says that it could not answer, so that another one may know better. */
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
