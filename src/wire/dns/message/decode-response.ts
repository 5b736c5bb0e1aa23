import { failure } from '../../../base/errors/error.js'
import { copyOctets } from '../../../base/bytes/octets.js'
import { ScratchArrays } from '../../../base/bytes/scratch-arrays.js'
import type { Milliseconds, Octets } from '../../../base/units.js'
import { encodeEde } from '../edns/ede-option.js'
import { LOWER } from '../name/hashed-name.js'
import { HEADER_SIZE } from '../registry/sizes.js'
import type { Answer, TtlLimits } from '../records/answer.js'
import { qtypeOf } from './question.js'
import { startsWithLabel, ResponseDecoder } from './response-decoder.js'
import { CNAME_LOOP, scrubResponse } from './scrub-response.js'

const NO_OCTETS = new Uint8Array(0)

/** Shared by all calls: each response is decoded synchronously. */
const decoder = new ResponseDecoder()
/** Arrays for the most recent answer, reused by the next one. */
const bodies = new ScratchArrays(1024, length => new Uint8Array(length))
const ttlPositions = new ScratchArrays(64, length => new Uint16Array(length))

/**
 * A SERVFAIL answer for an upstream that did not respond, to be cached like an answer, so that not
 * every query is sent to a dead upstream. RFC 9520 §3.2.
 *
 * @param ede INFO-CODE of the reason
 * @param text EXTRA-TEXT
 * @param aliases a response of upstreams that answered before, to the same question
 */
export function servfailAnswer(
  ede: number,
  limits: TtlLimits,
  now: Milliseconds,
  upstream: number,
  text = '',
  aliases?: { readonly message: Uint8Array; readonly question: Uint8Array }
): Answer {
  const end = aliases === undefined ? 0 : decode(aliases.message, aliases.question)
  if (aliases === undefined) decoder.begin(NO_OCTETS)
  decoder.ede = { code: ede, option: encodeEde(ede, text) }
  const message = aliases?.message ?? NO_OCTETS
  return toFailure(message, end, limits, now, upstream)
}

/**
 * Decodes an upstream's response, already checked by `answersQuestion`, into an answer to be cached.
 * The result is valid until the next call: copy it to keep it. Its lifetime is
 *
 * - with data for QTYPE: the lowest TTL in ANSWER;
 * - NXDOMAIN or NODATA: the lowest of the SOA's TTL and MINIMUM (RFC 2308 §5) and the TTLs of the
 *   CNAMEs before it; 0 without an SOA;
 * - YXDOMAIN by a DNAME: `failureTtl`;
 * - any other RCODE, truncated over TCP, or a loop of CNAMEs: `failureTtl`. These concern the query sent to the
 *   upstream, not the client's, so the client gets SERVFAIL without records instead.
 *
 * Clients must not see the random case of the query sent upstream, or of an earlier one that the
 * upstream has cached. So what a name shares with the end of QNAME is lower-cased, in
 * owners and RDATA. Pointers to the question get the case of the client's query.
 *
 * Policy applies to ANSWER only. So that no other section leads to a blocked name, ADDITIONAL and the
 * NS of AUTHORITY are dropped, and so are records unrelated to the question: see `scrubResponse`. OPT
 * and TSIG are hop-by-hop. Octets after the last record are ignored.
 *
 * @param question as sent
 * @throws InterdictError WIRE_QUESTION, WIRE_OPT, WIRE_RDATA, WIRE_LARGE and as `decompressName`
 */
export function decodeResponse(
  message: Uint8Array,
  question: Uint8Array,
  limits: TtlLimits,
  now: Milliseconds,
  upstream: number
): Answer {
  if (message.length < HEADER_SIZE) throw failure('WIRE_SHORT', message.length)
  let end = decode(message, question)
  if (!decoder.isAnswer) return toFailure(message, end, limits, now, upstream)
  if (decoder.isSuspect) {
    const related = scrubResponse(message, question, decoder.budget)
    if (related === undefined) return decoder.toFailure(limits, now, upstream, CNAME_LOOP)
    if (related !== message) {
      const { ede } = decoder // from OPT, which `related` lacks
      message = related
      end = decode(message, question)
      decoder.ede = ede
    }
  }
  decoder.collectSubstitutedNames()
  const { body, ttls } = copyRecords(message, end)
  decoder.levelTtls(body, ttls, qtypeOf(question))
  const lifetime = decoder.applyTtlLimits(body, ttls, limits)
  return decoder.toAnswer(lifetime, body, ttls, now, upstream)
}

/** Decodes the message and returns the end of the records that are kept. */
function decode(message: Uint8Array, question: Uint8Array): Octets {
  decoder.begin(message)
  decoder.decodeQuestion(question)
  return decoder.decodeRecords(qtypeOf(question))
}

/** SERVFAIL. The aliases that led to the failure stay with it, for policy only: clients get no records. */
function toFailure(
  message: Uint8Array,
  end: Octets,
  limits: TtlLimits,
  now: Milliseconds,
  upstream: number
): Answer {
  if (!decoder.hasAliases) return decoder.toFailure(limits, now, upstream)
  const { body, ttls } = copyRecords(message, end)
  return decoder.toFailure(limits, now, upstream, undefined, body, ttls)
}

/** The records that were decoded, and the positions of their TTLs. */
function copyRecords(message: Uint8Array, end: Octets): Pick<Answer, 'body' | 'ttls'> {
  const { start, copiesOfQname: copies } = decoder
  const body = copyOf(message, start, end)
  for (let i = 0; i < copies.length; i++) lowerLabels(body, copies.at(i) - start)
  const ttls = ttlPositions.take(decoder.ttls.length)
  for (let i = 0; i < ttls.length; i++) ttls[i] = decoder.ttls.at(i) - start
  return { body, ttls }
}

function copyOf(message: Uint8Array, start: Octets, end: Octets): Uint8Array {
  const copy = bodies.take(end - start)
  copyOctets(message, start, end, copy, 0)
  return copy
}

/** Lower-cases the labels at `at`, up to the root label or a pointer. */
function lowerLabels(octets: Uint8Array, at: Octets): void {
  for (let pos = at; startsWithLabel(octets[pos]!);) {
    for (const next = pos + 1 + octets[pos]!; ++pos < next;) octets[pos] = LOWER[octets[pos]!]!
  }
}
