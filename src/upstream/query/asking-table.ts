import { hashOctets } from '../../base/hash.js'
import { isSameQuestion } from '../../dns/message/question.js'
import type { Inquiry } from '../forwarder.js'
import type { Asking } from './asking.js'

/** Buckets: with the most inquiries that may be in flight, two or three in each. */
const BUCKETS = 4096
/** The bit in which letters of either case differ, in each of four octets. */
const CASE = 0x20202020

/**
 * Inquiries in flight by what they ask. A chain of `Asking.next` for each bucket, so that those that come and
 * go all the time leave nothing behind: `Map` rebuilds itself again and again, and the tables that
 * it left behind kept most objects of most queries alive.
 */
export class AskingTable {
  size = 0
  private readonly chains = Array.from<Asking | undefined>({ length: BUCKETS })

  /** @param seed random, so that nobody can choose names that fall into one chain */
  constructor(private readonly seed: number) {}

  /** What `find` and `add` are to be given for an inquiry. */
  hashOf({ question }: Inquiry): number {
    return hashOctets(question, this.seed, CASE)
  }

  find(inquiry: Inquiry, hash: number): Asking | undefined {
    let asking = this.chains[hash & (BUCKETS - 1)]
    while (asking !== undefined && !(asking.hash === hash && isSame(asking.inquiry, inquiry))) {
      asking = asking.next
    }
    return asking
  }

  /** The caller sees to it that nothing like it is there. */
  add(asking: Asking, hash: number): void {
    const bucket = hash & (BUCKETS - 1)
    asking.hash = hash
    asking.next = this.chains[bucket]
    this.chains[bucket] = asking
    this.size++
  }

  /** Nothing happens if it is not there, as with probes. */
  delete(asking: Asking): void {
    const bucket = asking.hash & (BUCKETS - 1)
    let before: Asking | undefined
    let at = this.chains[bucket]
    while (at !== undefined && at !== asking) {
      before = at
      at = at.next
    }
    if (at === undefined) return
    if (before === undefined) this.chains[bucket] = at.next
    else before.next = at.next
    at.next = undefined
    this.size--
  }

  /** All of them, in an array of its own. */
  all(): Asking[] {
    const found: Asking[] = []
    for (let asking of this.chains)
      for (; asking !== undefined; asking = asking.next) found.push(asking)
    return found
  }
}

function isSame(a: Inquiry, b: Inquiry): boolean {
  return (
    a.dnssecOk === b.dnssecOk &&
    a.checkingDisabled === b.checkingDisabled &&
    isSameQuestion(a.question, b.question)
  )
}
