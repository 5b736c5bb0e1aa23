import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import { isDeepStrictEqual } from 'node:util'
import { systemClock, type Clock } from '../../base/time/clock.js'
import type { Milliseconds } from '../../base/units.js'
import type { Config, ListenConfig } from '../config/config.js'
import type { Endpoint } from '../../wire/sockets/datagram.js'
import { PROBE_KEY_SIZE } from '../../wire/dns/edns/probe-option.js'
import type { Snapshot } from '../../policy/tables/snapshot.js'
import type { ServiceLog } from '../../base/log/service-log.js'
import { systemTimers, type Timers } from '../../base/time/timers.js'
import type { FromProbe, ProbeInit, ToProbe } from './probe-messages.js'
import { Restarts } from '../../base/threads/restarts.js'
import { keepIfPresent } from '../../base/threads/start-file.js'
import { EXIT_TIMEOUT, type StartThread, type Thread } from '../../base/threads/thread.js'
import { PROBE_FOLDER } from './journal.js'
import { probeStatus, type ProbeStatus, type ProbeThreadState } from './probe-status.js'

/** Failures at the same time that have a line in the service log. */
const MOST_LOGGED = 50

const NO_STATE: ProbeThreadState = {
  ...{ rounds: 0, asked: 0, failed: 0, last: undefined, lastGood: undefined },
  ...{ failures: [], coverage: undefined, listeners: undefined, skipped: [] }
}

export interface ProbeHandleOptions {
  readonly startThread: StartThread
  readonly log: ServiceLog
  readonly workers: number
  /** For tests. */
  readonly timers?: Timers
  readonly clock?: Clock
}

/**
 * The control thread's handle of the probe thread, which runs while `probe.enabled` is set, and is restarted when
 * it dies.
 */
export class ProbeHandle {
  /** By which the workers of this process recognize its probes. */
  readonly key: Uint8Array = randomBytes(PROBE_KEY_SIZE)
  private readonly restarts: Restarts
  private readonly clock: Clock
  private thread: Thread<ToProbe> | undefined
  private config: Config | undefined
  private endpoints: readonly ListenConfig[] | undefined
  private http: Endpoint | undefined
  private rules: Extract<ToProbe, { readonly kind: 'rules' }> | undefined
  private state = NO_STATE
  private since: Milliseconds = 0
  /** Failures that the service log has. */
  private logged = new Set<string>()

  constructor(private readonly options: ProbeHandleOptions) {
    const { log, timers = systemTimers, clock = systemClock } = options
    this.clock = clock
    this.restarts = new Restarts(() => this.startThread(), log, timers, clock)
  }

  /** Null: it is off. */
  get status(): ProbeStatus | null {
    const { config, state, since } = this
    if (config?.probe.enabled !== true || this.endpoints === undefined) return null
    return probeStatus(config.probe.every, since, state)
  }

  /** Applies settings, the first ones and changed ones. @param http where the HTTP API listens; undefined: nowhere */
  configure(config: Config, http: Endpoint | undefined): void {
    const before = { frontEnds: this.config?.frontEnds, http: this.http }
    this.config = config
    this.http = http
    // Its channels depend on who may send PROXY headers.
    if (!isDeepStrictEqual(before, { frontEnds: config.frontEnds, http })) this.stop()
    if (!config.probe.enabled) this.stop()
    else if (this.thread === undefined) this.startThread()
    else this.thread.send({ kind: 'settings', config })
  }

  /** The rules in force. @param packedRules with names; undefined: it is off */
  setRules(snapshot: Snapshot, packedRules: Uint8Array | undefined): void {
    this.rules = packedRules && { kind: 'rules', snapshot, packedRules }
    if (this.rules === undefined) return
    if (this.thread === undefined) this.startThread()
    else this.thread.send(this.rules)
  }

  /**
   * The workers listen, and no other process answers for them.
   *
   * @param http where the HTTP API listens; undefined: nowhere
   */
  start(endpoints: readonly ListenConfig[], http: Endpoint | undefined): void {
    this.endpoints = endpoints
    this.http = http
    this.startThread()
  }

  close(): void {
    this.stop()
    this.endpoints = undefined
  }

  private stop(): void {
    this.restarts.cancel()
    void this.thread?.end(EXIT_TIMEOUT)
    this.thread = undefined
    this.state = NO_STATE
    this.logged.clear()
  }

  private startThread(): void {
    const { config, endpoints, http, rules, key, options } = this
    if (config?.probe.enabled !== true || endpoints === undefined || rules === undefined) return
    const { startThread, log, workers } = options
    this.restarts.onStart()
    this.since = this.clock.wall()
    const folder = join(config.state.folder, PROBE_FOLDER)
    const init: ProbeInit = { key, endpoints, http, workers, folder, config }
    keepIfPresent('probe-main.js')
    this.thread = startThread<ToProbe, FromProbe>('probe-main.js', init, {
      message: message => {
        if (message.kind === 'state') this.onState(message.state)
        else log[message.level](message.fields, message.message)
      },
      exited: error => {
        this.thread = undefined
        this.restarts.onExit(error, 'probe thread died; restarting it')
      }
    })
    this.thread.send(rules)
  }

  private onState(state: ProbeThreadState): void {
    const { log } = this.options
    this.state = state
    const now = new Set<string>()
    for (const failure of state.failures) {
      const { kind, network, client, rule, name, type, server, problem, worker } = failure
      const question = { kind, network, client, rule, name, type, server, worker }
      const key = Object.values(question).join('\n')
      now.add(key)
      if (!this.logged.has(key) && now.size <= MOST_LOGGED)
        log.error({ code: 'PROBE_FAILING', ...question, problem }, 'probe failed')
    }
    if (this.logged.size > 0 && now.size === 0)
      log.info({ failures: this.logged.size }, 'probes are good again')
    this.logged = now
  }
}
