import type { Milliseconds, Octets } from '../base/units.js'
import type { Outcome, OutcomeHandler } from '../upstream/forwarder.js'
import type { TimerEntry } from '../upstream/query/timing-wheel.js'
import type { ReplyTarget } from './responder.js'
import { Asked } from './upstream-response-handler.js'

/** Instead of the epoch of rules, where they have to be asked. */
export const NOT_JUDGED = -1

/**
 * A query that waits for an upstream, who is to have the reply, and what is asked. All is set before
 * anybody looks.
 */
export class PendingQuery extends Asked implements TimerEntry, OutcomeHandler {
  due: Milliseconds = 0
  previous: TimerEntry = this
  next: TimerEntry = this
  target!: ReplyTarget
  /** Of clients in the rules by which it was judged. */
  clientClass = 0
  /** Of those rules, if they had nothing to say on the name, else UNJUDGED. */
  epoch = NOT_JUDGED
  startedAt: Milliseconds = 0
  /** Whether the reply was given, before an upstream spoke. */
  isReplied = false

  /** @param length of QNAME */
  constructor(
    length: Octets,
    private readonly owner: { told(wait: PendingQuery, outcome: Outcome): void }
  ) {
    super(length)
  }

  onOutcome(outcome: Outcome): void {
    this.owner.told(this, outcome)
  }
}
