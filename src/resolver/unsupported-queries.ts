import type { Seconds } from '../base/units.js'
import { encodeEde } from '../dns/edns/ede-option.js'
import { QUERY_KIND } from '../dns/message/query.js'
import { EDE } from '../dns/registry/ede.js'
import { RCODE } from '../dns/registry/rcode.js'
import { RRCLASS } from '../dns/registry/rrclass.js'
import { RRTYPE } from '../dns/registry/rrtype.js'
import { encodeError, encodeMinimalAny, encodeText } from '../dns/reply/local-reply.js'
import { encodeTruncated } from '../dns/reply/reply-frame.js'
import { PROTOCOL } from '../querylog/record/query-event.js'
import type { ServerIdentity } from './identity.js'
import { CONTINUE, type QueryContext } from './query-context.js'
import type { QueryLogger } from './query-logger.js'

const NO_RECURSION = encodeEde(EDE.NOT_AUTHORITATIVE, 'recursion was not asked for')

/** Nothing about a name follows from it, and nobody needs it often. RFC 8482 §4.2. */
const MINIMAL_ANY_TTL: Seconds = 3600

/** What is said of this server in class CH: what the settings say, and REFUSED for all else. */
export function answerChaos(
  { octets, query, maxLength: limit }: QueryContext,
  identity: ServerIdentity
): number {
  const asks = query.qclass === RRCLASS.CH && query.qtype === RRTYPE.TXT
  const text = asks ? identity.textOf(query.qname) : undefined
  if (text === undefined) return encodeError(octets, query, limit, RCODE.REFUSED, undefined)
  return encodeText(octets, query, limit, text)
}

/**
 * What is not looked up for anybody, once policy has nothing against the name: the reply's length,
 * or GO_ON.
 *
 * - Without RD: REFUSED. What is held was asked for by others, and is not shown to who wants to
 *   know what they asked. RFC 8914 §4.21.
 * - ANY over UDP: next to nothing, so that nobody has us send much to an address that he invented
 *   (RFC 8482). A client with DO would not believe an unsigned record, and is sent to TCP instead,
 *   where all that the upstream has is given.
 */
export function rejectUnsupported(lookup: QueryContext, witness: QueryLogger): number {
  const { octets, query, maxLength: limit } = lookup
  if (lookup.reading !== QUERY_KIND.special) return CONTINUE
  if (!query.recursionDesired) {
    const length = encodeError(octets, query, limit, RCODE.REFUSED, NO_RECURSION)
    witness.logRefused(lookup, RCODE.REFUSED, EDE.NOT_AUTHORITATIVE)
    return length
  }
  if (lookup.protocol !== PROTOCOL.udp) return CONTINUE
  const length = query.dnssecOk
    ? encodeTruncated(octets, query)
    : encodeMinimalAny(octets, query, limit, MINIMAL_ANY_TTL)
  witness.logRefused(lookup, RCODE.NOERROR, -1)
  return length
}
