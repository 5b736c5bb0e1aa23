import type { Milliseconds, Seconds } from '../base/units.js'
import { encodeEde } from '../dns/edns/ede-option.js'
import type { Answer } from '../dns/message/answer.js'
import { QUERY_KIND } from '../dns/message/query.js'
import { EDE } from '../dns/registry/ede.js'
import { RCODE } from '../dns/registry/rcode.js'
import { encodeError, encodeNegative } from '../dns/reply/local-reply.js'
import type { Policy } from '../policy/evaluate/policy.js'
import type { NotifyHandler } from './notify-handler.js'
import type { QueryContext } from './query-context.js'
import type { QueryLogger } from './query-logger.js'
import { DROP } from './responder.js'

const UNKNOWN_CLIENT = encodeEde(EDE.PROHIBITED, 'client is in no network served here')

const PRIVATE_ADDRESS = encodeEde(EDE.BLOCKED, 'private address for a public name')
/** As that of a ban, so that an exemption is felt. */
const PRIVATE_ADDRESS_TTL: Seconds = 60

/**
 * For a message that is no query to answer. No name was looked up, so nothing is recorded.
 *
 * @param reading one of `QUERY_KIND`
 * @param notify undefined: nobody has zones for us
 * @param client four words at `clientAt`
 */
export function rejectMalformed(
  lookup: QueryContext,
  reading: number,
  notify: NotifyHandler | undefined,
  client: Uint32Array,
  clientAt: number
): number {
  const { octets, query, maxLength: limit, cookieRcode } = lookup
  switch (reading) {
    case QUERY_KIND.formerr:
      return encodeError(octets, query, limit, RCODE.FORMERR, undefined)
    case QUERY_KIND.notimp:
      return (
        notify?.answer(lookup, client, clientAt) ??
        encodeError(octets, query, limit, RCODE.NOTIMP, undefined)
      )
    case QUERY_KIND.badvers:
      return encodeError(octets, query, limit, RCODE.BADVERS, undefined)
    case QUERY_KIND.refused:
      return encodeError(octets, query, limit, RCODE.REFUSED, undefined)
    case QUERY_KIND.cookieOnly:
      return encodeError(octets, query, limit, cookieRcode, undefined)
    default:
      return DROP
  }
}

/** For a client in no network. */
export function refuseUnknownClient(lookup: QueryContext, witness: QueryLogger): number {
  const { octets, query, maxLength: limit } = lookup
  const length = encodeError(octets, query, limit, RCODE.REFUSED, UNKNOWN_CLIENT)
  witness.logRefused(lookup, RCODE.REFUSED, EDE.PROHIBITED)
  return length
}

/** Instead of an answer that leads inside, which is none: the name may be good for other types. */
export function blockPrivateAddress(
  lookup: QueryContext,
  { snapshot }: Policy,
  witness: QueryLogger,
  answer: Answer,
  took: Milliseconds
): number {
  const { octets, query, maxLength: limit } = lookup
  const { NOERROR } = RCODE
  const serial = snapshot.generation
  const length = encodeNegative(
    octets,
    query,
    limit,
    NOERROR,
    0,
    PRIVATE_ADDRESS_TTL,
    serial,
    PRIVATE_ADDRESS
  )
  witness.logPrivateAddress(lookup, answer, EDE.BLOCKED, took)
  return length
}
