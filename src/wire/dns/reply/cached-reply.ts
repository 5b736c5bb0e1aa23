import { copyOctets, setUint32 } from '../../../base/bytes/octets.js'
import type { Octets, Seconds } from '../../../base/units.js'
import { edesFor } from './copy-edes.js'
import type { Answer } from '../records/answer.js'
import type { Query } from '../message/query.js'
import { finishReply, fits, encodeHeader, encodeTruncated } from './reply-frame.js'

const AD = 0x20

/**
 * Encodes a cached answer, with its TTLs decremented by `age`. If it exceeds `limit`, the reply has
 * no records and TC set: a partial RRset is useless. RFC 2181 §9.
 */
export function encodeCachedAnswer(
  octets: Uint8Array,
  query: Query,
  limit: Octets,
  answer: Answer,
  age: Seconds
): Octets {
  const { body, rcode, ede } = answer
  const start = query.questionEnd
  if (!fits(query, limit, body.length)) return encodeTruncated(octets, query)
  copyOctets(body, 0, body.length, octets, start)
  if (age > 0) ageTtls(octets, start, answer.ttls, age)
  const ad = answer.authentic && (query.authenticData || query.dnssecOk) ? AD : 0
  encodeHeader(octets, query, 0, ad, rcode, answer.answers, answer.authorities)
  return finishReply(octets, query, limit, start + body.length, rcode, ede && edesFor(query, ede))
}

/** A short answer in memory shared with others; see `resolver/cache/shelf.ts`. */
export interface PackedAnswer {
  readonly octets: Uint8Array
  /** Position in `octets` of the records, and their length. */
  readonly body: Octets
  readonly bodyLength: Octets
  /** Position in `octets` of the list of TTL positions in the body, one octet each, and its length. */
  readonly ttls: Octets
  readonly ttlCount: number
  readonly rcode: number
  readonly authentic: boolean
  readonly answers: number
  readonly authorities: number
  readonly age: Seconds
}

/** As `encodeCachedAnswer`, from shared memory, without allocating arrays. */
export function encodePackedAnswer(
  octets: Uint8Array,
  query: Query,
  limit: Octets,
  answer: PackedAnswer
): Octets {
  const { octets: from, body, bodyLength, ttls, ttlCount, rcode, age } = answer
  const start = query.questionEnd
  if (!fits(query, limit, bodyLength)) return encodeTruncated(octets, query)
  copyOctets(from, body, body + bodyLength, octets, start)
  if (age > 0) for (let i = 0; i < ttlCount; i++) ageTtl(octets, start + from[ttls + i]!, age)
  const ad = answer.authentic && (query.authenticData || query.dnssecOk) ? AD : 0
  encodeHeader(octets, query, 0, ad, rcode, answer.answers, answer.authorities)
  return finishReply(octets, query, limit, start + bodyLength, rcode, undefined)
}

/** Decrements the TTLs at `base + ttls[i]` by `age`, down to 0. */
export function ageTtls(octets: Uint8Array, base: Octets, ttls: Uint16Array, age: Seconds): void {
  for (const at of ttls) ageTtl(octets, base + at, age)
}

function ageTtl(octets: Uint8Array, pos: Octets, age: Seconds): void {
  // Cached TTLs have bit 31 clear (RFC 2181 §8), so this is never negative.
  const ttl =
    (octets[pos]! << 24) | (octets[pos + 1]! << 16) | (octets[pos + 2]! << 8) | octets[pos + 3]!
  setUint32(octets, pos, ttl > age ? ttl - age : 0)
}
