import type { Milliseconds } from '../base/units.js'
import type { Inquiry, Outcome } from '../upstream/forwarder.js'
import type { ReplyLater } from './responder.js'

/** A query that waits for an upstream, and who is to be told. All is set before anybody looks. */
export class Wait {
  query!: Uint8Array
  client!: Uint32Array
  protocol = 0
  started: Milliseconds = 0
  inquiry!: Inquiry
  done!: ReplyLater
  /** What the forwarder calls; made once, since instances are used again. */
  readonly told: (outcome: Outcome) => void

  constructor(told: (wait: Wait, outcome: Outcome) => void) {
    this.told = outcome => {
      told(this, outcome)
    }
  }
}
