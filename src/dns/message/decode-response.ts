import { failure } from '../../base/error.js'
import { copyOctets } from '../../base/octets.js'
import { ScratchArrays } from '../../base/scratch-arrays.js'
import type { Milliseconds, Octets } from '../../base/units.js'
import { encodeEde } from '../edns/ede-option.js'
import { LOWER } from '../name/hashed-name.js'
import { RCODE } from '../registry/rcode.js'
import { HEADER_SIZE } from '../registry/sizes.js'
import type { Answer, TtlLimits } from './answer.js'
import { qtypeOf } from './question.js'
import { startsWithLabel, ResponseDecoder } from './response-decoder.js'
import { scrubResponse } from './scrub-response.js'

const NO_OCTETS = new Uint8Array(0)
const NO_TTLS = new Uint16Array(0)

/** What is being read: each response is read in one go. */
const decoder = new ResponseDecoder()
/** Arrays of the answer that was read last: of nearly all there are. */
const bodies = new ScratchArrays(1024, length => new Uint8Array(length))
const ttlPositions = new ScratchArrays(64, length => new Uint16Array(length))

/**
 * SERVFAIL on behalf of an upstream that did not answer, to be kept like an answer, so that a dead
 * upstream is not asked again for every query. RFC 9520 §3.2.
 *
 * @param ede INFO-CODE that says why
 * @param text EXTRA-TEXT
 */
export function servfailAnswer(
  ede: number,
  limits: TtlLimits,
  now: Milliseconds,
  upstream: number,
  text = ''
): Answer {
  decoder.begin(NO_OCTETS)
  decoder.rcode = RCODE.SERVFAIL
  decoder.ede = { code: ede, option: encodeEde(ede, text) }
  return decoder.toAnswer(limits.failureTtl, NO_OCTETS, NO_TTLS, now, upstream)
}

/**
 * Reads an upstream's response, for which `answersQuestion` held, into the form in which answers
 * are kept, until the next one is read: who keeps it longer, copies. Its lifetime is
 *
 * - with data for QTYPE: the lowest TTL in ANSWER;
 * - NXDOMAIN or NODATA: the lower of the SOA's TTL and MINIMUM (RFC 2308 §5), and of what CNAMEs
 *   led there; 0 without an SOA;
 * - any other RCODE: `failureTtl`; FORMERR, NOTIMP and all from 16 on are about our own query to
 *   the upstream and mean nothing to the client, who gets SERVFAIL instead;
 * - truncated: 0.
 *
 * An owner name that is spelt out and is QNAME, or above it, is kept in lower case: the upstream
 * copied it from our inquiry, in whose case we hid a secret. Pointers to the question take the
 * case of whoever asks.
 *
 * Records that have nothing to do with the question are dropped: see `scrubResponse`.
 *
 * OPT and TSIG belong to one hop and are cut out. So are the records behind them, if any, because
 * pointers over the cut would lead elsewhere. Whatever stands after the last record is ignored.
 *
 * @param question as it was asked
 * @throws InterdictError WIRE_QUESTION, WIRE_OPT, WIRE_RDATA, WIRE_LARGE and those of `decompressName`
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
  if (decoder.isSuspect) {
    const related = scrubResponse(message, question)
    if (related !== message) {
      message = related
      end = decode(message, question)
    }
  }
  const { start, uncompressedOwners: spelt } = decoder
  const body = copyOf(message, start, end)
  for (let i = 0; i < spelt.length; i++) lowerLabels(body, spelt.at(i) - start)
  const ttls = ttlPositions.take(decoder.ttls.length)
  for (let i = 0; i < ttls.length; i++) ttls[i] = decoder.ttls.at(i) - start
  const lifetime = decoder.applyTtlLimits(body, ttls, limits)
  return decoder.toAnswer(lifetime, body, ttls, now, upstream)
}

/** Returns the end of the records that are kept. */
function decode(message: Uint8Array, question: Uint8Array): Octets {
  decoder.begin(message)
  decoder.decodeQuestion(question)
  return decoder.decodeRecords(qtypeOf(question))
}

function copyOf(message: Uint8Array, start: Octets, end: Octets): Uint8Array {
  const copy = bodies.take(end - start)
  copyOctets(message, start, end, copy, 0)
  return copy
}

/** Puts the labels at `at` into lower case, up to the root label or a pointer. */
function lowerLabels(octets: Uint8Array, at: Octets): void {
  for (let pos = at; startsWithLabel(octets[pos]!);) {
    for (const next = pos + 1 + octets[pos]!; ++pos < next;) octets[pos] = LOWER[octets[pos]!]!
  }
}
