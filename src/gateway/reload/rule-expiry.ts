import { epochSeconds, type Clock } from '../../base/time/clock.js'
import { failure, type InterdictError } from '../../base/errors/error.js'
import { MS_PER_SECOND, type Milliseconds, type Seconds } from '../../base/units.js'
import type { Claim } from '../../policy/tables/claim.js'
import { allClaims } from '../../policy/tables/claim-table.js'
import type { PackedList } from '../../policy/tables/packed-list.js'
import type { Snapshot } from '../../policy/tables/snapshot.js'
import type { ServiceLog } from '../../base/log/service-log.js'
import { EXPIRY_NOTICE } from '../../policy/rules/time/dates.js'
import { lastDayBefore, showEnd, showInstant } from '../../base/time/instant.js'
import type { Timer, Timers } from '../../base/time/timers.js'

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
  /** In the time zone of the rules; undefined: it does not end at midnight. */
  readonly lastDay?: string | undefined
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
  private claims: PackedList<Claim> | undefined
  private numbers: Int32Array = new Int32Array()
  /** From, until and review of each. */
  private dates: Float64Array = new Float64Array()
  /** Sorted, since each status counts what is due, of perhaps 100,000 rules. */
  private ends: Float64Array = new Float64Array()
  /** Of each rule the review or the end, whichever is first; sorted. */
  private reviewsOrEnds: Float64Array = new Float64Array()
  private loggedUntil: Seconds = 0
  private timeZone = 'UTC'
  private timer: Timer | undefined

  constructor(
    private readonly log: ServiceLog,
    private readonly clock: Clock,
    private readonly timers: Timers
  ) {}

  /** Replaces the rules to monitor. @param timeZone of their dates */
  watch(snapshot: Snapshot, timeZone: string): void {
    this.timeZone = timeZone
    const { numbers, dates } = snapshot.claims.dated
    this.claims = allClaims(snapshot)
    this.numbers = new Int32Array(numbers)
    this.dates = new Float64Array(dates)
    this.ends = this.sorted((_, until) => until)
    this.reviewsOrEnds = this.sorted((_, until, review) => Math.min(until, review))
    this.loggedUntil = epochSeconds(this.clock)
    this.scheduleNext()
  }

  /** Bans and exceptions that end within this time. */
  endingWithin(time: Seconds): readonly RuleEnding[] {
    const now = epochSeconds(this.clock)
    const found = this.having((_, until) => now < until && until <= now + time)
    return found.map(({ ruleId, kind, until }) => {
      return { ruleId, kind, until, lastDay: lastDayBefore(until, this.timeZone) }
    })
  }

  due(): DueRules {
    const now = epochSeconds(this.clock)
    const { ends, reviewsOrEnds } = this
    const ended = countUpTo(ends, now)
    return {
      ending: countUpTo(ends, now + EXPIRY_NOTICE) - ended,
      reviews: countUpTo(reviewsOrEnds, now) - ended
    }
  }

  close(): void {
    this.timer?.cancel()
  }

  /** The rules whose dates are so: only these are decoded, as there may be 100,000. */
  private having(test: DatesTest): readonly Claim[] {
    return this.numbersOf(test).map(number => this.claims!.at(number)!)
  }

  private sorted(time: (from: Seconds, until: Seconds, review: Seconds) => Seconds): Float64Array {
    const { numbers, dates } = this
    const times = Float64Array.from(numbers, (_, i) =>
      time(dates[3 * i]!, dates[3 * i + 1]!, dates[3 * i + 2]!)
    )
    return times.sort()
  }

  private numbersOf(test: DatesTest): readonly number[] {
    const { numbers, dates } = this
    const found: number[] = []
    for (let i = 0; i < numbers.length; i++) {
      if (test(dates[3 * i]!, dates[3 * i + 1]!, dates[3 * i + 2]!)) found.push(numbers[i]!)
    }
    return found
  }

  private scheduleNext(): void {
    this.timer?.cancel()
    if (this.numbers.length === 0) return
    let next = Infinity
    this.numbersOf((...dates) => {
      for (const at of timesOf(...dates)) if (at > this.loggedUntil && at < next) next = at
      return false
    })
    const left = next * MS_PER_SECOND - this.clock.wall()
    this.timer = this.timers.after(Math.min(left, MAX_TIMER), () => this.logEvents())
  }

  private logEvents(): void {
    const now = epochSeconds(this.clock)
    const isNow = (at: Seconds): boolean => this.loggedUntil < at && at <= now
    const events = this.having((...dates) => timesOf(...dates).some(isNow)).flatMap(claim =>
      eventsOf(claim, this.timeZone)
    )
    for (const { at, ruleId, message } of events.sort((a, b) => a.at - b.at)) {
      if (!isNow(at)) continue
      const news = message()
      if (typeof news === 'string') this.log.info({ rule: ruleId }, news)
      else this.log.warn({ code: news.code, rule: ruleId }, news.message)
    }
    this.loggedUntil = now
    this.scheduleNext()
  }
}

/** An infinite time: the rule has none. */
type DatesTest = (from: Seconds, until: Seconds, review: Seconds) => boolean

/** When something is logged; infinite: never. */
function timesOf(from: Seconds, until: Seconds, review: Seconds): readonly Seconds[] {
  return [from, Math.max(from, until - EXPIRY_NOTICE), until, review < until ? review : Infinity]
}

/** How many of sorted times are not after this one. */
function countUpTo(times: Float64Array, time: Seconds): number {
  let [low, high] = [0, times.length]
  while (low < high) {
    const middle = (low + high) >> 1
    if (times[middle]! <= time) low = middle + 1
    else high = middle
  }
  return low
}

function eventsOf(claim: Claim, timeZone: string): RuleEvent[] {
  const { kind, ruleId, ruleFile, ruleLine, from, until } = claim
  const place = `${ruleFile}:${ruleLine} ${ruleId}`
  const [expiring, expired] =
    kind === 'ban'
      ? (['RULES_BAN_ENDS', 'RULES_BAN_ENDED'] as const)
      : (['RULES_EXCEPTION_ENDS', 'RULES_EXCEPTION_ENDED'] as const)
  const [start, notice, ended, due] = timesOf(from, until, reviewOf(claim))
  const end = (): string => showEnd(until, timeZone)
  const events: readonly (readonly [Seconds, RuleEvent['message']])[] = [
    [start!, () => `${place}: the ${kind} starts`],
    [notice!, () => failure(expiring, place, end())],
    [ended!, () => failure(expired, place, end())],
    [due!, () => failure('RULES_REVIEW_DUE', place, showInstant(due!, timeZone))]
  ]
  return events.map(([at, message]) => ({ at, ruleId, message }))
}

function reviewOf({ facts }: Claim): Seconds {
  return facts.review === undefined ? Infinity : Date.parse(facts.review) / MS_PER_SECOND
}
