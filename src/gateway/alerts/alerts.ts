import { hostname } from 'node:os'
import { systemClock, type Clock } from '../../base/time/clock.js'
import type { Milliseconds, Seconds } from '../../base/units.js'
import type { Config } from '../config/config.js'
import type { ServiceLog } from '../../base/log/service-log.js'
import type { BootstrapServers } from '../../sources/http/bootstrap-resolver.js'
import { systemTimers, type Timer, type Timers } from '../../base/time/timers.js'
import type { StatusReply } from '../status/health.js'
import type { RuleEnding } from '../reload/rule-expiry.js'
import { serializeError } from '../../base/errors/serialized-error.js'
import type { StartThread } from '../../base/threads/thread.js'
import type { FromAlert } from './alert-messages.js'
import type { AlertHookStatus } from '../status/alert-hook-status.js'
import { AlertHook, type StartSending } from './alert-hook.js'
import { conditionsOf } from './conditions.js'

/** How often the state of the gateway is checked; a status takes a millisecond. */
const CHECK_INTERVAL: Milliseconds = 5_000

export interface AlertsOptions {
  readonly startThread: StartThread
  readonly log: ServiceLog
  readonly status: () => Promise<StatusReply>
  readonly rulesEndingWithin: (time: Seconds) => readonly RuleEnding[]
  /** For tests. */
  readonly timers?: Timers
  readonly clock?: Clock
}

export type AlertSettings = Pick<Config, 'alerts' | 'identity'>

/** The name of this gateway in alerts. */
export const gatewayName = ({ identity: { name } }: AlertSettings): string =>
  name === '' ? hostname() : name

/** Sends alerts to the webhooks of the settings (`alerts`): compares the status with what was sent before. */
export class Alerts {
  private hooks: readonly AlertHook[] = []
  private settings: AlertSettings = { alerts: [], identity: { version: '', name: '' } }
  private timer: Timer | undefined
  private isStarted = false
  private readonly timers: Timers
  private readonly clock: Clock

  constructor(private readonly options: AlertsOptions) {
    this.timers = options.timers ?? systemTimers
    this.clock = options.clock ?? systemClock
  }

  get status(): readonly AlertHookStatus[] {
    return this.hooks.map(({ status }) => status)
  }

  /**
   * Applies settings, the first ones and changed ones. A hook with the same name keeps its alerts.
   *
   * @param bootstrap resolve the names of hooks
   */
  update(settings: AlertSettings, bootstrap: BootstrapServers): void {
    const { startThread, log } = this.options
    const startSending: StartSending = (init, handlers) =>
      startThread<never, FromAlert>('alert-main.js', init, handlers)
    const previous = new Map(this.hooks.map(hook => [hook.status.name, hook]))
    this.hooks = settings.alerts.map(hook => {
      const own = { hook, bootstrap, gatewayName: gatewayName(settings) }
      const known = previous.get(hook.name)
      previous.delete(hook.name)
      known?.update(own)
      const { timers } = this
      return known ?? new AlertHook(own, { startSending, log, timers })
    })
    this.settings = settings
    for (const removed of previous.values()) void removed.remove()
    if (this.isStarted) this.schedule()
  }

  /** Starts to look at the state of the gateway. */
  start(): void {
    this.isStarted = true
    this.schedule()
  }

  /** Stops, after one more try to send what waits. */
  async close(): Promise<void> {
    this.stop()
    await Promise.all(this.hooks.map(hook => hook.close()))
  }

  /** Stops at once. */
  async end(): Promise<void> {
    this.stop()
    await Promise.all(this.hooks.map(hook => hook.end()))
  }

  private stop(): void {
    this.isStarted = false
    this.timer?.cancel()
  }

  private schedule(): void {
    this.timer?.cancel()
    if (this.hooks.length === 0) return
    this.timer = this.timers.after(CHECK_INTERVAL, () => void this.check())
  }

  private async check(): Promise<void> {
    const { log, rulesEndingWithin } = this.options
    try {
      const status = await this.options.status()
      if (!this.isStarted) return
      const sources = { status, rulesEndingWithin, now: this.clock.wall() }
      for (const [i, { endingWithin }] of this.settings.alerts.entries()) {
        this.hooks[i]!.check(conditionsOf(sources, endingWithin), this.clock.now())
      }
    } catch (error) {
      log.error({ error: serializeError(error).message }, 'alerts not checked')
    }
    if (this.isStarted) this.schedule()
  }
}
