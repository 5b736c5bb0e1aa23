import { epochSeconds, type Clock } from '../../base/clock.js'
import { failure, type InterdictError } from '../../base/error.js'
import { MS_PER_SECOND, type Milliseconds, type Seconds } from '../../base/units.js'
import type { Claim } from '../../policy/tables/claim.js'
import type { Snapshot } from '../../policy/tables/snapshot.js'
import type { ServiceLog } from '../../querylog/record/service-log.js'
import { EXPIRY_NOTICE } from '../../rules/time/dates.js'
import { showInstant } from '../../rules/time/instant.js'
import type { Timer, Timers } from '../../upstream/timers.js'

/** The clock may be set while we wait. */
const MAX_TIMER: Milliseconds = 3_600_000

/** Something that happens with a ban or an exception by itself, and what is told of it then. */
interface RuleEvent {
  readonly at: Seconds
  readonly ruleId: string
  /** A message alone where all is well. */
  readonly message: () => InterdictError | string
}

/** How many bans and exceptions somebody should look at. */
export interface DueRules {
  /** They end within the next 14 days. */
  readonly ending: number
  /** Bans that hold, and were to be reviewed by now. */
  readonly reviews: number
}

/**
 * Tells in the log when a ban or an exception begins, when it is about to end, when it ends and when
 * a ban is to be reviewed: rules do all that by themselves, without a reload that would say so. What
 * was so when they were loaded was told then.
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

  /** From now on, of these rules. */
  watch({ claims }: Snapshot): void {
    this.rules = [
      ...new Map(claims.all.filter(isDated).map(claim => [claim.ruleId, claim])).values()
    ]
    this.events = this.rules.flatMap(eventsOf).sort((a, b) => a.at - b.at)
    this.loggedUntil = epochSeconds(this.clock)
    this.scheduleNext()
  }

  due(): DueRules {
    const now = epochSeconds(this.clock)
    const holding = this.rules.filter(({ until }) => now < until)
    return {
      ending: holding.filter(({ until }) => until <= now + EXPIRY_NOTICE).length,
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
    for (const { at, ruleId, message: news } of this.events) {
      if (at <= this.loggedUntil || at > now) continue
      const what = news()
      if (typeof what === 'string') this.log.info({ rule: ruleId }, what)
      else this.log.warn({ code: what.code, rule: ruleId }, what.message)
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
  const [ends, ended] =
    kind === 'ban'
      ? (['RULES_BAN_ENDS', 'RULES_BAN_ENDED'] as const)
      : (['RULES_EXCEPTION_ENDS', 'RULES_EXCEPTION_ENDED'] as const)
  const moment = (at: Seconds, news: RuleEvent['message']): RuleEvent[] =>
    Number.isFinite(at) ? [{ at, ruleId, message: news }] : []
  const end = (): string => showInstant(until, 'UTC')
  const review = reviewOf(claim) ?? Infinity
  const due = review < until ? review : Infinity
  return [
    ...moment(from, () => `${place}: the ${kind} begins`),
    ...moment(Math.max(from, until - EXPIRY_NOTICE), () => failure(ends, place, end())),
    ...moment(until, () => failure(ended, place, end())),
    ...moment(due, () => failure('RULES_REVIEW_DUE', place, showInstant(review, 'UTC')))
  ]
}

function reviewOf({ facts }: Claim): Seconds | undefined {
  return facts.review === undefined ? undefined : Date.parse(facts.review) / MS_PER_SECOND
}
