import type { Seconds } from '../../base/units.js'
import { encodeEde } from '../../wire/dns/edns/ede-option.js'
import { QUERY_KIND } from '../../wire/dns/message/query.js'
import { EDE } from '../../wire/dns/registry/ede.js'
import { RCODE } from '../../wire/dns/registry/rcode.js'
import { RRCLASS } from '../../wire/dns/registry/rrclass.js'
import { RRTYPE } from '../../wire/dns/registry/rrtype.js'
import { encodeError, encodeMinimalAny, encodeText } from '../../wire/dns/reply/local-reply.js'
import { encodeTruncated } from '../../wire/dns/reply/reply-frame.js'
import { PROTOCOL } from '../../lookups/event/query-event.js'
import { CONTINUE, type QueryContext } from '../context/query-context.js'
import type { QueryLogger } from './query-logger.js'
import type { ServerIdentity } from '../context/server-identity.js'

const NO_RECURSION = encodeEde(EDE.NOT_AUTHORITATIVE, 'recursion not desired')

/** A minimal ANY reply says nothing about the name, so it may be cached long. RFC 8482 §4.2. */
const MINIMAL_ANY_TTL: Seconds = 3600

/** Class CH: the identity texts from the settings; REFUSED for any other question. */
export function answerChaos(
  { octets, query, maxLength }: QueryContext,
  identity: ServerIdentity
): number {
  const isText = query.qclass === RRCLASS.CH && query.qtype === RRTYPE.TXT
  const text = isText ? identity.textOf(query.qname) : undefined
  if (text === undefined) return encodeError(octets, query, maxLength, RCODE.REFUSED, undefined)
  return encodeText(octets, query, maxLength, text)
}

/**
 * Rejects queries that are never forwarded. Call it after policy has allowed the name.
 *
 * - Without RD: REFUSED. Answers from the cache would reveal what other clients have queried (cache
 *   snooping). RFC 8914 §4.21.
 * - ANY over UDP: a minimal reply, so that the resolver cannot be used for amplification
 *   (RFC 8482). A client with DO would not accept an unsigned record: it gets TC and may retry over
 *   TCP, where ANY is forwarded.
 *
 * @returns the reply's length, or CONTINUE
 */
export function rejectUnsupported(context: QueryContext, logger: QueryLogger): number {
  const { octets, query, maxLength } = context
  if (context.queryKind !== QUERY_KIND.special) return CONTINUE
  if (!query.recursionDesired) {
    const length = encodeError(octets, query, maxLength, RCODE.REFUSED, NO_RECURSION)
    logger.logRefused(context, RCODE.REFUSED, EDE.NOT_AUTHORITATIVE)
    return length
  }
  if (context.protocol !== PROTOCOL.udp) return CONTINUE
  const length = query.dnssecOk
    ? encodeTruncated(octets, query)
    : encodeMinimalAny(octets, query, maxLength, MINIMAL_ANY_TTL)
  logger.logRefused(context, RCODE.NOERROR, -1)
  return length
}
