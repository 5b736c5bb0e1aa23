import type { Milliseconds, Octets } from '../base/units.js'
import { Query, READ } from '../wire/query.js'
import { writeTruncated } from '../wire/reply-frame.js'
import { BucketTable, type Rate } from './buckets.js'
import { ClientPrefix, type ClientBits } from './client-prefix.js'
import { SILENCE } from '../resolver/responder.js'

/** A set of prefixes: 0 for an address in none of them. `network`'s PrefixTable is one. */
export interface Prefixes {
  find(words: Uint32Array, at: number): number
}

/** Whom limits for one client are about, and what happens to what is over them. */
export interface LimitTerms {
  readonly bits: ClientBits
  /** Clients that no limit holds for. */
  readonly exempt: Prefixes | undefined
  /** Of what is over the limit, each so many-th is answered with TC; 0: none. */
  readonly slip: number
}

export interface LimitCounts {
  /** Over the limit and not answered. */
  dropped: number
  /** Over the limit and answered with TC. */
  slipped: number
}

/**
 * Queries over UDP that one client may send. Over the limit it hears nothing, but now and then TC
 * and no records: a client that is really there comes again over TCP, where its address is proven
 * and it can be held by its connections; an address that was invented does not.
 */
export class QueryLimit {
  readonly counts: LimitCounts = { dropped: 0, slipped: 0 }
  private readonly table: BucketTable
  private readonly prefix: ClientPrefix
  private readonly query = new Query()
  private now: Milliseconds = 0
  private over = 0

  /** @param seed 32 random bits */
  constructor(
    rate: Rate,
    private readonly terms: LimitTerms,
    seed: number
  ) {
    this.table = new BucketTable(rate, seed)
    this.prefix = new ClientPrefix(terms.bits)
  }

  /** Once per batch. */
  begin(now: Milliseconds): void {
    this.now = now
  }

  /** Whether the client at `words[at]` may ask one more. */
  allows(words: Uint32Array, at: number): boolean {
    const { prefix } = this
    prefix.read(words, at)
    if (this.table.take(prefix.high, prefix.low, this.now)) return true
    // Asked last, since it is needed only for those few who are over it.
    const { exempt } = this.terms
    return exempt !== undefined && exempt.find(words, at) !== 0
  }

  /** Deals with a query over the limit: the length of the reply written over it, or SILENCE. */
  turnAway(octets: Uint8Array, at: Octets, end: Octets): number {
    const { query, terms, counts } = this
    const slips = terms.slip > 0 && ++this.over % terms.slip === 0
    if (!slips || query.read(octets, at, end, 0) !== READ.ok) {
      counts.dropped++
      return SILENCE
    }
    counts.slipped++
    return writeTruncated(octets, query)
  }
}
