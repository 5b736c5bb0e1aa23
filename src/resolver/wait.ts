import type { Milliseconds } from '../base/units.js'
import type { Inquiry, Outcome } from '../upstream/forwarder.js'
import { Timed } from '../upstream/deadlines.js'
import type { ReplyLater } from './responder.js'

/** Instead of the epoch of rules, where they have to be asked. */
export const UNJUDGED = -1

/** A query that waits for an upstream, and who is to be told. All is set before anybody looks. */
export class Wait extends Timed {
  query!: Uint8Array
  client!: Uint32Array
  protocol = 0
  /** Of clients in the rules by which it was judged. */
  clientClass = 0
  /** Of those rules, if they had nothing to say on the name, else UNJUDGED. */
  epoch = UNJUDGED
  started: Milliseconds = 0
  inquiry!: Inquiry
  done!: ReplyLater
  /** Whether `done` was called, before an upstream spoke. */
  served = false
  /** What the forwarder calls; made once, since instances are used again. */
  readonly told: (outcome: Outcome) => void

  constructor(told: (wait: Wait, outcome: Outcome) => void) {
    super()
    this.told = outcome => {
      told(this, outcome)
    }
  }
}
