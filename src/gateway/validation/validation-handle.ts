import { isDeepStrictEqual } from 'node:util'
import { systemClock, type Clock } from '../../base/time/clock.js'
import { systemTimers, type Timers } from '../../base/time/timers.js'
import { Restarts } from '../../base/threads/restarts.js'
import { keepIfPresent } from '../../base/threads/start-file.js'
import { EXIT_TIMEOUT, type StartThread, type Thread } from '../../base/threads/thread.js'
import type { ServiceLog } from '../../base/log/service-log.js'
import { DNSSEC } from '../../policy/tables/client-table.js'
import type { Snapshot } from '../../policy/tables/snapshot.js'
import type { ValidationSample } from '../../resolver/stages/validation-sampler.js'
import type { Config } from '../config/config.js'
import type { FromValidation, ToValidation, ValidationInit } from './validation-messages.js'
import type { ValidationStatus } from './validation-status.js'

const NO_STATE = { networks: {}, dropped: 0, failures: [] }

export interface ValidationHandleOptions {
  readonly startThread: StartThread
  readonly log: ServiceLog
  /** For tests. */
  readonly timers?: Timers
  readonly clock?: Clock
}

/**
 * The control thread's handle of the validation thread, which runs while a network has `dnssec: observe`, and is restarted
 * when it dies.
 */
export class ValidationHandle {
  private readonly restarts: Restarts
  private readonly clock: Clock
  private thread: Thread<ToValidation> | undefined
  private config: Config | undefined
  private isWanted = false
  private since = 0
  private state: Omit<ValidationStatus, 'since'> = NO_STATE

  constructor(private readonly options: ValidationHandleOptions) {
    const { log, timers = systemTimers, clock = systemClock } = options
    this.clock = clock
    this.restarts = new Restarts(() => this.startThread(), log, timers, clock)
  }

  /** Null: it is off. */
  get status(): ValidationStatus | null {
    return this.isWanted ? { since: new Date(this.since).toISOString(), ...this.state } : null
  }

  /** Applies settings, the first ones and changed ones. */
  configure(config: Config): void {
    const before = this.config
    this.config = config
    if (isDeepStrictEqual(before?.upstreams, config.upstreams)) return
    this.thread?.send({ kind: 'settings', config })
  }

  /** The rules in force. */
  setRules({ clients }: Snapshot): void {
    const isWanted = clients.dnssec.includes(DNSSEC.observe)
    if (isWanted === this.isWanted) return
    this.isWanted = isWanted
    if (isWanted) this.startThread()
    else this.stop()
  }

  /** A worker has answered this question. Samples are lost while the thread restarts. */
  onSample(sample: ValidationSample): void {
    this.thread?.send({ kind: 'sample', sample })
  }

  close(): void {
    this.isWanted = false
    this.stop()
  }

  private stop(): void {
    this.restarts.cancel()
    void this.thread?.end(EXIT_TIMEOUT)
    this.thread = undefined
    this.state = NO_STATE
  }

  private startThread(): void {
    const { config, isWanted, options } = this
    if (!isWanted || config === undefined) return
    this.restarts.onStart()
    this.since = this.clock.wall()
    this.state = NO_STATE
    const init: ValidationInit = { config }
    keepIfPresent('validation-main.js')
    const thread = options.startThread<ToValidation, FromValidation>('validation-main.js', init, {
      message: message => {
        if (this.thread !== thread) return
        if (message.kind === 'state') this.state = message.state
        else options.log[message.level](message.fields, message.message)
      },
      exited: error => {
        if (this.thread !== thread) return
        this.thread = undefined
        this.restarts.onExit(error, 'validation thread died; restarting it')
      }
    })
    this.thread = thread
  }
}
