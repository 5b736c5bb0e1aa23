import { failure, type InterdictError } from '../../base/errors/error.js'
import type { ServiceLog } from '../../base/log/service-log.js'
import { systemTimers, type Timer, type Timers } from '../../base/time/timers.js'
import type { Milliseconds } from '../../base/units.js'
import type { Config } from '../config/config.js'
import { COMMAND_LIMITS, CommandRunner, type CommandLimits } from '../processes/commands.js'
import type { ResultOf } from '../processes/requests.js'

export type CatalogueRun = ResultOf<'catalogue update'>

/** The catalogue and its updates. The JSON form is public, see docs/reference/admin-socket.md. */
export interface CatalogueStatus {
  /** The one in force; null: not known yet, or none. */
  readonly inForce: CatalogueRun['inForce']
  /** Last attempt to update it, and the next one: RFC 3339; null: none. */
  readonly last: string | null
  readonly next: string | null
  /** Why the last attempt failed; null: it did not. */
  readonly error: { readonly code: string; readonly message: string } | null
}

const LIMITS: CommandLimits = { ...COMMAND_LIMITS, concurrent: 1, output: 2 ** 20 }
/** After a start: clients come first. */
const FIRST_RUN: Milliseconds = 20_000
/** After an attempt that failed. */
const RETRY: Milliseconds = 600_000

type Run = (config: Config, signal: AbortSignal) => Promise<CatalogueRun>

export interface CatalogueUpdaterOptions {
  readonly log: ServiceLog
  /** Path of the program, which checks the rules with a new catalogue in a process of its own. */
  readonly program: string
  /** For tests. */
  readonly timers?: Timers
  readonly run?: Run
  readonly wall?: () => Milliseconds
}

/** Updates the catalogue at each interval of the settings. The rules are reloaded because its file has changed. */
export class CatalogueUpdater {
  private config: Config | undefined
  private timer: Timer | undefined
  private running: { readonly stop: AbortController; readonly ended: Promise<void> } | undefined
  private isStarted = false
  private current: CatalogueStatus = { inForce: null, last: null, next: null, error: null }
  private readonly timers: Timers
  private readonly run: Run
  private readonly wall: () => Milliseconds

  constructor(private readonly options: CatalogueUpdaterOptions) {
    this.timers = options.timers ?? systemTimers
    this.wall = options.wall ?? Date.now
    this.run =
      options.run ??
      ((config, signal) =>
        new CommandRunner(options.program, () => config, LIMITS).run(
          'catalogue update',
          {},
          checkRun,
          signal
        ))
  }

  /** Null: the gateway does not update the catalogue. */
  get status(): CatalogueStatus | null {
    return this.interval === undefined ? null : this.current
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

  /** Stops a run, which is safe at any moment: the previous catalogue is in force until the next one is. */
  async close(): Promise<void> {
    this.isStarted = false
    this.timer?.cancel()
    this.running?.stop.abort()
    await this.running?.ended
  }

  private get interval(): Milliseconds | undefined {
    return this.config?.catalogue?.interval
  }

  private schedule(delay: Milliseconds): void {
    this.timer?.cancel()
    if (!this.isStarted || this.interval === undefined) return
    this.current = { ...this.current, next: this.timeIn(delay) }
    this.timer = this.timers.after(delay, () => this.begin())
  }

  private begin(): void {
    // Settings may change during a run, which schedules the next one at its end.
    if (this.running !== undefined) return
    const stop = new AbortController()
    const ended = this.runOnce(stop.signal).then(isGood => {
      this.running = undefined
      const { interval = RETRY } = this
      this.schedule(isGood ? interval : Math.min(RETRY, interval))
    })
    this.running = { stop, ended }
  }

  /** @returns whether the catalogue was updated, or is up to date */
  private async runOnce(signal: AbortSignal): Promise<boolean> {
    const { log } = this.options
    const last = this.timeIn(0)
    try {
      const { result, inForce, error } = await this.run(this.config!, signal)
      if (error !== null) this.warn(error)
      else if (result === 'updated') log.info({ ...inForce }, 'catalogue updated')
      this.current = { ...this.current, inForce, last, error }
      return error === null
    } catch (thrown) {
      if (signal.aborted) return false
      const { code, message } = failure('CATALOGUE_RUN', (thrown as InterdictError).message)
      this.warn({ code, message })
      this.current = { ...this.current, last, error: { code, message } }
      return false
    }
  }

  /** Once for each reason. */
  private warn({ code, message }: { readonly code: string; readonly message: string }): void {
    if (this.current.error?.message !== message) this.options.log.warn({ code }, message)
  }

  private timeIn(delay: Milliseconds): string {
    return new Date(this.wall() + delay).toISOString()
  }
}

/** Validates a result by hand, since the control thread loads no schemas. @throws InterdictError API_COMMAND */
export function checkRun(result: unknown): CatalogueRun {
  const { result: word, inForce, error } = (result ?? {}) as Record<string, unknown>
  const isGood =
    ['updated', 'unchanged', 'pinned', 'failed'].includes(word as string) &&
    (inForce === null || isSummary(inForce)) &&
    (error === null || hasTexts(error, ['code', 'message']))
  if (isGood) return result as CatalogueRun
  throw failure('API_COMMAND', 'invalid result of "catalogue update"')
}

function isSummary(value: unknown): boolean {
  const { serial, expires } = (value ?? {}) as Record<string, unknown>
  const isDate = Number.isFinite(Date.parse(String(expires)))
  return hasTexts(value, ['version', 'expires']) && Number.isSafeInteger(serial) && isDate
}

function hasTexts(value: unknown, keys: readonly string[]): boolean {
  const found = (value ?? {}) as Record<string, unknown>
  return keys.every(key => typeof found[key] === 'string')
}
