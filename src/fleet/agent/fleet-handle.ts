import { existsSync } from 'node:fs'
import { isDeepStrictEqual } from 'node:util'
import { systemClock, type Clock } from '../../base/time/clock.js'
import type { Milliseconds } from '../../base/units.js'
import type { Config } from '../../gateway/config/config.js'
import type { FleetConfig } from '../../gateway/config/fleet-config.js'
import { NO_STATE, type ChannelState } from '../channel/channel-state.js'
import type { CountersignRequest } from '../channel/nats-channel.js'
import type { Countersignature } from '../../lookups/witness/countersignature.js'
import { NOTHING_SHIPPED, type ShipState } from '../ship/ship-state.js'
import type { PublicKey } from '../../base/files/ed25519.js'
import type { QueryLogConfig } from '../../lookups/settings/query-log-config.js'
import type { BootstrapServers } from '../../sources/http/bootstrap-resolver.js'
import { systemTimers, type Timer, type Timers } from '../../base/time/timers.js'
import type { FleetAgent, FleetAgentOptions } from '../../gateway/control/services.js'
import { historyFolder } from '../../policy/history/history-folder.js'
import { mandatesFolder, rulesLocation } from '../../gateway/compiler/rules-location.js'
import type { FleetInit, FromFleet, ToFleet } from './fleet-messages.js'
import { Restarts } from '../../base/threads/restarts.js'
import { serializeError } from '../../base/errors/serialized-error.js'
import { keepIfPresent } from '../../base/threads/start-file.js'
import { type Thread, type ThreadHandlers, EXIT_TIMEOUT } from '../../base/threads/thread.js'
import type { CountedRules } from '../../gateway/workers/rule-counters.js'
import { fleetCounts, fleetReport, reportedNames } from './fleet-report.js'
import type { FleetLogsStatus, FleetStatus } from '../../gateway/status/fleet-status.js'

/** Random part of the interval between two reports. */
const JITTER = 0.2
/** How soon a report follows a change. */
const SOON: Milliseconds = 50
/** Young generation of the thread in MB: a report every ten seconds makes little garbage. */
const YOUNG_MB = 2
/** The thread gives up earlier, unless it dies. */
const COUNTERSIGN_TIMEOUT: Milliseconds = 30_000
/** How long the first start waits for a bundle. */
const FIRST_BUNDLE_WAIT: Milliseconds = 30_000

export interface FleetHandleOptions extends FleetAgentOptions {
  /** For tests. */
  readonly timers?: Timers
  readonly clock?: Clock
}

/** The control thread's handle of the fleet thread, which is restarted when it dies. */
export class FleetHandle implements FleetAgent {
  private readonly restarts: Restarts
  private readonly timers: Timers
  private readonly clock: Clock
  private init: FleetInit | undefined
  private thread: Thread<ToFleet> | undefined
  private reportTimer: Timer | undefined
  private state: ChannelState = NO_STATE
  private logs: ShipState = NOTHING_SHIPPED
  private wantedSince: Milliseconds = 0
  private readonly created: Milliseconds
  private rules: CountedRules | undefined
  private which: QueryLogConfig['which'] = 'none'
  private isStarted = false
  private number = 0
  private requests = 0
  /** What waits for the hub, by the number of the request. */
  private readonly countersigning = new Map<number, (reply: Countersignature | string) => void>()
  private onOffered: () => void = () => undefined

  constructor(private readonly options: FleetHandleOptions) {
    this.timers = options.timers ?? systemTimers
    this.clock = options.clock ?? systemClock
    this.created = this.clock.wall()
    const restart = (): void => {
      if (this.init !== undefined) this.startThread(this.init)
    }
    this.restarts = new Restarts(restart, options.log, this.timers, this.clock)
  }

  get status(): FleetStatus | null {
    const { init, state, created, wantedSince } = this
    if (init === undefined) return null
    const { name, ring, logs } = init.fleet
    const { connected, server, contact, wanted, error, dropped, reports } = state
    return {
      ...{ name, ring, connected, server, error, dropped, reports },
      contact: showOrNull(contact),
      silentSince: hasChannel(init.fleet) ? show(contact ?? created) : null,
      wanted: wanted?.serial ?? null,
      wantedSince: wanted === null ? null : show(wantedSince),
      logs: logs === undefined ? null : logsStatus(this.logs)
    }
  }

  get hubKeys(): readonly PublicKey[] {
    return this.state.hubKeys
  }

  configure(config: Config, bootstrap: BootstrapServers): void {
    const init = initOf(config, bootstrap)
    this.which = config.log.queries.which
    if (isDeepStrictEqual(init, this.init)) return
    this.init = init
    if (!this.isStarted) return
    this.stop()
    this.state = NO_STATE
    this.logs = NOTHING_SHIPPED
    this.start()
  }

  /** At most 30 s. */
  async fetchFirst(): Promise<void> {
    const { init, options } = this
    if (init?.source === undefined) return
    const { path, storeFolder } = init.source
    if (existsSync(path) || existsSync(storeFolder)) return
    options.log.warn({ path }, 'no bundle yet: getting one from the fleet before serving')
    await new Promise<void>(resolve => {
      const timer = this.timers.after(FIRST_BUNDLE_WAIT, resolve)
      this.onOffered = () => {
        timer.cancel()
        resolve()
      }
      this.startThread(init)
    })
    this.onOffered = () => undefined
  }

