import { alertMessage } from './alert-body.js'
import type { AlertMessage } from './post-alert.js'
import { doublingDelay } from '../../base/time/doubling-delay.js'
import { failure } from '../../base/errors/error.js'
import type { Milliseconds } from '../../base/units.js'
import type { AlertHookConfig } from '../config/alert-config.js'
import type { ServiceLog } from '../../base/log/service-log.js'
import type { BootstrapServers } from '../../sources/http/bootstrap-resolver.js'
import { systemTimers, type Timer, type Timers } from '../../base/time/timers.js'
import type { AlertInit, FromAlert } from './alert-messages.js'
import { type Thread, type ThreadHandlers, EXIT_TIMEOUT } from '../../base/threads/thread.js'
import type { AlertHookStatus } from '../status/alert-hook-status.js'
import { AlertTracker } from './alert-tracker.js'
import type { Condition } from './conditions.js'

/** Alerts that wait; above it the oldest is dropped. */
const MAX_QUEUE = 100
/** With the delays below, an alert is given up after about 25 minutes. */
const MAX_TRIES = 12
/** Delay after a failed try, doubled with each further one in a row. */
const FIRST_RETRY: Milliseconds = 2_000
const MAX_RETRY: Milliseconds = 300_000
/** Random part of a delay, so that gateways do not all try at once. */
const JITTER = 0.5
/** How long the last try at shutdown may take. */
const LAST_TRY: Milliseconds = 3_000

/** Starts to send messages, in order, up to the first failure. */
export type StartSending = (
  init: AlertInit,
  handlers: ThreadHandlers<FromAlert>
) => Pick<Thread<never>, 'end'>

export interface AlertHookOptions {
  readonly startSending: StartSending
  readonly log: ServiceLog
  /** For tests. */
  readonly timers?: Timers
  /** At least 0, less than 1; for tests. */
  readonly random?: () => number
}

/** What changes with the settings. */
export interface AlertHookSettings {
  readonly hook: AlertHookConfig
  /** Resolve the name of its host: never this gateway itself. */
  readonly bootstrap: BootstrapServers
  readonly gatewayName: string
}

interface Waiting extends AlertMessage {
  tries: number
}

/**
 * One webhook: which alerts are active, and which messages wait to be sent. Messages are sent in order, by a
 * thread that runs only for that. They wait here until it reports them sent, so that none is lost when it dies.
 */
export class AlertHook {
  private readonly counts = { sent: 0, failed: 0, dropped: 0 }
  private readonly tracker = new AlertTracker()
  private queue: Waiting[] = []
  private failures = 0
  private error: string | null = null
  private thread: ReturnType<StartSending> | undefined
  private retryTimer: Timer | undefined
  private isClosed = false
  private onExit: () => void = () => undefined
  private readonly timers: Timers

  constructor(
    private settings: AlertHookSettings,
    private readonly options: AlertHookOptions
  ) {
    this.timers = options.timers ?? systemTimers
  }

  get status(): AlertHookStatus {
    const { settings, tracker, queue, counts, error } = this
    const { name } = settings.hook
    return { name, active: tracker.count, waiting: queue.length, ...counts, error }
  }

  /** Applies new settings of this hook at once, also to messages that wait for a retry. */
  update(settings: AlertHookSettings): void {
    this.settings = settings
    const { events } = settings.hook
    this.tracker.keepOnly(events)
    this.drop(
      this.queue.filter(({ event }) => !events.some(one => one === event)),
      'the settings no longer have its event'
    )
    this.retryTimer?.cancel()
    this.retryTimer = undefined
    this.send()
  }

  /** Drops what waits and ends at once: the settings no longer have this hook. */
  async remove(): Promise<void> {
    this.drop(this.queue, 'the settings no longer have this webhook')
    await this.end()
  }

