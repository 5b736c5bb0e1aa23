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
    this.store(rule, duration === 0 ? undefined : until)
    return { rule, until }
  }

  /** When a rule applies again; undefined: it is not paused. */
  untilOfRule(rule: string): Seconds | undefined {
    return this.untilOf.get(rule)
  }

  /** Whether a pause until then has not ended. */
  isFuture(until: Seconds | undefined): boolean {
    return until !== undefined && until > epochSeconds(this.clock)
  }

  /**
   * Takes back what could not be put in force, unless another caller has changed it since.
   *
   * @param wanted what was set
   * @param before what was there
   * @returns whether it was taken back
   */
  takeBack(rule: string, wanted: Seconds | undefined, before: Seconds | undefined): boolean {
    if (this.untilOf.get(rule) !== wanted) return false
    this.store(rule, before)
    return true
  }

  private store(rule: string, until: Seconds | undefined): void {
    if (until === undefined) this.untilOf.delete(rule)
    else this.untilOf.set(rule, until)
  }
}
