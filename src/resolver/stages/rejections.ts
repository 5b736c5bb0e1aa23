import type { Milliseconds, Seconds } from '../../base/units.js'
import { encodeEde } from '../../wire/dns/edns/ede-option.js'
import { encodeStructuredEde } from '../../wire/dns/edns/structured-error.js'
import type { Answer } from '../../wire/dns/records/answer.js'
import { QUERY_KIND, type QueryKind } from '../../wire/dns/message/query.js'
import { EDE } from '../../wire/dns/registry/ede.js'
import { RCODE } from '../../wire/dns/registry/rcode.js'
import { encodeError, encodeNegative } from '../../wire/dns/reply/local-reply.js'
import type { Policy } from '../../policy/evaluate/policy.js'
import { MATCH } from '../../lookups/event/query-event.js'
import type { NotifyHandler } from './notify-handler.js'
import type { QueryContext } from '../context/query-context.js'
import type { QueryLogger } from './query-logger.js'
import { DROP } from '../context/responder.js'

const UNKNOWN_CLIENT = encodeEde(EDE.PROHIBITED, 'client is outside every network')

const PRIVATE_ADDRESS = edeOptions(EDE.BLOCKED, 'private address for a public name')
/** Like that of a block reply, so that a new exemption takes effect soon. */
const PRIVATE_ADDRESS_TTL: Seconds = 60

const HTTPS_HIDDEN = edeOptions(EDE.FILTERED, 'HTTPS records are hidden in this network')
/** Like `PRIVATE_ADDRESS_TTL`. */
const HIDDEN_TTL: Seconds = 60

/**
 * Replies to a message that is not an answerable query. They have no name to look up, so nothing is
 * logged.
 *
 * @param notify undefined: no zones are transferred
 * @param client four words at `clientAt`
 * @returns the reply's length, or DROP
 */
export function rejectMalformed(
  context: QueryContext,
  kind: QueryKind,
  notify: NotifyHandler | undefined,
  client: Uint32Array,
  clientAt: number
): number {
  const { octets, query, maxLength, cookieRcode } = context
  switch (kind) {
    case QUERY_KIND.formerr:
      return encodeError(octets, query, maxLength, RCODE.FORMERR, undefined)
    case QUERY_KIND.notimp:
      return (
        notify?.answer(context, client, clientAt) ??
        encodeError(octets, query, maxLength, RCODE.NOTIMP, undefined)
      )
    case QUERY_KIND.badvers:
      return encodeError(octets, query, maxLength, RCODE.BADVERS, undefined)
    case QUERY_KIND.refused:
      return encodeError(octets, query, maxLength, RCODE.REFUSED, undefined)
    case QUERY_KIND.cookieOnly:
      return encodeError(octets, query, maxLength, cookieRcode, undefined)
    default:
      return DROP
  }
}

/** Refuses a client outside every network. */
export function refuseUnknownClient(context: QueryContext, logger: QueryLogger): number {
  const { octets, query, maxLength } = context
  const length = encodeError(octets, query, maxLength, RCODE.REFUSED, UNKNOWN_CLIENT)
  logger.logRefused(context, RCODE.REFUSED, EDE.PROHIBITED)
  return length
}

/** NODATA in place of HTTPS records, as the network's `ech` says. */
export function hideHttps(
  context: QueryContext,
  policy: Policy,
  logger: QueryLogger,
  took: Milliseconds
): number {
  const { octets, query, maxLength } = context
  const { generation } = policy.snapshot
  const length = encodeNegative(
    octets,
    query,
    maxLength,
    RCODE.NOERROR,
    0,
    HIDDEN_TTL,
    generation,
    chosenFor(context, HTTPS_HIDDEN)
  )
  logger.logLocal(context, RCODE.NOERROR, EDE.FILTERED, took, MATCH.ech)
  return length
}

/** NODATA in place of an answer with a private address: other types of the name may be fine. */
export function blockPrivateAddress(
  context: QueryContext,
  policy: Policy,
  logger: QueryLogger,
  answer: Answer,
  took: Milliseconds
): number {
  const { octets, query, maxLength } = context
  const length = encodeNegative(
    octets,
    query,
    maxLength,
    RCODE.NOERROR,
    0,
    PRIVATE_ADDRESS_TTL,
    policy.snapshot.generation,
    chosenFor(context, PRIVATE_ADDRESS)
  )
  logger.logPrivateAddress(context, answer, EDE.BLOCKED, took)
  return length
}

/** An extended error as clients get it that have not asked for structured errors, and as others do. */
interface EdeOptions {
  readonly plain: Uint8Array
  readonly structured: Uint8Array
}

function edeOptions(code: number, text: string): EdeOptions {
  const error = { contact: [], justification: text, language: 'en' }
  return { plain: encodeEde(code, text), structured: encodeStructuredEde(code, error) }
}

function chosenFor({ wantsStructuredErrors }: QueryContext, options: EdeOptions): Uint8Array {
  return wantsStructuredErrors ? options.structured : options.plain
}
