import { isDeepStrictEqual } from 'node:util'
import { MessageChannel, type MessagePort } from 'node:worker_threads'
import { systemClock, type Clock } from '../../base/time/clock.js'
import { systemTimers, type Timers } from '../../base/time/timers.js'
import { Restarts } from '../../base/threads/restarts.js'
import { keepIfPresent } from '../../base/threads/start-file.js'
import { EXIT_TIMEOUT, type StartThread, type Thread } from '../../base/threads/thread.js'
import type { ServiceLog } from '../../base/log/service-log.js'
import { DNSSEC } from '../../policy/tables/client-table.js'
import type { ForwarderSet } from '../../policy/tables/forwarder-sets.js'
import type { Snapshot, UnvalidatedName } from '../../policy/tables/snapshot.js'
import type { ValidationSample } from '../../resolver/stages/validation-sampler.js'
import type { Config } from '../config/config.js'
import { ExceptionClock } from './exception-clock.js'
import type { OnObserved } from './observation-recorder.js'
import type {
  FromValidation,
  ToValidation,
  ValidationInit,
  ValidationState
} from './validation-messages.js'
import type { ValidationStatus } from './validation-status.js'

const NO_STATE: ValidationState = {
  networks: {},
  dropped: 0,
  failures: [],
  enforced: {
    verdicts: { secure: 0, insecure: 0, bogus: 0, indeterminate: 0 },
    refused: 0,
    failures: []
  }
}

export interface ValidationHandleOptions {
  readonly startThread: StartThread
  readonly log: ServiceLog
  /** Removes what is cached for a name and all names below it. */
  readonly flush: (name: string) => void
  /** Hands each running worker, or one of them, the port that this returns for it. */
  readonly connectWorkers: (portOf: () => MessagePort, worker?: number) => void
  /** Receives events for the query log. */
  readonly onObserved?: OnObserved
  /** For tests. */
  readonly timers?: Timers
  readonly clock?: Clock
}

/**
 * The control thread's handle of the validation thread, which runs while a network has `dnssec: observe` or `enforce`, and is
 * restarted when it dies. Workers have ports of their own to it: a busy control thread delays no answer.
 */
export class ValidationHandle {
  private readonly restarts: Restarts
  private readonly clock: Clock
  private thread: Thread<ToValidation> | undefined
  private config: Config | undefined
  private forwarders: readonly ForwarderSet[] = []
  private isWanted = false
  private exceptions: readonly UnvalidatedName[] = []
  private readonly exceptionClock: ExceptionClock
  private since = 0
  private state = NO_STATE

  constructor(private readonly options: ValidationHandleOptions) {
    const { log, timers = systemTimers, clock = systemClock } = options
    this.clock = clock
    this.exceptionClock = new ExceptionClock({ log, clock, timers, flush: options.flush })
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
    const isSame = (key: 'upstreams' | 'dnssec') => isDeepStrictEqual(before?.[key], config[key])
    if (isSame('upstreams') && isSame('dnssec')) return
    this.sendSettings()
  }

  /** The rules in force. */
  setRules({ clients, forwarders, origin: { dnssecExceptions = [] } }: Snapshot): void {
    const hasChanged = !isDeepStrictEqual(dnssecExceptions, this.exceptions)
    this.exceptions = dnssecExceptions
    if (!isDeepStrictEqual(forwarders, this.forwarders)) {
      this.forwarders = forwarders
      this.sendSettings()
    }
    const isWanted = clients.dnssec.some(policy => policy !== DNSSEC.off)
    if (isWanted === this.isWanted) {
      if (isWanted && hasChanged) this.applyExceptions()
      return
    }
    this.isWanted = isWanted
    if (isWanted) {
      this.startThread()
      this.exceptionClock.set(dnssecExceptions)
    } else this.stop()
  }

  /** First the thread, then what is cached. */
  private applyExceptions(): void {
    const { exceptions } = this
    this.thread?.send({ kind: 'exceptions', exceptions })
    this.exceptionClock.set(exceptions)
  }

  /** A worker has answered this question. Samples are lost while the thread restarts. */
  onSample(sample: ValidationSample): void {
    this.thread?.send({ kind: 'sample', sample })
  }

  /** A worker was started, and its queries may have to be validated. */
  connectWorker(worker: number): void {
    if (this.thread !== undefined) this.options.connectWorkers(this.newPort, worker)
  }

  close(): void {
    this.isWanted = false
    this.stop()
  }

  private sendSettings(): void {
    const { config, forwarders, exceptions } = this
    if (config === undefined) return
    this.thread?.send({ kind: 'settings', config, forwarders, exceptions })
  }

  private stop(): void {
    this.restarts.cancel()
    this.exceptionClock.close()
    void this.thread?.end(EXIT_TIMEOUT)
    this.thread = undefined
    this.state = NO_STATE
  }

  private startThread(): void {
    const { config, forwarders, exceptions, isWanted, options } = this
    if (!isWanted || config === undefined) return
    this.restarts.onStart()
    this.since = this.clock.wall()
    this.state = NO_STATE
    const init: ValidationInit = { config, forwarders, exceptions }
    keepIfPresent('validation-main.js')
    const thread = options.startThread<ToValidation, FromValidation>('validation-main.js', init, {
      message: message => {
        if (this.thread !== thread) return
        if (message.kind === 'state') this.state = message.state
        else if (message.kind === 'observed') {
          if (this.config?.log.queries.which !== 'none')
            options.onObserved?.(message.event, message.observation)
        } else options.log[message.level](message.fields, message.message)
      },
      exited: error => {
        if (this.thread !== thread) return
        this.thread = undefined
        this.restarts.onExit(error, 'validation thread died; restarting it')
      }
    })
    this.thread = thread
    this.options.connectWorkers(this.newPort)
  }

  /** The worker's end of a channel to the thread; it closes when the thread ends. */
  private readonly newPort = (): MessagePort => {
    const { port1, port2 } = new MessageChannel()
    this.thread!.send({ kind: 'worker', port: port2 }, [port2])
    return port1
  }
}
