import { LRUCache } from 'lru-cache'
import type { Clock } from '../base/clock.js'
import { MS_PER_SECOND, type Octets } from '../base/units.js'
import type { Answer } from '../wire/answer.js'
import type { AnswerCache, QuestionKey } from './cache.js'

const ENTRY_OVERHEAD: Octets = 700

/** Answers in memory, the least recently used leaving first. */
export class LruAnswerCache implements AnswerCache {
  private readonly held: LRUCache<QuestionKey, Answer>

  /**
   * @param maxSize most octets held, by the count of `weigh`
   * @param clock tells when a lifetime is over
   */
  constructor(
    maxSize: Octets,
    private readonly clock: Clock
  ) {
    this.held = new LRUCache({ maxSize, sizeCalculation: weigh })
  }

  get(key: QuestionKey): Answer | undefined {
    const answer = this.held.get(key)
    if (answer === undefined) return undefined
    if (this.clock.now() - answer.storedAt < answer.lifetime * MS_PER_SECOND) return answer
    this.held.delete(key)
    return undefined
  }

  put(key: QuestionKey, answer: Answer): void {
    if (answer.lifetime > 0) this.held.set(key, answer)
  }

  delete(key: QuestionKey): void {
    this.held.delete(key)
  }

  get size(): Octets {
    return this.held.calculatedSize
  }

  get entries(): number {
    return this.held.size
  }
}

function weigh({ body, ttls, targets, addresses, ede }: Answer, key: QuestionKey): Octets {
  const leads = targets.length + addresses.byteLength
  return (
    ENTRY_OVERHEAD + key.length + body.length + ttls.byteLength + leads + (ede?.option.length ?? 0)
  )
}