  /** @param now monotonic */
  check(conditions: readonly Condition[], now: Milliseconds): void {
    const { hook, gatewayName } = this.settings
    const { name, events, resend } = hook
    const own = conditions.filter(
      ({ event, subject }) =>
        // A failing hook cannot report its own failure.
        events.includes(event) && !(event === 'alerts-failing' && subject === name)
    )
    for (const news of this.tracker.update(own, now, resend)) {
      this.queue.push({ ...alertMessage(news, gatewayName), tries: 0 })
    }
    this.drop(this.queue.slice(0, -MAX_QUEUE), `${MAX_QUEUE} others wait`)
    if (this.retryTimer === undefined) this.send()
  }

  /** Tries once more to send what waits, within three seconds. */
  async close(): Promise<void> {
    this.retryTimer?.cancel()
    if (this.queue.length > 0) {
      const exited = new Promise<void>(resolve => (this.onExit = resolve))
      this.send()
      const timer = this.timers.after(LAST_TRY, () => this.onExit())
      await exited
      timer.cancel()
    }
    await this.end()
    this.drop(this.queue, 'the gateway stops')
  }

  /** Ends at once. */
  async end(): Promise<void> {
    this.isClosed = true
    this.retryTimer?.cancel()
    await this.thread?.end(EXIT_TIMEOUT)
  }

  private send(): void {
    const { queue, settings, options } = this
    if (this.thread !== undefined || this.isClosed || queue.length === 0) return
    this.retryTimer = undefined
    const { hook, bootstrap } = settings
    const init: AlertInit = { hook, bootstrap, messages: queue.map(withoutTries) }
    let sent = 0
    let hasFailed = false
    this.thread = options.startSending(init, {
      message: message => {
        if (message.kind === 'sent') {
          sent++
          this.onSent(message.delivery)
        } else {
          hasFailed = true
          this.onFailed(message.delivery, message.error.message)
        }
      },
      exited: error => {
        this.thread = undefined
        const next = init.messages[sent]
        if (next !== undefined && !hasFailed) {
          this.onFailed(next.delivery, `alert thread died: ${error?.message ?? 'it exited'}`)
        }
        this.onExit()
        if (!this.isClosed) this.schedule()
      }
    })
  }

  /** Sends messages queued meanwhile; after a failure, later. */
  private schedule(): void {
    const { failures, options } = this
    if (this.queue.length === 0) return
    if (failures === 0) return this.send()
    const delay = doublingDelay(failures, FIRST_RETRY, MAX_RETRY)
    const { random = Math.random } = options
    const jitter = 1 - JITTER + 2 * JITTER * random()
    this.retryTimer = this.timers.after(delay * jitter, () => this.send())
  }

  private onSent(delivery: string): void {
    const { name } = this.settings.hook
    this.counts.sent++
    this.queue = this.queue.filter(message => message.delivery !== delivery)
    if (this.failures > 0) this.options.log.info({ hook: name }, 'alerts can be sent again')
    this.failures = 0
    this.error = null
  }

  private onFailed(delivery: string, why: string): void {
    const { name } = this.settings.hook
    this.counts.failed++
    this.error = why
    if (this.failures++ === 0) {
      this.options.log.warn({ code: 'ALERT_SEND', hook: name }, `${why}; retrying`)
    }
    const message = this.queue.find(one => one.delivery === delivery)
    if (message !== undefined && ++message.tries >= MAX_TRIES) {
      this.drop([message], `${MAX_TRIES} tries failed`)
    }
  }

  private drop(messages: readonly Waiting[], why: string): void {
    const [first] = messages
    if (first === undefined) return
    const { name } = this.settings.hook
    this.counts.dropped += messages.length
    this.queue = this.queue.filter(message => !messages.includes(message))
    const more = messages.length === 1 ? '' : ` and ${messages.length - 1} more`
    const { code, message } = failure('ALERT_DROPPED', name, `${first.event}${more}`, why)
    this.options.log.error({ code, hook: name, dropped: messages.length }, message)
  }
}

const withoutTries = ({ delivery, event, body }: Waiting): AlertMessage => {
  return { delivery, event, body }
}
