import type { Milliseconds, Octets } from '../base/units.js'
import type { Outcome, Waiter } from '../upstream/forwarder.js'
import type { Timed } from '../upstream/query/deadlines.js'
import { Asked } from './arrivals.js'
import type { Asker } from './responder.js'

/** Instead of the epoch of rules, where they have to be asked. */
export const UNJUDGED = -1

/**
 * A query that waits for an upstream, who is to have the reply, and what is asked. All is set before
 * anybody looks.
 */
export class Wait extends Asked implements Timed, Waiter {
  due: Milliseconds = 0
  before: Timed = this
  after: Timed = this
  asker!: Asker
  /** Of clients in the rules by which it was judged. */
  clientClass = 0
  /** Of those rules, if they had nothing to say on the name, else UNJUDGED. */
  epoch = UNJUDGED
  started: Milliseconds = 0
  /** Whether the reply was given, before an upstream spoke. */
  served = false

  /** @param length of QNAME */
  constructor(
    length: Octets,
    private readonly owner: { told(wait: Wait, outcome: Outcome): void }
  ) {
    super(length)
  }

  told(outcome: Outcome): void {
    this.owner.told(this, outcome)
  }
}
