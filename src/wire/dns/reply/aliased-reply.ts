import { copyOctets } from '../../../base/bytes/octets.js'
import type { Octets, Seconds } from '../../../base/units.js'
import { edesFor } from './copy-edes.js'
import type { Answer } from '../records/answer.js'
import type { Query } from '../message/query.js'
import { movePointers, type MovedRecords } from '../records/move-records.js'
import { RCODE } from '../registry/rcode.js'
import { ageTtls } from './cached-reply.js'
import { encodeError } from './local-reply.js'
import { beginRecords, encodeHeader, encodeTruncated, finishReply, fits } from './reply-frame.js'

/** Reused by all calls. */
const moved = { qnameLength: 0, name: 0, records: 0 } satisfies MovedRecords

/**
 * As `encodeCachedAnswer`, where rules have made an alias of QNAME: the CNAMEs, then the answer to
 * `query.qname`, their target. The RCODE is that of the target (RFC 6604 §3); after a failure there
 * are no records. AD is never set: nobody has signed the CNAMEs. RFC 4035 §3.2.3.
 *
 * @returns the reply's length; 0 if the answer is too long to follow the CNAMEs: see `movePointers`
 */
export function encodeAliasedAnswer(
  octets: Uint8Array,
  query: Query,
  limit: Octets,
  answer: Answer,
  age: Seconds
): Octets {
  const { body, rcode, ede, ttls } = answer
  if (rcode !== RCODE.NOERROR && rcode !== RCODE.NXDOMAIN) {
    return encodeError(octets, query, limit, rcode, ede && edesFor(query, ede))
  }
  if (!fits(query, limit, body.length)) return encodeTruncated(octets, query)
  const { aliases, qname, at } = query
  const start = beginRecords(octets, query)
  const end = copyOctets(body, 0, body.length, octets, start)
  moved.qnameLength = qname.length
  moved.name = aliases.owner
  moved.records = start - at
  if (!movePointers(octets, start, end, moved)) return 0
  if (age > 0) ageTtls(octets, start, ttls, age)
  encodeHeader(octets, query, 0, 0, rcode, aliases.count + answer.answers, answer.authorities)
  return finishReply(octets, query, limit, end, rcode, ede && edesFor(query, ede))
}
