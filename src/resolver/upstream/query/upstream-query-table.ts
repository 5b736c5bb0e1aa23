import { hashOctets } from '../../../base/bytes/hash.js'
import { isSameQuestion } from '../../../wire/dns/message/question.js'
import type { ForwardedQuestion } from '../forwarder.js'
import type { UpstreamQuery } from './upstream-query.js'

/** Buckets: two or three queries in each at the most that may be in flight. */
const BUCKETS = 4096
/** The bit that tells letter case, in each of four octets. */
const CASE = 0x20202020

/**
 * Upstream queries in flight by question, in chains of `UpstreamQuery.nextInChain`. Not a `Map`: with
 * entries that come and go all the time it keeps rebuilding itself, and the discarded tables kept
 * most objects of most queries alive for the garbage collector.
 */
export class UpstreamQueryTable {
  size = 0
  private readonly chains = Array.from<UpstreamQuery | undefined>({ length: BUCKETS })

  /** @param seed random, so that names that collide cannot be prepared */
  constructor(private readonly seed: number) {}

  /** Hash of a question, for `find` and `add`. */
  hashOf({ question }: ForwardedQuestion): number {
    return hashOctets(question, this.seed, CASE)
  }

  find(question: ForwardedQuestion, hash: number): UpstreamQuery | undefined {
    let query = this.chains[hash & (BUCKETS - 1)]
    while (query !== undefined && !(query.hash === hash && isSame(query.forwarded, question))) {
      query = query.nextInChain
    }
    return query
  }

  /** The same question must not be in the table. */
  add(query: UpstreamQuery, hash: number): void {
    const bucket = hash & (BUCKETS - 1)
    query.hash = hash
    query.nextInChain = this.chains[bucket]
    this.chains[bucket] = query
    this.size++
  }

  /** No effect if it is not in the table, as with probes. */
  delete(query: UpstreamQuery): void {
    const bucket = query.hash & (BUCKETS - 1)
    let before: UpstreamQuery | undefined
    let at = this.chains[bucket]
    while (at !== undefined && at !== query) {
      before = at
      at = at.nextInChain
    }
    if (at === undefined) return
    if (before === undefined) this.chains[bucket] = at.nextInChain
    else before.nextInChain = at.nextInChain
    at.nextInChain = undefined
    this.size--
  }

  /** All queries, in a new array. */
  all(): UpstreamQuery[] {
    const found: UpstreamQuery[] = []
    for (let query of this.chains)
      for (; query !== undefined; query = query.nextInChain) found.push(query)
    return found
  }
}

function isSame(a: ForwardedQuestion, b: ForwardedQuestion): boolean {
  return (
    a.forwarders === b.forwarders &&
    a.dnssecOk === b.dnssecOk &&
    a.checkingDisabled === b.checkingDisabled &&
    isSameQuestion(a.question, b.question)
  )
}
