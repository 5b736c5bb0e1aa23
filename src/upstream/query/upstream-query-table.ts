import { hashOctets } from '../../base/hash.js'
import { isSameQuestion } from '../../dns/message/question.js'
import type { ForwardedQuestion } from '../forwarder.js'
import type { UpstreamQuery } from './upstream-query.js'

/** Buckets: with the most inquiries that may be in flight, two or three in each. */
const BUCKETS = 4096
/** The bit in which letters of either case differ, in each of four octets. */
const CASE = 0x20202020

/**
 * Inquiries in flight by what they ask. A chain of `Asking.next` for each bucket, so that those that come and
 * go all the time leave nothing behind: `Map` rebuilds itself again and again, and the tables that
 * it left behind kept most objects of most queries alive.
 */
export class UpstreamQueryTable {
  size = 0
  private readonly chains = Array.from<UpstreamQuery | undefined>({ length: BUCKETS })

  /** @param seed random, so that nobody can choose names that fall into one chain */
  constructor(private readonly seed: number) {}

  /** What `find` and `add` are to be given for an inquiry. */
  hashOf({ question }: ForwardedQuestion): number {
    return hashOctets(question, this.seed, CASE)
  }

  find(inquiry: ForwardedQuestion, hash: number): UpstreamQuery | undefined {
    let asking = this.chains[hash & (BUCKETS - 1)]
    while (asking !== undefined && !(asking.hash === hash && isSame(asking.question, inquiry))) {
      asking = asking.nextInChain
    }
    return asking
  }

  /** The caller sees to it that nothing like it is there. */
  add(asking: UpstreamQuery, hash: number): void {
    const bucket = hash & (BUCKETS - 1)
    asking.hash = hash
    asking.nextInChain = this.chains[bucket]
    this.chains[bucket] = asking
    this.size++
  }

  /** Nothing happens if it is not there, as with probes. */
  delete(asking: UpstreamQuery): void {
    const bucket = asking.hash & (BUCKETS - 1)
    let before: UpstreamQuery | undefined
    let at = this.chains[bucket]
    while (at !== undefined && at !== asking) {
      before = at
      at = at.nextInChain
    }
    if (at === undefined) return
    if (before === undefined) this.chains[bucket] = at.nextInChain
    else before.nextInChain = at.nextInChain
    at.nextInChain = undefined
    this.size--
  }

  /** All of them, in an array of its own. */
  all(): UpstreamQuery[] {
    const found: UpstreamQuery[] = []
    for (let asking of this.chains)
      for (; asking !== undefined; asking = asking.nextInChain) found.push(asking)
    return found
  }
}

function isSame(a: ForwardedQuestion, b: ForwardedQuestion): boolean {
  return (
    a.dnssecOk === b.dnssecOk &&
    a.checkingDisabled === b.checkingDisabled &&
    isSameQuestion(a.question, b.question)
  )
}