  start(): void {
    this.isStarted = true
    if (this.thread !== undefined) this.scheduleReport(SOON)
    else if (this.init !== undefined) this.startThread(this.init)
  }

  close(): void {
    this.isStarted = false
    this.onOffered()
    this.stop()
  }

  setRules(rules: CountedRules): void {
    this.rules = rules
  }

  onChange(): void {
    this.scheduleReport(SOON)
  }

  countersign(request: CountersignRequest): Promise<Countersignature> {
    const { thread } = this
    if (thread === undefined) return Promise.reject(new Error('not connected to the fleet'))
    return new Promise((resolve, reject) => {
      const id = ++this.requests
      const timer = this.timers.after(COUNTERSIGN_TIMEOUT, () =>
        this.onCountersigned(id, `no reply within ${COUNTERSIGN_TIMEOUT / 1000} s`)
      )
      this.countersigning.set(id, reply => {
        timer.cancel()
        if (typeof reply === 'string') reject(new Error(reply))
        else resolve(reply)
      })
      thread.send({ countersign: request, id })
    })
  }

  private onCountersigned(id: number, reply: Countersignature | string): void {
    this.countersigning.get(id)?.(reply)
    this.countersigning.delete(id)
  }

  private stop(): void {
    this.restarts.cancel()
    this.reportTimer?.cancel()
    void this.thread?.end(EXIT_TIMEOUT)
    this.thread = undefined
  }

  private startThread(init: FleetInit): void {
    const { startThread, log } = this.options
    this.restarts.onStart()
    keepIfPresent('fleet-main.js')
    const handlers: ThreadHandlers<FromFleet> = {
      message: message => {
        if (message.kind === 'state') this.onState(message.state)
        else if (message.kind === 'logs') this.logs = message.logs
        else if (message.kind === 'countersigned') this.onCountersigned(message.id, message.reply)
        else log[message.level](message.fields, message.message)
      },
      exited: error => {
        this.thread = undefined
        this.reportTimer?.cancel()
        this.state = { ...this.state, connected: false, server: null }
        this.restarts.onExit(error, 'fleet thread died; restarting it')
      }
    }
    this.thread = startThread<ToFleet, FromFleet>('fleet-main.js', init, handlers, {
      youngMb: YOUNG_MB
    })
    this.scheduleReport(SOON)
  }

  private onState(state: ChannelState): void {
    const before = this.state
    this.state = state
    if (state.wanted?.serial !== before.wanted?.serial) this.wantedSince = this.clock.wall()
    if (state.offered !== null) this.onOffered()
    const isNews =
      state.connected !== before.connected ||
      state.wanted?.serial !== before.wanted?.serial ||
      state.error?.message !== before.error?.message ||
      !isDeepStrictEqual(state.trust, before.trust)
    if (isNews) this.onChange()
  }

  private scheduleReport(delay: Milliseconds): void {
    this.reportTimer?.cancel()
    if (this.thread !== undefined && this.isStarted)
      this.reportTimer = this.timers.after(delay, () => void this.report())
  }

  private async report(): Promise<void> {
    const { init, thread, options, state, rules } = this
    if (init === undefined || thread === undefined) return
    const { fleet } = init
    this.scheduleReport(fleet.report * (1 - JITTER * Math.random()))
    if (!state.connected && fleet.reports === undefined) return
    try {
      const status = await options.status()
      const names = reportedNames(await options.newlyBlocked(), this.which)
      const counted = { ...fleetCounts(options.counters, rules), names }
      const own = { number: ++this.number, now: this.clock.wall() }
      thread.send({
        report: fleetReport(fleet, status, this.state, counted, own)
      })
    } catch (error) {
      options.log.error({ error: serializeError(error).message }, 'state not reported to the fleet')
    }
  }
}

function initOf(config: Config, bootstrap: BootstrapServers): FleetInit | undefined {
  const fleet: FleetConfig | undefined = config.fleet
  const { bundle } = rulesLocation(config)
  return fleet === undefined
    ? undefined
    : {
        ...{ fleet, source: bundle, bootstrap, log: config.log.queries.path },
        history: historyFolder(config.state.folder),
        mandates: {
          folder: mandatesFolder(config.state.folder),
          areOrdered: config.mandates !== undefined
        }
      }
}

/** Whether a hub or a web server says what the gateway should run; otherwise it only sends its logs. */
const hasChannel = ({ nats, pull }: FleetConfig): boolean =>
  nats !== undefined || pull !== undefined

function logsStatus({ waiting, confirmed, last, failed, error }: ShipState): FleetLogsStatus {
  const { files, octets, since } = waiting
  return {
    ...{ waiting: files, waitingOctets: octets, waitingSince: showOrNull(since) },
    ...{ sent: confirmed, lastSent: showOrNull(last), failed, error }
  }
}

const show = (at: Milliseconds): string => new Date(at).toISOString()
const showOrNull = (at: Milliseconds | null): string | null => (at === null ? null : show(at))
