import type { Clock } from '../../../base/time/clock.js'
import type { Milliseconds } from '../../../base/units.js'
import type { UpstreamLimits } from '../upstream-limits.js'
import type { Random } from '../../../base/bytes/random.js'
import type { ForwarderCounts } from '../selection/counts.js'
import type { UpstreamSelector } from './upstream-selector.js'
import type { ForwardedQuestion } from '../forwarder.js'
import type { Timers } from '../../../base/time/timers.js'
import type { Attempt, UpstreamGroup } from './upstream-query.js'

/** Sends an attempt over UDP or TCP, as it says; false if that is impossible now. */
export type Send = (attempt: Attempt, now: Milliseconds) => boolean

export interface UpstreamQueryDependencies {
  readonly clock: Clock
  readonly timers: Timers
  /** This and `caseRandom` may be replaced. */
  limits: UpstreamLimits
  readonly selector: UpstreamSelector
  readonly counts: ForwarderCounts
  readonly send: Send
  /** The upstreams responsible for the target of an alias; undefined: none may be queried for it. */
  readonly groupForTarget: (question: ForwardedQuestion) => UpstreamGroup | undefined
  /** For the letter case of QNAME; undefined: it is sent as the client wrote it. */
  caseRandom: Random | undefined
  /** Seed of the hashes in the query table; random. */
  readonly seed: number
}
