import { epochSeconds, type Clock } from '../../base/time/clock.js'
import { failure } from '../../base/errors/error.js'
import type { Seconds } from '../../base/units.js'
import type { Pause } from '../../policy/tables/snapshot.js'
import { allClaims } from '../../policy/tables/claim-table.js'
import type { Snapshot } from '../../policy/tables/snapshot.js'

/**
 * Block rules that operators have paused. The history of rules has them, too: a start restores those that have not ended, so
 * that a crash or an upgrade does not block what somebody has just opened, and who opened it stays visible.
 */
export class RulePauses {
  private readonly byRule = new Map<string, Pause>()

  constructor(private readonly clock: Clock) {}

  /** Those that have not ended, by rule. */
  get current(): readonly Pause[] {
    const now = epochSeconds(this.clock)
    for (const [rule, { until }] of this.byRule) if (until <= now) this.byRule.delete(rule)
    return [...this.byRule.values()]
  }

  /** Continues the pauses of an earlier process. */
  restore(pauses: readonly Pause[]): void {
    for (const pause of pauses) this.byRule.set(pause.rule, pause)
  }

  /**
   * Sets when a rule applies again; 0: at once.
   *
   * @param most how long a pause may be
   * @throws InterdictError PAUSE_UNKNOWN, PAUSE_NOT_BLOCK, PAUSE_REASON, PAUSE_LONG
   */
  set({ rule, seconds, by, reason }: WantedPause, snapshot: Snapshot, most: Seconds): Pause {
    const claim = allClaims(snapshot).all.find(({ ruleId }) => ruleId === rule)
    if (claim === undefined) throw failure('PAUSE_UNKNOWN', rule)
    if (claim.kind !== 'block') throw failure('PAUSE_NOT_BLOCK', rule, claim.kind)
    const pause = { rule, until: epochSeconds(this.clock) + seconds, by, reason }
    if (seconds === 0) {
      this.store(rule, undefined)
      return pause
    }
    if (reason.trim() === '' || by.trim() === '') throw failure('PAUSE_REASON', rule)
    if (seconds > most) throw failure('PAUSE_LONG', rule, most / SECONDS_PER_MINUTE)
    this.store(rule, pause)
    return pause
  }

  /** The pause of a rule; undefined: it is not paused. */
  of(rule: string): Pause | undefined {
    return this.byRule.get(rule)
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
  takeBack(rule: string, wanted: Pause | undefined, before: Pause | undefined): boolean {
    if (this.byRule.get(rule) !== wanted) return false
    this.store(rule, before)
    return true
  }

  private store(rule: string, pause: Pause | undefined): void {
    if (pause === undefined) this.byRule.delete(rule)
    else this.byRule.set(rule, pause)
  }
}

/** A pause that somebody asks for. */
export interface WantedPause {
  readonly rule: string
  /** 0: the pause ends. */
  readonly seconds: Seconds
  readonly by: string
  /** Not needed to end a pause. */
  readonly reason: string
}

const SECONDS_PER_MINUTE = 60
