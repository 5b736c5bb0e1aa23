import { dirname } from 'node:path'
import type { ServiceLog } from '../../base/log/service-log.js'
import { PendingRequests } from '../../base/threads/pending-requests.js'
import { Restarts } from '../../base/threads/restarts.js'
import { keepIfPresent } from '../../base/threads/start-file.js'
import { EXIT_TIMEOUT, type StartThread, type Thread } from '../../base/threads/thread.js'
import type { Milliseconds } from '../../base/units.js'
import { EGRESS } from '../../policy/tables/client-table.js'
import type { Snapshot } from '../../policy/tables/snapshot.js'
import type { AnswerBatch } from '../../resolver/stages/answer-notes.js'
import { canDeny, type Config } from '../config/config.js'
import type { HeldReply, SeenAddress } from '../../resolver/stages/reply-gate.js'
import { allocateDeniedTable } from '../../policy/egress/denied-table.js'
import type { DenyState } from './address-keeper.js'
import type { FetchRequest } from './denied-export.js'
import { UNSET as NO_FIREWALL } from './deny-sync.js'
import type {
  FetchResult,
  FromObservation,
  ObservationInit,
  ObservationState,
  RulesInForce,
  ToObservation
} from './observation-messages.js'

export interface ObservationOptions {
  readonly startThread: StartThread
  readonly config: Config
  readonly log: ServiceLog
  /** Lets a worker send replies that it holds. */
  readonly release: (worker: number, ids: readonly number[]) => void
}

/** Before the thread has said anything. */
const STARTING: ObservationState = {
  ...{ reading: false, error: null, counted: false, known: false },
  ...{ connections: 0, findings: { banned: 0, resolver: 0, unresolved: 0 } },
  ...{ unknown: 0, lost: 0, lastFinding: null, deny: null }
}

/** As long as the HTTP thread waits for the control thread, less a second. */
const FETCH_TIMEOUT: Milliseconds = 4_000

const UNSET = 'the settings have no egress.connections'

/** The settings have no helper, so nothing is denied. */
const NO_DENY: DenyState = {
  ...{ networks: {}, inForce: false, error: NO_FIREWALL, shared: 0, aliased: 0, kept: 0 },
  lookups: { names: 0, failed: 0, waiting: 0 },
  ...{ omitted: 0, overdue: 0, restored: { count: 0, last: null }, fetched: null }
}

/** The control thread's handle of the observation thread, which runs while a network has `egress`, or something may deny addresses. */
export class ObservationHandle {
  /** Addresses that are denied, for the workers. */
  readonly denied = allocateDeniedTable()
  private readonly restarts: Restarts
  private thread: Thread<ToObservation> | undefined
  private rules: RulesInForce | undefined
  private state = STARTING
  private isWanted = false
  private isOrdered = false
  private isUnset = false
  private isDenied = false
  private hasLock = false
  private pending = new PendingRequests<FetchResult>()

  constructor(private readonly options: ObservationOptions) {
    this.restarts = new Restarts(() => this.startThread(), options.log)
  }

  /** Null: no network has `egress`. */
  get status(): ObservationState | null {
    const { isOrdered, isUnset, isDenied, isWanted, state } = this
    if (!isOrdered) return null
    const { deny } = state
    const known = isWanted ? state : STARTING
    return {
      ...known,
      error: isUnset ? UNSET : known.error,
      deny: isDenied && !canDeny(this.options.config.egress) ? NO_DENY : deny
    }
  }

  /** The gateway has the lock of the query log. */
  start(): void {
    this.hasLock = true
    if (this.isWanted) this.startThread()
  }

  /** The rules in force. */
  setRules(snapshot: Snapshot, packedRules: Uint8Array | undefined): void {
    const { clients } = snapshot
    const rules = { snapshot, packedRules }
    this.rules = rules
    const { egress } = this.options.config
    const { connections } = egress
    this.isOrdered = clients.egress.some(policy => policy !== EGRESS.off)
    this.isDenied = clients.egress.includes(EGRESS.deny)
    // The helper, or a firewall elsewhere, may have what other rules denied.
    const isWanted = canDeny(egress) || (this.isOrdered && connections !== undefined)
    this.isUnset = connections === undefined
    if (isWanted && this.isWanted) this.thread?.send({ kind: 'rules', rules })
    else if (isWanted && this.hasLock) this.startThread()
    else if (this.isWanted) void this.close()
    this.isWanted = isWanted
  }

  /** What clients of networks with `egress: deny` have looked up. */
  onSighted(seen: readonly SeenAddress[], blocked: readonly string[]): void {
    this.thread?.send({ kind: 'sighted', seen, blocked })
  }

  /** A worker holds a reply until its addresses are free. */
  onHeld(worker: number, reply: HeldReply): void {
    if (this.thread === undefined) this.options.release(worker, [reply.id])
    else this.thread.send({ kind: 'held', worker, reply })
  }

  onOverdue(count: number): void {
    this.thread?.send({ kind: 'overdue', count })
  }

  /** Answers led clients to these addresses. */
  onAnswers(batch: AnswerBatch): void {
    this.thread?.send({ kind: 'answers', batch })
  }

  /** Denied addresses for firewalls elsewhere. */
  async fetchDenied({ network, client }: FetchRequest): Promise<FetchResult> {
    const { thread } = this
    const reply = await (thread === undefined
      ? 'exited'
      : this.pending.send(
          id => thread.send({ kind: 'fetch', id, request: { network, client } }),
          FETCH_TIMEOUT
        ))
    if (typeof reply === 'object') return reply
    return { notReady: reply === 'timeout' ? 'no reply in time' : 'its thread is not running' }
  }

  async close(): Promise<void> {
    this.restarts.cancel()
    const { thread } = this
    this.thread = undefined
    this.dropRequests()
    await thread?.end(EXIT_TIMEOUT)
  }

  private dropRequests(): void {
    this.pending.close()
    this.pending = new PendingRequests()
  }

  private startThread(): void {
    const { startThread, config, log } = this.options
    const { which, path, privacy } = config.log.queries
    this.restarts.onStart()
    this.state = STARTING
    const init: ObservationInit = {
      ...{ config, denied: this.denied },
      folder: which === 'none' ? undefined : dirname(path),
      ...{ privacy, rules: this.rules! }
    }
    keepIfPresent('observation-main.js')
    const thread = startThread<ToObservation, FromObservation>('observation-main.js', init, {
      message: message => {
        if (this.thread !== thread) return
        if (message.kind === 'state') this.state = message.state
        else if (message.kind === 'fetched') this.pending.onReply(message.id, message.result)
        else if (message.kind === 'release') this.options.release(message.worker, message.ids)
        else log[message.level](message.fields, message.message)
      },
      exited: error => {
        if (this.thread !== thread) return
        this.thread = undefined
        this.state = STARTING
        this.dropRequests()
        this.restarts.onExit(error, 'observation thread died; restarting it')
      }
    })
    this.thread = thread
  }
}
