import { NameScope } from './name-scope.js'
import type { PackedAnswerCache } from './packed.js'

const EVERYTHING = new NameScope(Uint8Array.of(0), true)

/**
 * Flushes the caches that all workers share. The shelf of each worker has copies: it is cleared after
 * the flush, as a whole, as by a reload, and fills again with names that are queried twice.
 */
export class CacheFlusher {
  constructor(
    /** Answers, expired ones included. */
    private readonly answers: PackedAnswerCache,
    /** Failures, and the stale answers served in place of them. */
    private readonly failures: PackedAnswerCache
  ) {}

  /**
   * Removes all entries of these names, a bounded number in each step.
   *
   * Queries are answered between the steps, so the order matters. First, answers that are in flight
   * now are kept out of the cache. Then the answers go before the failures, because an expired
   * answer may become the stale answer of a failure.
   *
   * @returns the number of entries removed
   */
  *flush(scope: NameScope): Generator<void, number> {
    this.answers.discardInFlight()
    let removed = 0
    for (const cache of [this.answers, this.failures]) {
      for (const count of cache.flush(scope)) {
        removed += count
        yield
      }
    }
    return removed
  }

  /**
   * Removes cached failures, a bounded number in each step. Call when an upstream is up again, so
   * that clients do not get failures until those expire.
   *
   * @returns the number of entries removed
   */
  *flushFailures(): Generator<void, number> {
    let removed = 0
    for (const count of this.failures.flush(EVERYTHING)) {
      removed += count
      yield
    }
    return removed
  }
}
