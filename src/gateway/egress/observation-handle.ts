import { dirname } from 'node:path'
import type { ServiceLog } from '../../base/log/service-log.js'
import { Restarts } from '../../base/threads/restarts.js'
import { keepIfPresent } from '../../base/threads/start-file.js'
import { EXIT_TIMEOUT, type StartThread, type Thread } from '../../base/threads/thread.js'
import { EGRESS } from '../../policy/tables/client-table.js'
import type { Snapshot } from '../../policy/tables/snapshot.js'
import type { AnswerBatch } from '../../resolver/stages/answer-notes.js'
import type { Config } from '../config/config.js'
import type {
  AddressTarget,
  FromObservation,
  ObservationInit,
  ObservationState,
  ToObservation
} from './observation-messages.js'

export interface ObservationOptions {
  readonly startThread: StartThread
  readonly config: Config
  readonly log: ServiceLog
}

/** Before the thread has said anything. */
const STARTING: ObservationState = {
  ...{ reading: false, error: null, counted: false, known: false },
  ...{ connections: 0, findings: { banned: 0, resolver: 0, unresolved: 0 } },
  ...{ unknown: 0, lost: 0, lastFinding: null }
}

const UNSET = 'the settings have no egress.connections'

/** The control thread's handle of the observation thread, which runs while a network has `egress`. */
export class ObservationHandle {
  private readonly restarts: Restarts
  private thread: Thread<ToObservation> | undefined
  private snapshot: Snapshot | undefined
  private targets: readonly AddressTarget[] = []
  private state = STARTING
  private isWanted = false
  private isUnset = false
  private hasLock = false

  constructor(private readonly options: ObservationOptions) {
    this.restarts = new Restarts(() => this.startThread(), options.log)
  }

  /** Null: no network has `egress`. */
  get status(): ObservationState | null {
    if (this.isUnset) return { ...STARTING, error: UNSET }
    return this.isWanted ? this.state : null
  }

  /** The gateway has the lock of the query log. */
  start(): void {
    this.hasLock = true
    if (this.isWanted) this.startThread()
  }

  /** The rules in force. */
  setRules(snapshot: Snapshot): void {
    const { clients } = snapshot
    this.snapshot = snapshot
    const isSet = this.options.config.egress.connections !== undefined
    const isOrdered = clients.egress.some(policy => policy !== EGRESS.off)
    const isWanted = isSet && isOrdered
    this.isUnset = !isSet && isOrdered
    if (isWanted && this.isWanted) this.thread?.send({ kind: 'rules', snapshot })
    else if (isWanted && this.hasLock) this.startThread()
    else if (this.isWanted) void this.close()
    this.isWanted = isWanted
  }

  /** Addresses of banned names, instead of the previous ones. */
  setTargets(targets: readonly AddressTarget[]): void {
    this.targets = targets
    this.thread?.send({ kind: 'targets', targets })
  }

  /** Answers led clients to these addresses. */
  onAnswers(batch: AnswerBatch): void {
    this.thread?.send({ kind: 'answers', batch })
  }

  async close(): Promise<void> {
    this.restarts.cancel()
    const { thread } = this
    this.thread = undefined
    await thread?.end(EXIT_TIMEOUT)
  }

  private startThread(): void {
    const { startThread, config, log } = this.options
    const { which, path, privacy } = config.log.queries
    this.restarts.onStart()
    this.state = STARTING
    const init: ObservationInit = {
      socket: config.egress.connections!,
      folder: which === 'none' ? undefined : dirname(path),
      ...{ privacy, snapshot: this.snapshot! }
    }
    keepIfPresent('observation-main.js')
    const thread = startThread<ToObservation, FromObservation>('observation-main.js', init, {
      message: message => {
        if (this.thread !== thread) return
        if (message.kind === 'state') this.state = message.state
        else log[message.level](message.fields, message.message)
      },
      exited: error => {
        if (this.thread !== thread) return
        this.thread = undefined
        this.state = STARTING
        this.restarts.onExit(error, 'observation thread died; restarting it')
      }
    })
    this.thread = thread
    thread.send({ kind: 'targets', targets: this.targets })
  }
}
