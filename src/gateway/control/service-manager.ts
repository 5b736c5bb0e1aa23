import { failure } from '../../base/errors/error.js'
import type { Milliseconds } from '../../base/units.js'
import type { ServiceLog } from '../../base/log/service-log.js'
import { openNotifySocket, type Notify } from '../../base/system/notify-socket.js'
import { withHealth } from '../status/health.js'
import type { Status } from '../status/status.js'
import { serializeError } from '../../base/errors/serialized-error.js'

/** How often the status text is renewed without a watchdog. */
const STATUS_INTERVAL: Milliseconds = 15_000
const MICROSECONDS = 1000
/** Node's longest timer: 2^31 - 1 milliseconds. */
const MAX_INTERVAL: Milliseconds = 0x7fff_ffff

export interface ServiceManagerOptions {
  /** With NOTIFY_SOCKET, WATCHDOG_USEC and WATCHDOG_PID, if a service manager wants to be notified. */
  readonly env: NodeJS.ProcessEnv
  readonly status: () => Promise<Status>
  readonly log: ServiceLog
}

/**
 * Notifies systemd, or what speaks its protocol, of the state of this process: sd_notify(3). Where there is
 * no NOTIFY_SOCKET it does nothing.
 */
export class ServiceManager {
  private notify: Notify | undefined
  private readonly interval: Milliseconds
  private readonly hasWatchdog: boolean
  private timer: NodeJS.Timeout | undefined
  /** Reloads that have not ended. */
  private reloads = 0
  private isStopping = false

  constructor(private readonly options: ServiceManagerOptions) {
    const { NOTIFY_SOCKET: path = '' } = options.env
    const watchdog = watchdogTimeout(options.env)
    this.hasWatchdog = watchdog !== undefined
    // At half the timeout, as sd_watchdog_enabled(3) recommends.
    this.interval = Math.min((watchdog ?? 2 * STATUS_INTERVAL) / 2, MAX_INTERVAL)
    if (path !== '') this.attempt(() => (this.notify = openNotifySocket(path)))
  }

  /** The rules are in force, and the workers listen. */
  async ready(): Promise<void> {
    if (this.notify === undefined) return
    this.send('READY=1', statusLine(await this.options.status()))
    this.schedule()
  }

  /** A reload has begun, which ends with `done`. */
  async reloading(done: Promise<void>): Promise<void> {
    if (this.notify === undefined) return
    this.reloads++
    // CLOCK_MONOTONIC in microseconds: by it, systemd knows that this answers its own signal.
    this.send('RELOADING=1', `MONOTONIC_USEC=${process.hrtime.bigint() / 1000n}`)
    await done
    this.reloads--
    const line = statusLine(await this.options.status())
    if (this.reloads === 0 && !this.isStopping) this.send('READY=1', line)
  }

  /** @param within how long the stop may take, which extends the timeout of the service manager */
  stopping(within: Milliseconds): void {
    this.isStopping = true
    clearTimeout(this.timer)
    const extension = `EXTEND_TIMEOUT_USEC=${within * MICROSECONDS}`
    this.send('STOPPING=1', 'STATUS=stopping', extension)
  }

  /** Another process of this service is the main one from now on, and speaks to the service manager. */
  replacedBy(pid: number): void {
    this.isStopping = true
    clearTimeout(this.timer)
    this.send(`MAINPID=${pid}`)
  }

  private schedule(): void {
    if (this.isStopping) return
    this.timer = setTimeout(() => void this.check().then(() => this.schedule()), this.interval)
    this.timer.unref()
  }

  /**
   * Notifies the watchdog, but only if the workers respond: a restart is what helps against one that hangs,
   * and against nothing else that the status shows.
   */
  private async check(): Promise<void> {
    const status = await this.options.status()
    if (this.isStopping) return
    const isAlive =
      status.silent.length === 0 && status.workers.some(({ state }) => state === 'listening')
    if (isAlive && this.hasWatchdog) this.send('WATCHDOG=1', statusLine(status))
    else this.send(statusLine(status))
    if (!isAlive && this.hasWatchdog) {
      const { silent } = status
      const why =
        silent.length === 0 ? 'no worker listens' : `no reply from worker ${silent.join(', ')}`
      const { code, message } = failure('WATCHDOG_WITHHELD', why)
      this.options.log.error({ code }, message)
    }
  }

  private send(...lines: readonly string[]): void {
    this.attempt(() => this.notify?.(lines.join('\n')))
  }

  /** If the service manager cannot be notified, the gateway keeps serving. */
  private attempt(action: () => void): void {
    try {
      action()
    } catch (error) {
      const { code, message } = serializeError(error)
      this.options.log.warn({ code }, message)
    }
  }
}

/** The watchdog's timeout, if it is meant for this process; undefined: there is none. */
function watchdogTimeout({ WATCHDOG_USEC, WATCHDOG_PID }: NodeJS.ProcessEnv) {
  if (WATCHDOG_PID !== undefined && Number(WATCHDOG_PID) !== process.pid) return undefined
  const timeout = Number(WATCHDOG_USEC) / MICROSECONDS
  return timeout > 0 ? timeout : undefined
}

/** One line, as `systemctl status` shows it: what a person has to know first. */
function statusLine(status: Status): string {
  const { health, rules, workers } = withHealth(status)
  const [first, ...more] = health.problems
  const others = more.length === 0 ? '' : ` (and ${more.length} more)`
  const text =
    first === undefined
      ? `networks ${rules.networks}, rules ${rules.rules}, workers ${workers.length}`
      : `${first.message}${others}`
  return `STATUS=${health.ready ? 'ready' : 'not ready'}: ${text.replaceAll(/\s+/g, ' ')}`
}
