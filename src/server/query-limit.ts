import type { Milliseconds, Octets } from '../base/units.js'
import { COOKIE_STATUS, type ServerCookies } from '../dns/edns/server-cookie.js'
import { OPTION_BIT, Query, QUERY_KIND } from '../dns/message/query.js'
import { RCODE } from '../dns/registry/rcode.js'
import { MIN_UDP_PAYLOAD } from '../dns/registry/sizes.js'
import { encodeError } from '../dns/reply/local-reply.js'
import { encodeTruncated } from '../dns/reply/reply-frame.js'
import { DROP } from '../resolver/responder.js'
import { ClientPrefix, type ClientBits } from './client-prefix.js'
import { TokenBuckets, type Rate } from './token-buckets.js'

/** A set of prefixes: 0 for an address in none of them. `network`'s PrefixTable is one. */
export interface PrefixSet {
  find(words: Uint32Array, at: number): number
}

/** Whom limits for one client are about, and what happens to what is over them. */
export interface LimitOptions {
  readonly bits: ClientBits
  /** Clients that no limit holds for. */
  readonly exempt: PrefixSet | undefined
  /** Of what is over the limit, each so many-th is answered with TC; 0: none. */
  readonly slip: number
}

export interface LimitCounts {
  /** Over the limit and not answered. */
  dropped: number
  /** Over the limit and answered with TC, or with BADCOOKIE. */
  slipped: number
}

/**
 * Queries over UDP that one client may send. Over the limit it hears nothing, but now and then TC
 * and no records: a client that is really there comes again over TCP, where its address is proven
 * and it can be held by its connections; an address that was invented does not. A client that has
 * a cookie of ours has proven its address already: it has a rate of its own, which nobody can use
 * up who asks in its name. One that would like to have a cookie gets that (BADCOOKIE) instead of
 * TC. RFC 7873 §5.2.3, §5.2.5.
 */
export class QueryLimit {
  readonly counts: LimitCounts = { dropped: 0, slipped: 0 }
  private readonly table: TokenBuckets
  private readonly prefix: ClientPrefix
  private readonly query = new Query()
  private now: Milliseconds = 0
  private exceeded = 0
  /** Whether the query over the limit is one that may be answered, and its client proven. */
  private answerable = false
  private proven = false

  /**
   * @param seed 32 random bits
   * @param cookies tell who is really there; undefined: they are not looked at
   */
  constructor(
    rate: Rate,
    private readonly options: LimitOptions,
    seed: number,
    private readonly cookies?: ServerCookies
  ) {
    this.table = new TokenBuckets(rate, seed)
    this.prefix = new ClientPrefix(options.bits)
  }

  /** Once per batch. */
  beginBatch(now: Milliseconds): void {
    this.now = now
  }

  /** Whether the client at `words[at]` may ask one more: the query in `octets[start, end)`. */
  allows(octets: Uint8Array, start: Octets, end: Octets, words: Uint32Array, at: number): boolean {
    const { prefix, table, now } = this
    prefix.read(words, at)
    if (table.take(prefix.high, prefix.low, now)) return true
    // Asked last, since it is needed only for those few who are over it.
    const { exempt } = this.options
    if (exempt !== undefined && exempt.find(words, at) !== 0) return true
    return this.isProven(octets, start, end, words, at) && table.take(~prefix.high, prefix.low, now)
  }

  /**
   * Deals with the query for which `allows` just said no: the length of the reply written over it,
   * or DROP.
   */
  reject(octets: Uint8Array): number {
    const { query, options: terms, counts } = this
    const slips = terms.slip > 0 && ++this.exceeded % terms.slip === 0
    if (!slips || !this.answerable) {
      counts.dropped++
      return DROP
    }
    counts.slipped++
    const wantsCookie = query.replyOptionsLength > 0 && !this.proven
    if (!wantsCookie) return encodeTruncated(octets, query)
    return encodeError(octets, query, MIN_UDP_PAYLOAD, RCODE.BADCOOKIE, undefined)
  }

  /** Reads the query, which nobody has done yet; whether it has a cookie that we gave. */
  private isProven(
    octets: Uint8Array,
    start: Octets,
    end: Octets,
    words: Uint32Array,
    at: number
  ): boolean {
    const { query, cookies } = this
    const reading = query.decode(octets, start, end, 0)
    this.answerable = reading === QUERY_KIND.ok || reading === QUERY_KIND.special
    this.proven = false
    if (cookies === undefined || (query.options & OPTION_BIT.cookie) === 0) return false
    const cookie = cookies.verify(query, octets, words, at)
    if (cookie === COOKIE_STATUS.malformed) this.answerable = false
    this.proven = cookie === COOKIE_STATUS.verified
    return this.answerable && this.proven
  }
}
