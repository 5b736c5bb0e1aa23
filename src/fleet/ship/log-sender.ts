import type { LookupFunction } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import type { NatsConnection } from '@nats-io/transport-node'
import { doublingDelay } from '../../base/time/doubling-delay.js'
import { failure, InterdictError } from '../../base/errors/error.js'
import { reasonOf } from '../../base/errors/reason.js'
import type { Milliseconds } from '../../base/units.js'
import type { FleetConfig, FleetLogsConfig } from '../../gateway/config/fleet-config.js'
import type { LogLayout } from '../../lookups/files/log-layout.js'
import type { ServiceLog } from '../../base/log/service-log.js'
import { FolderStore } from './folder-store.js'
import { HistorySender } from './history-sender.js'
import type { LogStore } from './log-store.js'
import type { OwnMandates } from './mandate-sender.js'
import { NatsStore } from './nats-store.js'
import { Pace } from './pace.js'
import { S3Client } from './s3-client.js'
import { S3Store } from './s3-store.js'
import { NOTHING_SHIPPED, type ShipState } from './ship-state.js'
import { Shipper } from './shipper.js'

/** How often closed files are looked for. */
const INTERVAL: Milliseconds = 10_000
/** Delays after failures, doubled each time. */
const FIRST_RETRY: Milliseconds = 5_000
const MAX_RETRY: Milliseconds = 300_000

export interface LogSenderTools {
  readonly lookup: LookupFunction
  readonly log: ServiceLog
  /** The state has changed. */
  readonly onState?: (state: ShipState) => void
  /** Folder of the history of rules; undefined: it stays here. */
  readonly history?: string
  readonly mandates?: OwnMandates
  /** To NATS; undefined: not connected. */
  readonly connection?: () => NatsConnection | undefined
  /** For tests. */
  readonly interval?: Milliseconds
  readonly retry?: Milliseconds
}

/** Sends closed log files and the history of rules to the centre for as long as the gateway runs. */
export class LogSender {
  private readonly closing = new AbortController()
  private readonly store: LogStore
  private readonly shipper: Shipper
  private readonly history: HistorySender | undefined
  private state = NOTHING_SHIPPED
  private failures = 0
  private logged = ''

  constructor(
    fleet: FleetConfig,
    private readonly logs: FleetLogsConfig,
    layout: LogLayout,
    private readonly tools: LogSenderTools
  ) {
    this.store = openStore(logs, tools)
    const isClosed = (): boolean => this.closing.signal.aborted
    const { history, mandates } = tools
    this.history =
      history === undefined
        ? undefined
        : new HistorySender(history, fleet.name, logs.to, this.store, { isClosed, mandates })
    this.shipper = new Shipper(layout, fleet.name, logs.to, this.store, {
      isClosed,
      progress: (waiting, count) => {
        const confirmed = this.state.confirmed + count
        this.update({ waiting, confirmed, ...(count > 0 && { last: Date.now() }) })
      }
    })
  }

  async run(): Promise<void> {
    const { signal } = this.closing
    while (!signal.aborted) {
      await this.passOnce()
      const { interval = INTERVAL, retry = FIRST_RETRY } = this.tools
      const later = doublingDelay(this.failures, retry, MAX_RETRY)
      const wait = this.failures === 0 ? interval : later
      await sleep(wait * (0.75 + Math.random() / 2), undefined, { signal }).catch(() => undefined)
    }
    await this.store.close()
  }

  close(): void {
    this.closing.abort()
  }

  private async passOnce(): Promise<void> {
    const { log } = this.tools
    try {
      // Small, and what the lookups are judged by; but it must not hold them up.
      const [history] = await Promise.allSettled([this.history?.pass()])
      const { files, confirmed } = await this.shipper.pass()
      if (history.status === 'rejected') throw history.reason
      this.failures = 0
      this.logged = ''
      this.update({ error: null })
      if (confirmed > 0)
        log.info({ to: this.logs.to, confirmed, waiting: files }, 'log files sent to the fleet')
    } catch (error) {
      this.failures++
      const { code, message } =
        error instanceof InterdictError
          ? (error as InterdictError)
          : failure('FLEET_LOGS', this.logs.to, reasonOf(error, this.logs.to))
      if (message !== this.logged) log.warn({ code }, `${message}; the files stay here, retrying`)
      this.logged = message
      this.update({ failed: this.state.failed + 1, error: { code, message } })
    }
  }

  private update(change: Partial<ShipState>): void {
    this.state = { ...this.state, ...change }
    this.tools.onState?.(this.state)
  }
}

function openStore(logs: FleetLogsConfig, { lookup, connection }: LogSenderTools): LogStore {
  const pace = new Pace(logs.rate)
  if (logs.to === 'nats') return new NatsStore(() => connection?.(), pace)
  if (logs.s3 === undefined) return new FolderStore(logs.to, pace)
  return new S3Store(new S3Client(logs.s3, pace, lookup), logs.s3.prefix, logs.to)
}
