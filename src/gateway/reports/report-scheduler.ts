import { failure, type InterdictError } from '../../base/errors/error.js'
import type { Milliseconds } from '../../base/units.js'
import type { Config } from '../config/config.js'
import type { ServiceLog } from '../../base/log/service-log.js'
import { systemTimers, type Timer, type Timers } from '../../base/time/timers.js'
import { COMMAND_LIMITS, CommandRunner, type CommandLimits } from '../processes/commands.js'
import type { ResultOf } from '../processes/requests.js'

export type ReportsRun = ResultOf<'reports run'>
export type ReportRun = ReportsRun['reports'][number]

/** The JSON form is public, see docs/reference/admin-socket.md. */
export interface ScheduledReportStatus {
  readonly name: string
  /** When it is made next, or tried again: RFC 3339; null: not known yet. */
  readonly next: string | null
  /** When it was last made; null: never. */
  readonly last: string | null
  /** Reports made since the start of the gateway, failed tries, and reports given up. */
  readonly made: number
  readonly failed: number
  readonly dropped: number
  /** Why the last try failed; null: it did not. */
  readonly error: string | null
}

/** For reports on a month of a busy gateway. */
const LIMITS: CommandLimits = {
  ...COMMAND_LIMITS,
  concurrent: 1,
  memory: 512 * 2 ** 20,
  output: 2 ** 20,
  heap: 256
}
/** After a start: clients come first. */
const FIRST_RUN: Milliseconds = 10_000
/** Runs are not further apart: clocks and the time zone of the rules may change. */
const MAX_INTERVAL: Milliseconds = 3_600_000
/** A run that finds itself too early would be repeated at once. */
const MIN_INTERVAL: Milliseconds = 1_000
/** After a run that failed as a whole. */
const RETRY: Milliseconds = 600_000

type Run = (config: Config, signal: AbortSignal) => Promise<ReportsRun>

export interface ReportSchedulerOptions {
  readonly log: ServiceLog
  /** Path of the program, which makes the reports in a process of its own. */
  readonly program: string
  /** For tests. */
  readonly timers?: Timers
  readonly run?: Run
  readonly wall?: () => Milliseconds
}

interface Counts {
  made: number
  failed: number
  dropped: number
}

/** Has scheduled reports (`reports`) made when they are due, by a process of low priority. */
export class ReportScheduler {
  private config: Config | undefined
  private timer: Timer | undefined
  private running: { readonly stop: AbortController; readonly ended: Promise<void> } | undefined
  private isStarted = false
  private readonly counts = new Map<string, Counts>()
  private last = new Map<string, ReportRun>()
  /** Why the last run failed as a whole. */
  private error: string | null = null
  private readonly timers: Timers
  private readonly run: Run
  private readonly wall: () => Milliseconds

  constructor(private readonly options: ReportSchedulerOptions) {
    this.timers = options.timers ?? systemTimers
    this.wall = options.wall ?? Date.now
    this.run =
      options.run ??
      ((config, signal) =>
        new CommandRunner(options.program, () => config, LIMITS).run(
          'reports run',
          {},
          checkRun,
          signal
        ))
  }

  get status(): readonly ScheduledReportStatus[] {
    return (this.config?.reports ?? []).map(({ name }) => {
      const last = this.last.get(name)
      return {
        name,
        next: last?.next ?? null,
        last: last?.made ?? null,
        ...this.countsOf(name),
        error: this.error ?? last?.error?.message ?? null
      }
    })
  }

  /** Applies settings, the first ones and changed ones. */
  update(config: Config): void {
    this.config = config
    if (this.isStarted) this.schedule(FIRST_RUN)
  }

  start(): void {
    this.isStarted = true
    this.schedule(FIRST_RUN)
  }

  /** Stops a run, which is safe at any moment: what was not done is done after the next start. */
  async close(): Promise<void> {
    this.isStarted = false
    this.timer?.cancel()
    this.running?.stop.abort()
    await this.running?.ended
  }

  private schedule(delay: Milliseconds): void {
    this.timer?.cancel()
    if (!this.isStarted || this.config!.reports.length === 0) return
    this.timer = this.timers.after(delay, () => this.begin())
  }

  private begin(): void {
    // Settings may change during a run, which schedules the next one at its end.
    if (this.running !== undefined) return
    const stop = new AbortController()
    const ended = this.runOnce(stop.signal).then(delay => {
      this.running = undefined
      this.schedule(delay)
    })
    this.running = { stop, ended }
  }

  /** @returns the time until the next run */
  private async runOnce(signal: AbortSignal): Promise<Milliseconds> {
    const { log } = this.options
    try {
      const { reports } = await this.run(this.config!, signal)
      this.error = null
      this.last = new Map(reports.map(report => [report.name, report]))
      for (const report of reports) this.onReport(report)
      const next = Math.min(...reports.map(({ next }) => Date.parse(next)))
      return Math.max(MIN_INTERVAL, Math.min(MAX_INTERVAL, next - this.wall()))
    } catch (error) {
      if (signal.aborted) return RETRY
      const { code: cause, message: why } = error as InterdictError
      const isOwn = cause === 'REPORTS_RUN' || cause === 'REPORTS_BUSY'
      const { code, message } = isOwn ? (error as InterdictError) : failure('REPORTS_RUN', why)
      if (this.error !== message) log.warn({ code }, message)
      this.error = message
      return RETRY
    }
  }

  private onReport({ name, event, error, file, mailed, next }: ReportRun): void {
    const { log } = this.options
    if (event === null) return
    this.countsOf(name)[event]++
    if (event === 'made') {
      log.info({ report: name, file, mailed }, 'report made')
    } else {
      const { code, message } = error!
      const fields = { code, report: name }
      if (event === 'dropped') log.error(fields, `${message}; given up`)
      else log.warn({ ...fields, retry: next }, `${message}; retrying`)
    }
  }

  private countsOf(name: string): Counts {
    const counts = this.counts.get(name) ?? { made: 0, failed: 0, dropped: 0 }
    this.counts.set(name, counts)
    return counts
  }
}

/** Validates a result by hand, since the control thread loads no schemas. @throws InterdictError API_COMMAND */
export function checkRun(result: unknown): ReportsRun {
  const { reports } = (result ?? {}) as Record<string, unknown>
  if (Array.isArray(reports) && reports.every(isRun)) return { reports }
  throw failure('API_COMMAND', 'invalid result of "reports run"')
}

function isRun(value: unknown): value is ReportRun {
  const { name, next, made, error, event, file, mailed } = (value ?? {}) as Record<string, unknown>
  const { code, message } = (error ?? { code: '', message: '' }) as Record<string, unknown>
  const texts = [name, next, made ?? '', file ?? '', event ?? '', code, message]
  return (
    texts.every(text => typeof text === 'string') &&
    Number.isFinite(Date.parse(next as string)) &&
    [null, 'made', 'failed', 'dropped'].includes(event as string | null) &&
    typeof mailed === 'number'
  )
}
