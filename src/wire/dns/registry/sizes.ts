import type { Octets } from '../../../base/units.js'

/*
 * Sizes of the fixed parts of a DNS message, and limits on its length.
 */

/** The message header. RFC 1035 §4.1.1. */
export const HEADER_SIZE: Octets = 12
/** QTYPE and QCLASS, after QNAME. RFC 1035 §4.1.2. */
export const QUESTION_FIXED_SIZE: Octets = 4
/** TYPE, CLASS, TTL and RDLENGTH, between owner name and RDATA. RFC 1035 §4.1.3. */
export const RECORD_FIXED_SIZE: Octets = 10
/** The same after an owner name that is a compression pointer. RFC 1035 §4.1.4. */
export const RECORD_HEADER_SIZE: Octets = 2 + RECORD_FIXED_SIZE
/** An OPT record without options: root owner and the fixed fields. RFC 6891 §6.1.2. */
export const OPT_FIXED_SIZE: Octets = 1 + RECORD_FIXED_SIZE
/** OPTION-CODE and OPTION-LENGTH of an EDNS option. RFC 6891 §6.1.2. */
export const OPTION_HEADER_SIZE: Octets = 4

/** UDP message size that every client accepts. RFC 1035 §2.3.4, RFC 6891 §6.2.3. */
export const MIN_UDP_PAYLOAD: Octets = 512
/** UDP payload size that Interdict announces: no path should fragment it. RFC 9715 §3.1. */
export const UDP_PAYLOAD: Octets = 1232
/** Longest message: the two-octet length prefix over TCP allows no more. RFC 1035 §4.2.2. */
export const MAX_MESSAGE_SIZE: Octets = 0xffff
