import type { Milliseconds, Octets } from '../../base/units.js'
import { COOKIE_STATUS, type ServerCookies } from '../../wire/dns/edns/server-cookie.js'
import { OPTION_BIT, Query, QUERY_KIND } from '../../wire/dns/message/query.js'
import { RCODE } from '../../wire/dns/registry/rcode.js'
import { MIN_UDP_PAYLOAD } from '../../wire/dns/registry/sizes.js'
import { encodeError } from '../../wire/dns/reply/local-reply.js'
import { encodeTruncated } from '../../wire/dns/reply/reply-frame.js'
import { DROP } from '../context/responder.js'
import { ClientPrefix, type ClientBits } from './client-prefix.js'
import { TokenBuckets, type Rate } from './token-buckets.js'

/** A set of address prefixes, such as `PrefixTable`. `find` returns 0 if none contains the address. */
export interface PrefixSet {
  find(words: Uint32Array, at: number): number
}

/** What counts as one client, and what happens to queries or replies above the limit. */
export interface LimitOptions {
  readonly bits: ClientBits
  /** Clients without a limit. */
  readonly exempt: PrefixSet | undefined
  /** Above the limit, answer every n-th with TC; 0: none. As `slip` of BIND's rate limiting. */
  readonly slip: number
}

export interface LimitCounts {
  /** Above the limit and not answered. */
  dropped: number
  /** Above the limit and answered with TC or BADCOOKIE. */
  slipped: number
}

/**
 * Limits the UDP queries of each client. Queries above the limit are dropped, but every n-th is
 * answered with TC and no records: a real client retries over TCP, where its address is verified
 * and its connections can be limited; a spoofed address does not. A client with a valid server
 * cookie has a verified address: it has a bucket of its own, which spoofed queries cannot drain. A
 * client that supports cookies but has no valid one receives a cookie (BADCOOKIE) instead of TC.
 * RFC 7873 §5.2.3, §5.2.5.
 */
export class QueryLimit {
  counts: LimitCounts = { dropped: 0, slipped: 0 }
  private readonly table: TokenBuckets
  private readonly prefix: ClientPrefix
  private readonly query = new Query()
  private now: Milliseconds = 0
  private exceeded = 0
  /** Whether the rejected query may be answered, and whether it has a valid server cookie. */
  private isAnswerable = false
  private hasValidCookie = false

  /**
   * @param seed 32 random bits
   * @param cookies verifies server cookies; undefined: cookies have no effect
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

  /** Call once per batch of queries. */
  beginBatch(now: Milliseconds): void {
    this.now = now
  }

  /** Whether the client at `words[at]` may send the query in `octets[start, end)`. */
  allows(octets: Uint8Array, start: Octets, end: Octets, words: Uint32Array, at: number): boolean {
    const { prefix, table, now } = this
    prefix.read(words, at)
    if (table.take(prefix.high, prefix.low, now)) return true
    // Checked last, since only clients above the limit need it.
    const { exempt } = this.options
    if (exempt !== undefined && exempt.find(words, at) !== 0) return true
    return (
      this.verifyCookie(octets, start, end, words, at) && table.take(~prefix.high, prefix.low, now)
    )
  }

  /**
   * Rejects the query for which `allows` just returned false.
   *
   * @returns the length of the reply written over it, or DROP
   */
  reject(octets: Uint8Array): number {
    const { query, counts } = this
    const { slip } = this.options
    const isNth = slip > 0 && ++this.exceeded % slip === 0
    if (!isNth || !this.isAnswerable) {
      counts.dropped++
      return DROP
    }
    counts.slipped++
    const supportsCookies = query.replyOptionsLength > 0 && !this.hasValidCookie
    if (!supportsCookies) return encodeTruncated(octets, query)
    return encodeError(octets, query, MIN_UDP_PAYLOAD, RCODE.BADCOOKIE, undefined)
  }

  /** Decodes the query, and returns whether it has a valid server cookie. */
  private verifyCookie(
    octets: Uint8Array,
    start: Octets,
    end: Octets,
    words: Uint32Array,
    at: number
  ): boolean {
    const { query, cookies } = this
    const kind = query.decode(octets, start, end, 0)
    this.isAnswerable = kind === QUERY_KIND.ok || kind === QUERY_KIND.special
    this.hasValidCookie = false
    if (cookies === undefined || (query.options & OPTION_BIT.cookie) === 0) return false
    const cookie = cookies.verify(query, octets, words, at)
    if (cookie === COOKIE_STATUS.malformed) this.isAnswerable = false
    this.hasValidCookie = cookie === COOKIE_STATUS.verified
    return this.isAnswerable && this.hasValidCookie
  }
}
