import { failure, InterdictError } from '../../base/errors/error.js'
import { reasonOf } from '../../base/errors/reason.js'
import type { SerializedError } from '../../base/errors/serialized-error.js'
import type { ServiceLog } from '../../base/log/service-log.js'
import { doublingDelay } from '../../base/time/doubling-delay.js'
import type { Milliseconds } from '../../base/units.js'
import {
  appendReceipt,
  readLastCheckpoint,
  readLastReceipts,
  type Checkpoint,
  type Confirmation,
  type Receipt
} from './receipts.js'
import { UnconfirmedSince } from './unconfirmed-since.js'

/** How often the chain is checked for a new checkpoint. */
const CHECK_INTERVAL: Milliseconds = 5_000
const FIRST_RETRY: Milliseconds = 10_000
const MAX_RETRY: Milliseconds = 300_000
/** A witness is late if it has confirmed nothing for the interval plus half of it, at least plus a minute. */
const patience = (every: Milliseconds): Milliseconds => every + Math.max(every / 2, 60_000)
/** Time that a gateway has after its start to write a checkpoint and to have it confirmed. */
const GRACE: Milliseconds = 120_000

/** The key of a witness in `UnconfirmedSince`. */
const nameOf = ({ by, to }: Pick<WitnessChannel, 'by' | 'to'>): string => `${by} ${to}`

/** A witness that checkpoints are sent to. */
export interface WitnessChannel {
  readonly by: Confirmation['by']
  /** Human-readable address. */
  readonly to: string
  /** Rejects with an error that says why, within a minute. */
  submit(checkpoint: Checkpoint): Promise<Confirmation>
}

export interface WitnessOptions {
  /** Folder of the query log. */
  readonly folder: string
  /** Interval of checkpoints. */
  readonly every: Milliseconds
  readonly channels: readonly WitnessChannel[]
  /** Keeps the time since which witnesses without any receipt are configured. */
  readonly stateFile: string
}

/** The state of one witness; its JSON form is public. Times are RFC 3339. */
export interface WitnessStatus {
  readonly by: Confirmation['by']
  readonly to: string
  /** The last line of the chain that it confirmed; null: none. */
  readonly line: number | null
  readonly confirmed: string | null
  /** The time since when a confirmation is overdue; null: none is. */
  readonly missingSince: string | null
  /** Error of the last attempt; null: it succeeded. */
  readonly error: SerializedError | null
}

interface ChannelState {
  channel: WitnessChannel
  readonly startedAt: Milliseconds
  /** When it was configured, also before a restart. */
  readonly knownSince: Milliseconds
  sha256: string
  line: number | null
  confirmed: string | null
  isBusy: boolean
  failures: number
  retryAt: Milliseconds
  error: SerializedError | null
}

/**
 * Sends each new checkpoint of a query log's chain to witnesses, and stores their receipts. It only reads the chain,
 * and nothing waits for it. The newest checkpoint covers all before it, so only that one is retried.
 */
export class ChainWitness {
  private options: WitnessOptions | undefined
  private states: ChannelState[] = []
  private timer: NodeJS.Timeout | undefined
  private unconfirmed: UnconfirmedSince | undefined

  constructor(
    private readonly log: ServiceLog,
    private readonly wall: () => Milliseconds = Date.now,
    private readonly checkInterval = CHECK_INTERVAL
  ) {}

  /**
   * Replaces the settings; undefined: no witness. A witness of the same log that stays keeps its state: no reload makes
   * one that is late punctual.
   */
  configure(options: WitnessOptions | undefined): void {
    const kept = options?.folder === this.options?.folder ? this.states : []
    this.options = options
    if (options === undefined) {
      this.states = []
      return
    }
    const { folder, stateFile } = options
    const known = this.lastReceipts(folder)
    const unconfirmed = (this.unconfirmed ??= new UnconfirmedSince(stateFile, error => {
      const fields = { file: stateFile, error: reasonOf(error, stateFile) }
      this.log.warn(fields, 'not stored: since when the query log has no witness')
    }))
    this.states = options.channels.map(channel => {
      const isOf = ({ by, to }: Pick<Receipt, 'by' | 'to'>): boolean =>
        by === channel.by && to === channel.to
      const state =
        kept.find(one => isOf(one.channel)) ??
        this.firstState(channel, known.findLast(isOf), unconfirmed.of(nameOf(channel)))
      // The object itself, since a submission may be under way.
      return Object.assign(state, { channel })
    })
    void this.keepUnconfirmed()
  }

