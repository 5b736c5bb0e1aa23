import { epochSeconds, type Clock } from '../../base/clock.js'
import { failure, type InterdictError } from '../../base/error.js'
import { MS_PER_SECOND, type Milliseconds, type Seconds } from '../../base/units.js'
import type { Claim } from '../../policy/tables/claim.js'
import { allClaims } from '../../policy/tables/claim-table.js'
import type { Snapshot } from '../../policy/tables/snapshot.js'
import type { ServiceLog } from '../../querylog/record/service-log.js'
import { EXPIRY_NOTICE } from '../../rules/time/dates.js'
import { showInstant } from '../../rules/time/instant.js'
import type { Timer, Timers } from '../../upstream/timers.js'

/** Check at least this often, since the wall clock may be set. */
const MAX_TIMER: Milliseconds = 3_600_000

/** A scheduled change of a ban or an exception, and what is logged then. */
interface RuleEvent {
  readonly at: Seconds
  readonly ruleId: string
  /** A plain message is logged at level info, an error as a warning. */
  readonly message: () => InterdictError | string
}

/** A ban or an exception that ends soon. */
export interface RuleEnding {
  readonly ruleId: string
  readonly kind: string
  readonly until: Seconds
}

/** The number of bans and exceptions that need attention. */
export interface DueRules {
  /** Bans and exceptions that expire within the next 14 days. */
  readonly ending: number
  /** Active bans whose review date has passed. */
  readonly reviews: number
}

/**
 * Logs when a ban or an exception starts, is about to expire, expires, or when a ban is due for review:
 * rules change by their dates, without a reload that would be logged. What is already true when the
 * rules are loaded is logged by the load.
 */
export class RuleExpiryMonitor {
  private rules: readonly Claim[] = []
  private events: readonly RuleEvent[] = []
  private loggedUntil: Seconds = 0
  private timer: Timer | undefined

  constructor(
    private readonly log: ServiceLog,
    private readonly clock: Clock,
    private readonly timers: Timers
  ) {}

  /** Replaces the rules to monitor. */
  watch(snapshot: Snapshot): void {
    this.rules = [
      ...new Map(
        allClaims(snapshot)
          .all.filter(isDated)
          .map(claim => [claim.ruleId, claim])
      ).values()
    ]
    this.events = this.rules.flatMap(eventsOf).sort((a, b) => a.at - b.at)
    this.loggedUntil = epochSeconds(this.clock)
    this.scheduleNext()
  }

  /** Bans and exceptions that end within this time. */
  endingWithin(time: Seconds): readonly RuleEnding[] {
    const now = epochSeconds(this.clock)
    return this.rules.filter(({ until }) => now < until && until <= now + time)
  }

  due(): DueRules {
    const now = epochSeconds(this.clock)
    const holding = this.rules.filter(({ until }) => now < until)
    return {
      ending: this.endingWithin(EXPIRY_NOTICE).length,
      reviews: holding.filter(claim => (reviewOf(claim) ?? Infinity) <= now).length
    }
  }

  close(): void {
    this.timer?.cancel()
  }

  private scheduleNext(): void {
    this.timer?.cancel()
    if (this.events.length === 0) return
    const next = this.events.find(({ at }) => at > this.loggedUntil)?.at ?? Infinity
    const left = next * MS_PER_SECOND - this.clock.wall()
    this.timer = this.timers.after(Math.min(left, MAX_TIMER), () => this.logEvents())
  }

  private logEvents(): void {
    const now = epochSeconds(this.clock)
    for (const { at, ruleId, message } of this.events) {
      if (at <= this.loggedUntil || at > now) continue
      const news = message()
      if (typeof news === 'string') this.log.info({ rule: ruleId }, news)
      else this.log.warn({ code: news.code, rule: ruleId }, news.message)
    }
    this.loggedUntil = now
    this.scheduleNext()
  }
}

function isDated({ kind }: Claim): boolean {
  return kind === 'ban' || kind === 'exception'
}

function eventsOf(claim: Claim): RuleEvent[] {
  const { kind, ruleId, ruleFile, ruleLine, from, until } = claim
  const place = `${ruleFile}:${ruleLine} ${ruleId}`
  const [expiring, expired] =
    kind === 'ban'
      ? (['RULES_BAN_ENDS', 'RULES_BAN_ENDED'] as const)
      : (['RULES_EXCEPTION_ENDS', 'RULES_EXCEPTION_ENDED'] as const)
  const event = (at: Seconds, message: RuleEvent['message']): RuleEvent[] =>
    Number.isFinite(at) ? [{ at, ruleId, message }] : []
  const end = (): string => showInstant(until, 'UTC')
  const review = reviewOf(claim) ?? Infinity
  const due = review < until ? review : Infinity
  return [
    ...event(from, () => `${place}: the ${kind} starts`),
    ...event(Math.max(from, until - EXPIRY_NOTICE), () => failure(expiring, place, end())),
    ...event(until, () => failure(expired, place, end())),
    ...event(due, () => failure('RULES_REVIEW_DUE', place, showInstant(review, 'UTC')))
  ]
}

function reviewOf({ facts }: Claim): Seconds | undefined {
  return facts.review === undefined ? undefined : Date.parse(facts.review) / MS_PER_SECOND
}
