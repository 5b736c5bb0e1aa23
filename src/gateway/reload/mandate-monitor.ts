import { epochSeconds, type Clock } from '../../base/time/clock.js'
import type { ServiceLog } from '../../base/log/service-log.js'
import type { Timer, Timers } from '../../base/time/timers.js'
import { MS_PER_SECOND, type Milliseconds } from '../../base/units.js'
import { NO_MANDATE_REPORT, type MandateReport } from '../../sources/mandates/mandate-report.js'

/** A date is noticed within this time even if the clock was changed. */
const MAX_TIMER: Milliseconds = 3_600_000
/** Maximum number of shortfalls that are logged at once; the status lists as many. */
const MAX_LOGGED = 20

/** A shortfall, and whether it applies now. */
export type MandateShortfall = MandateReport['shortfalls'][number]

/** Logs each shortfall of the rules in force once, also when it begins at a later date. */
export class MandateMonitor {
  private report: MandateReport = NO_MANDATE_REPORT
  private timer: Timer | undefined
  private lastProblems = ''
  private lastOpen = ''

  constructor(
    private readonly log: ServiceLog,
    private readonly clock: Clock,
    private readonly timers: Timers
  ) {}

  get current(): MandateReport {
    return this.report
  }

  /** Shortfalls that apply now. */
  get open(): readonly MandateShortfall[] {
    const now = epochSeconds(this.clock)
    return this.report.shortfalls.filter(({ from, until }) => from <= now && now < until)
  }

  watch(report: MandateReport): void {
    this.report = report
    this.logProblems()
    this.logOpen()
  }

  close(): void {
    this.timer?.cancel()
  }

  private logProblems(): void {
    const { problems } = this.report
    const messages = problems.map(({ message }) => message).join('\n')
    if (messages === this.lastProblems) return
    this.lastProblems = messages
    for (const { code, message } of problems) this.log.error({ code }, message)
  }

  private logOpen(): void {
    this.schedule()
    const { open } = this
    const { mandates, shortfalls } = this.report
    const ids = mandates.map(({ id, sha256 }) => `${id} ${sha256}`).join(' ')
    const messages = [ids, ...open.map(({ message }) => message)].join('\n')
    if (messages === this.lastOpen) return
    this.lastOpen = messages
    if (mandates.length === 0) return
    for (const { code, message } of open.slice(0, MAX_LOGGED)) this.log.error({ code }, message)
    const later = shortfalls.length - open.length
    const counts = { mandates: mandates.length, shortfalls: open.length, later }
    if (open.length > 0) this.log.error(counts, 'the rules in force do not satisfy all mandates')
    else this.log.info(counts, 'the rules in force satisfy all mandates')
  }

  /** Schedules the next check for when the next shortfall begins or ends. */
  private schedule(): void {
    this.timer?.cancel()
    const now = this.clock.wall()
    const times = this.report.shortfalls
      .flatMap(({ from, until }) => [from, until].map(at => at * MS_PER_SECOND))
      .filter(at => at > now)
    if (times.length === 0) return
    const next = times.reduce((a, b) => Math.min(a, b)) - now
    this.timer = this.timers.after(Math.min(next, MAX_TIMER), () => this.logOpen())
  }
}
