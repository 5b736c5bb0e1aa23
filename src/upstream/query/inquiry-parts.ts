import type { Clock } from '../../base/clock.js'
import type { Milliseconds } from '../../base/units.js'
import type { Limits } from '../limits.js'
import type { Random } from '../random.js'
import type { Choice } from '../selection/choice.js'
import type { InquiryCounts } from '../selection/counts.js'
import type { Timers } from '../timers.js'
import type { Try } from './asking.js'

/** Sends the query of a try, over what it says; false if that is impossible now. */
export type Send = (attempt: Try, now: Milliseconds) => boolean

export interface InquiryParts {
  readonly clock: Clock
  readonly timers: Timers
  readonly limits: Limits
  readonly choice: Choice
  readonly counts: InquiryCounts
  readonly send: Send
  /** For the case of QNAME; undefined: it is sent as it was asked. */
  readonly caseRandom: Random | undefined
  /** Of the table of keys: random. */
  readonly seed: number
}
