import { epochSeconds, type Clock } from '../../base/time/clock.js'
import { failure } from '../../base/errors/error.js'
import type { Seconds } from '../../base/units.js'
import type { Pause } from '../../policy/tables/snapshot.js'
import { allClaims } from '../../policy/tables/claim-table.js'
import type { Snapshot } from '../../policy/tables/snapshot.js'

/**
 * Block rules that operators have paused. Kept in memory only: after a restart the rules are what the files
 * say.
 */
export class RulePauses {
  private readonly untilOf = new Map<string, Seconds>()

  constructor(private readonly clock: Clock) {}

  /** Those that have not ended, by rule. */
  get current(): readonly Pause[] {
    const now = epochSeconds(this.clock)
    for (const [rule, until] of this.untilOf) if (until <= now) this.untilOf.delete(rule)
    return [...this.untilOf].map(([rule, until]) => ({ rule, until }))
  }

  /**
   * Sets when a rule applies again; 0: at once.
   *
   * @throws InterdictError PAUSE_UNKNOWN, PAUSE_NOT_BLOCK
   */
  set(rule: string, duration: Seconds, snapshot: Snapshot): Pause {
    const claim = allClaims(snapshot).all.find(({ ruleId }) => ruleId === rule)
    if (claim === undefined) throw failure('PAUSE_UNKNOWN', rule)
    if (claim.kind !== 'block') throw failure('PAUSE_NOT_BLOCK', rule, claim.kind)
    const until = epochSeconds(this.clock) + duration
    if (duration === 0) this.untilOf.delete(rule)
    else this.untilOf.set(rule, until)
    return { rule, until }
  }
}
