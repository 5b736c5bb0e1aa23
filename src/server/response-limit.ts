import { hashOctet } from '../base/hash.js'
import type { Milliseconds, Octets } from '../base/units.js'
import { findQuestionEnd } from '../dns/edns/opt.js'
import { RCODE } from '../dns/registry/rcode.js'
import { HEADER_SIZE } from '../dns/registry/sizes.js'
import { truncateReply } from '../dns/reply/truncate-reply.js'
import { DROP } from '../resolver/responder.js'
import { ClientPrefix } from './client-prefix.js'
import type { LimitCounts, LimitOptions } from './query-limit.js'
import { TokenBuckets, type Rate } from './token-buckets.js'

const TC = 0x02
/** The bit that tells small letters from capitals. */
const LOWER = 0x20

/**
 * Identical replies over UDP that one client may get, as BIND's response rate limiting: the same
 * QNAME, QTYPE and RCODE, or any error. A client keeps what it got; who is sent the same again and
 * again did not ask for it, but somebody in its name. Over the limit the reply is dropped, or now
 * and then sent without records and with TC, or as BADCOOKIE to a client that would like to have a
 * cookie. For who has one, this is not asked at all: its address is proven.
 */
export class ResponseLimit {
  readonly counts: LimitCounts = { dropped: 0, slipped: 0 }
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

  /** Once per batch, and once for each reply that comes later. */
  beginBatch(now: Milliseconds): void {
    this.now = now
  }

  /**
   * Decides on the reply `octets[start, end)` to the client at `words[at]`, and may write over it.
   *
   * @returns its length as it is to be sent, or DROP
   */
  apply(octets: Uint8Array, start: Octets, end: Octets, words: Uint32Array, at: number): number {
    // TC sends no more than was received, and tells a real client what to do.
    if ((octets[start + 2]! & TC) !== 0) return end - start
    const { prefix, options: terms, counts } = this
    prefix.read(words, at)
    const client = Math.imul(prefix.high ^ this.seed, 0x85ebca6b) ^ prefix.low
    const reply = this.hashOf(octets, start, end)
    if (this.table.take(client, reply, this.now)) return end - start
    if (terms.exempt !== undefined && terms.exempt.find(words, at) !== 0) return end - start
    if (terms.slip > 0 && ++this.exceeded % terms.slip === 0) {
      counts.slipped++
      return truncateReply(octets, start, end) - start
    }
    counts.dropped++
    return DROP
  }

  /**
   * What makes replies identical, in 32 bits. Letters are compared without case by a bit that also
   * makes a few other octets equal: names that differ in no more than that share a limit.
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
