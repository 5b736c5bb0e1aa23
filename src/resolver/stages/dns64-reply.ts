import { MS_PER_SECOND, type Milliseconds, type Seconds } from '../../base/units.js'
import type { Dns64 } from '../../policy/evaluate/dns64.js'
import type { Policy } from '../../policy/evaluate/policy.js'
import { MATCH } from '../../lookups/event/query-event.js'
import { withoutRecords, type Answer } from '../../wire/dns/records/answer.js'
import { RCODE } from '../../wire/dns/registry/rcode.js'
import { RRTYPE } from '../../wire/dns/registry/rrtype.js'
import { encodeRecords } from '../../wire/dns/reply/local-records-reply.js'
import { encodeNegative } from '../../wire/dns/reply/local-reply.js'
import {
  hasExcludedAddress,
  hasUsableAddress,
  synthesizeAaaa,
  withoutExcluded
} from '../../wire/dns/reply/synthesize-aaaa.js'
import { CONTINUE, RESTART, type QueryContext } from '../context/query-context.js'
import { failsValidation } from './enforced-verdict.js'
import type { QueryLogger } from './query-logger.js'

/** Highest TTL if no SOA says how long a name has no AAAA record. RFC 6147 §5.1.7. */
const NO_SOA_TTL: Seconds = 600
/** Of what is made of the prefix of a network alone. */
const PREFIX_TTL: Seconds = 600

/**
 * The answer that a client of a network with DNS64 gets to AAAA: that of an upstream without what does not count, or, while
 * the A records are looked up, what is made of them.
 *
 * @param answer to AAAA, or to A if `context.synthesisTtl` is not -1
 * @returns undefined: the A records have to be looked up
 */
export function translateAnswer(
  context: QueryContext,
  dns64: Dns64,
  answer: Answer,
  now: Milliseconds
): Answer | undefined {
  const { query, synthesisTtl } = context
  if (synthesisTtl >= 0)
    return synthesizeAaaa(answer, query.qname, dns64, synthesisTtl, now) ?? withoutRecords(answer)
  // Such an answer does not say that there is no AAAA record. RFC 6147 §5.5.
  if (query.dnssecEnforced && failsValidation(answer)) return answer
  // Such a client validates by itself, and makes the addresses by itself. RFC 6147 §5.5.
  if (query.dnssecOk && query.checkingDisabled) return answer
  if (answer.rcode !== RCODE.NXDOMAIN && !hasUsableAddress(answer, dns64)) return undefined
  if (!hasExcludedAddress(answer, dns64)) return answer
  return withoutExcluded(answer, query.qname, dns64) ?? withoutRecords(answer)
}

/**
 * How long a name has no AAAA record, by the answer that said so: the TTL of its SOA; without one, 600 seconds. RFC 6147
 * §5.1.7.
 */
export function negativeTtl({ rcode, lifetime, storedAt }: Answer, now: Milliseconds): Seconds {
  if (lifetime === 0 && rcode === RCODE.NOERROR) return NO_SOA_TTL
  return Math.max(0, lifetime - Math.floor((now - storedAt) / MS_PER_SECOND))
}

/**
 * Answers the name that tells clients the prefix (RFC 7050), and makes aliases of the reverse names of addresses with it (RFC
 * 6147 §5.3.1). A rule that blocks the name decides before.
 *
 * @returns the reply's length, CONTINUE or RESTART
 */
export function answerByPrefix(
  context: QueryContext,
  dns64: Dns64,
  policy: Policy,
  logger: QueryLogger,
  took: Milliseconds
): number {
  const { octets, query, maxLength, target, decision } = context
  if (!query.recursionDesired) return CONTINUE
  if (query.qtype === RRTYPE.PTR) {
    const length = dns64.reverseName(query.qname, target)
    const isAlias = length > 0 && context.addRecordAlias(decision, length, PREFIX_TTL, policy.seed)
    return isAlias ? RESTART : CONTINUE
  }
  if (!dns64.isDiscoveryName(query.qname)) return CONTINUE
  const { discoveryRecords: records } = dns64
  const serial = policy.snapshot.generation
  const length =
    encodeRecords(octets, query, maxLength, records, 0, records.length, query.qtype) ||
    encodeNegative(octets, query, maxLength, RCODE.NOERROR, 0, PREFIX_TTL, serial, undefined)
  logger.logLocal(context, RCODE.NOERROR, -1, took, MATCH.qname)
  return length
}