  /** @param since when it was configured before; undefined: never */
  private firstState(
    channel: WitnessChannel,
    last: Receipt | undefined,
    since: Milliseconds | undefined
  ): ChannelState {
    const { sha256 = '', n: line = null, time: confirmed = null } = last ?? {}
    const state = { isBusy: false, failures: 0, retryAt: -Infinity, error: null }
    const startedAt = this.wall()
    // The clock may have been set back.
    const knownSince = Math.min(since ?? startedAt, startedAt)
    return { channel, startedAt, knownSince, sha256, line, confirmed, ...state }
  }

  /** Stores since when witnesses have given no receipt. Exposed for tests. */
  async keepUnconfirmed(): Promise<void> {
    const none = this.states.filter(({ confirmed }) => confirmed === null)
    const times = none.map(({ channel, knownSince }) => [nameOf(channel), knownSince] as const)
    await this.unconfirmed?.keep(Object.fromEntries(times))
  }

  start(): void {
    clearInterval(this.timer)
    this.timer = setInterval(() => void this.check(), this.checkInterval)
    this.timer.unref()
  }

  stop(): void {
    clearInterval(this.timer)
  }

  /** Null: there is no witness. */
  status(): readonly WitnessStatus[] | null {
    const { options } = this
    if (options === undefined || options.channels.length === 0) return null
    return this.states.map(({ channel, startedAt, knownSince, line, confirmed, error }) => {
      const since = confirmed === null ? knownSince : Date.parse(confirmed)
      const now = this.wall()
      const isLate = now - since > patience(options.every) && now - startedAt > GRACE
      const missingSince = isLate ? new Date(since).toISOString() : null
      return { by: channel.by, to: channel.to, line, confirmed, missingSince, error }
    })
  }

  /** Sends the newest checkpoint to the witnesses that do not have it. Exposed for tests. */
  check(): Promise<unknown> {
    const { options } = this
    const due = this.states.filter(one => !one.isBusy && performance.now() >= one.retryAt)
    if (options === undefined || due.length === 0) return Promise.resolve()
    const checkpoint = this.lastCheckpoint(options.folder)
    if (checkpoint === undefined) return Promise.resolve()
    const behind = due.filter(({ sha256 }) => sha256 !== checkpoint.sha256)
    return Promise.all(behind.map(state => this.submit(state, options.folder, checkpoint)))
  }

  private async submit(state: ChannelState, folder: string, checkpoint: Checkpoint): Promise<void> {
    const { channel } = state
    state.isBusy = true
    try {
      const confirmation = await channel.submit(checkpoint)
      const { n, sha256 } = checkpoint
      const time = new Date(this.wall()).toISOString()
      await appendReceipt(folder, { v: 1, n, sha256, time, to: channel.to, ...confirmation })
      if (state.error !== null)
        this.log.info({ to: channel.to, line: n }, 'query log witnessed again')
      Object.assign(state, { sha256, line: n, confirmed: time, failures: 0, error: null })
      await this.keepUnconfirmed()
    } catch (error) {
      this.fail(state, error)
    } finally {
      state.isBusy = false
    }
  }

  private fail(state: ChannelState, error: unknown): void {
    const { to } = state.channel
    const { code, message } =
      error instanceof InterdictError
        ? (error as InterdictError)
        : failure('WITNESS_FAILED', to, reasonOf(error, to))
    if (state.error?.message !== message) this.log.warn({ code }, message)
    state.error = { code, message }
    state.failures++
    state.retryAt = performance.now() + doublingDelay(state.failures, FIRST_RETRY, MAX_RETRY)
  }

  /** The archive process reports a chain that cannot be read. */
  private lastCheckpoint(folder: string): Checkpoint | undefined {
    try {
      return readLastCheckpoint(folder)
    } catch {
      return undefined
    }
  }

  private lastReceipts(folder: string) {
    try {
      return readLastReceipts(folder)
    } catch {
      return []
    }
  }
}
