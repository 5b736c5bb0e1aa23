import { hashOctet } from '../../base/bytes/hash.js'
import type { Milliseconds, Octets } from '../../base/units.js'
import { findQuestionEnd } from '../../wire/dns/edns/opt.js'
import { RCODE } from '../../wire/dns/registry/rcode.js'
import { HEADER_SIZE } from '../../wire/dns/registry/sizes.js'
import { truncateReply } from '../../wire/dns/reply/truncate-reply.js'
import { DROP } from '../context/responder.js'
import { ClientPrefix } from './client-prefix.js'
import type { LimitCounts, LimitOptions } from './query-limit.js'
import { TokenBuckets, type Rate } from './token-buckets.js'

const TC = 0x02
/** The bit that distinguishes lower from upper case. */
const LOWER = 0x20

/**
 * Limits identical UDP replies to each client, like BIND's response rate limiting: the same QNAME,
 * QTYPE and RCODE, or any error. A client caches what it receives; one that is sent the same reply
 * again and again is most likely the victim of spoofed queries. Replies above the limit are dropped,
 * but every n-th is sent with TC and no records, or as BADCOOKIE to a client that supports cookies.
 * Not applied to clients with a valid server cookie, whose address is verified.
 */
export class ResponseLimit {
  counts: LimitCounts = { dropped: 0, slipped: 0 }
  private readonly table: TokenBuckets
  private readonly prefix: ClientPrefix
  private now: Milliseconds = 0
  private exceeded = 0

  /** @param seed 32 random bits */
  constructor(
    rate: Rate,
    private readonly options: LimitOptions,
    private readonly seed: number
  ) {
    this.table = new TokenBuckets(rate, seed)
    this.prefix = new ClientPrefix(options.bits)
  }

  /** Call once per batch of queries, and once for each reply that is sent later. */
  beginBatch(now: Milliseconds): void {
    this.now = now
  }

  /**
   * Applies the limit to the reply in `octets[start, end)` to the client at `words[at]`; may truncate
   * it in place.
   *
   * @returns the length to send, or DROP
   */
  apply(octets: Uint8Array, start: Octets, end: Octets, words: Uint32Array, at: number): number {
    // A truncated reply is at most as large as the query, and makes a real client retry over TCP.
    if ((octets[start + 2]! & TC) !== 0) return end - start
    const { prefix, options, counts } = this
    prefix.read(words, at)
    const client = Math.imul(prefix.high ^ this.seed, 0x85ebca6b) ^ prefix.low
    const reply = this.hashOf(octets, start, end)
    if (this.table.take(client, reply, this.now)) return end - start
    if (options.exempt !== undefined && options.exempt.find(words, at) !== 0) return end - start
    if (options.slip > 0 && ++this.exceeded % options.slip === 0) {
      counts.slipped++
      return truncateReply(octets, start, end) - start
    }
    counts.dropped++
    return DROP
  }

  /**
   * A hash that is equal for identical replies. Case is ignored by setting one bit, which makes a few
   * other octets equal as well: names that differ only in those share a limit.
   */
  private hashOf(octets: Uint8Array, start: Octets, end: Octets): number {
    const rcode = octets[start + 3]! & 0x0f
    let hash = hashOctet(this.seed, rcode)
    if (rcode !== RCODE.NOERROR && rcode !== RCODE.NXDOMAIN) return hash
    const last = findQuestionEnd(octets, start, end)
    for (let i = start + HEADER_SIZE; i < last; i++) hash = hashOctet(hash, octets[i]! | LOWER)
    return hash
  }
}
