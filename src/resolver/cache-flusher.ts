import { NameScope } from '../cache/name-scope.js'
import type { PackedAnswerCache } from '../cache/packed.js'
import type { Shelf } from '../cache/shelf.js'
import type { UpstreamResponseHandler } from './upstream-response-handler.js'

const EVERYTHING = new NameScope(Uint8Array.of(0), true)

/** All that one worker holds of what upstreams said, so that it can be dropped. */
export class CacheFlusher {
  constructor(
    private readonly arrivals: Pick<UpstreamResponseHandler, 'discardInFlight'>,
    /** Answers, those among them that are over. */
    readonly answers: PackedAnswerCache,
    /** Failures, and what is given instead of them. */
    readonly failures: PackedAnswerCache,
    private readonly shelf: Shelf | undefined
  ) {}

  /**
   * Drops all that is held of these names, a bounded piece at each step.
   *
   * The order matters, since queries are answered between the steps. What comes in from now on and
   * was asked before is not kept. Failures may be made of answers that are over, so these go first.
   * The shelf has copies of all that was held until the end; it is cleared as a whole, as by a
   * reload, and filled again by what is asked for a second time.
   *
   * @returns how many entries that were
   */
  *flush(scope: NameScope): Generator<void, number> {
    this.arrivals.discardInFlight()
    let dropped = 0
    for (const cache of [this.answers, this.failures]) {
      for (const some of cache.flush(scope)) {
        dropped += some
        yield
      }
    }
    this.shelf?.clear()
    return dropped
  }

  /**
   * Drops what is given instead of answers, a bounded piece at each step: an upstream is back, and
   * who asked in vain is not to wait until that is over.
   *
   * @returns how many entries that were
   */
  *flushFailures(): Generator<void, number> {
    let dropped = 0
    for (const some of this.failures.flush(EVERYTHING)) {
      dropped += some
      yield
    }
    this.shelf?.clear()
    return dropped
  }
}
