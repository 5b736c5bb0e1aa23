import type { Clock } from '../../base/time/clock.js'
import type { Milliseconds } from '../../base/units.js'
import type { AnswerCache } from '../cache/cache.js'
import { questionKey } from '../../wire/dns/message/question.js'
import type { Timer, Timers } from '../../base/time/timers.js'
import type { InFlightTable } from '../answers/in-flight-table.js'
import type { PendingQuery } from './pending-query.js'

/** How often to look whether other workers have their answers. */
const INTERVAL: Milliseconds = 1
/** Queries that wait at the same time; one more is forwarded. */
const MAX_WAITING = 10_000

/**
 * Queries that wait until another worker has the answer to the same question in the cache, which all
 * workers share. They wait for a limited time only: that worker may hang.
 */
export class SharedQueries {
  /** Called when another worker has ended its query, or took too long; set by the resolver. */
  onEnd: (pending: PendingQuery) => void = () => undefined
  private waiting: PendingQuery[] = []
  private timer: Timer | undefined

  /**
   * @param patience may be changed; how long to wait for another worker
   */
  constructor(
    private readonly table: InFlightTable,
    private readonly cache: AnswerCache,
    public patience: Milliseconds,
    private readonly clock: Clock,
    private readonly timers: Timers
  ) {}

  /** Whether the query waits for another worker; if not, forward it. */
  join(pending: PendingQuery, now: Milliseconds): boolean {
    const { table, cache, waiting } = this
    if (waiting.length >= MAX_WAITING) return false
    const key = questionKey(pending)
    if (table.claim(key)) {
      // Another worker may have answered it since this one looked.
      if (cache.get(key) === undefined) return false
      table.release(key)
      pending.word = 0
    } else {
      pending.slot = table.slot
      pending.word = table.word
    }
    pending.waitsUntil = now + this.patience
    waiting.push(pending)
    this.timer ??= this.timers.after(INTERVAL, this.check)
    return true
  }

  private readonly check = (): void => {
    const now = this.clock.now()
    const { table } = this
    const ended: PendingQuery[] = []
    this.waiting = this.waiting.filter(pending => {
      const { slot, word, waitsUntil } = pending
      const isWaiting = word !== 0 && table.isPending(slot, word)
      if (isWaiting && now < waitsUntil) return true
      if (isWaiting) table.takeOver(slot, word)
      ended.push(pending)
      return false
    })
    this.timer = this.waiting.length > 0 ? this.timers.after(INTERVAL, this.check) : undefined
    for (const pending of ended) this.onEnd(pending)
  }
}
