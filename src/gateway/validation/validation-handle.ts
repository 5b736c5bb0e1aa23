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
import { readTrustAnchor } from '../../wire/dnssec/trust-anchor.js'
import { showCanonical, showName } from '../../wire/dns/name/name.js'
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
  private trustAnchors: readonly string[] = []
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
  setRules({ clients, forwarders, origin }: Snapshot): void {
    const { dnssecExceptions = [], trustAnchors = [] } = origin
    const hasChanged = !isDeepStrictEqual(dnssecExceptions, this.exceptions)
    this.exceptions = dnssecExceptions
    const newAnchors = zonesOfDifference(trustAnchors, this.trustAnchors)
    if (newAnchors.length > 0 || !isDeepStrictEqual(forwarders, this.forwarders)) {
      this.forwarders = forwarders
      this.trustAnchors = trustAnchors
      this.sendSettings()
    }
    for (const zone of newAnchors) this.onNewAnchors(zone)
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

  /** Cached answers were validated with other keys. */
  private onNewAnchors(zone: string): void {
    const { log, flush } = this.options
    const trustAnchors = this.trustAnchors.filter(anchor => zoneOf(anchor) === zone)
    const source =
      trustAnchors.length > 0
        ? 'of the rules are in force'
        : 'are those of the settings, or the built-in ones'
    log.info(
      { zone, trustAnchors },
      `DNSSEC trust anchors of a zone ${source}; its cache entries are flushed`
    )
    flush(zone)
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
    const { config, forwarders, exceptions, trustAnchors } = this
    if (config === undefined) return
    this.thread?.send({ kind: 'settings', config, forwarders, exceptions, trustAnchors })
  }

  private stop(): void {
    this.restarts.cancel()
    this.exceptionClock.close()
    void this.thread?.end(EXIT_TIMEOUT)
    this.thread = undefined
    this.state = NO_STATE
  }

  private startThread(): void {
    const { config, forwarders, exceptions, trustAnchors, isWanted, options } = this
    if (!isWanted || config === undefined) return
    this.restarts.onStart()
    this.since = this.clock.wall()
    this.state = NO_STATE
    const init: ValidationInit = { config, forwarders, exceptions, trustAnchors }
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

const zoneOf = (anchor: string): string => showCanonical(showName(readTrustAnchor(anchor).zone))

/** Zones of which only one of both has an anchor, or another one. */
function zonesOfDifference(some: readonly string[], others: readonly string[]): readonly string[] {
  const different = [
    ...some.filter(one => !others.includes(one)),
    ...others.filter(one => !some.includes(one))
  ]
  return [...new Set(different.map(zoneOf))]
}
