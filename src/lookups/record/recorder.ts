import { isDeepStrictEqual } from 'node:util'
import type { Clock } from '../../base/time/clock.js'
import { failure, type ErrorCode, type InterdictError } from '../../base/errors/error.js'
import { MS_PER_SECOND, type Milliseconds } from '../../base/units.js'
import type { Snapshot } from '../../policy/tables/snapshot.js'
import { KeyRing, type KeyOptions } from '../privacy/key-ring.js'
import { usesPseudonyms, type PrivacyOptions } from '../privacy/privacy-mode.js'
import type { OpenDestination } from '../files/destination.js'
import { Formatter } from './formatter.js'
import { LogFile, type FileCounts, type Rotation } from '../files/log-file.js'
import { NewlyBlockedNames, type NewlyBlockedReport } from './newly-blocked.js'
import { QueryEvent, VERDICT, type Observation } from '../event/query-event.js'
import { RingReader } from '../event/ring.js'
import type { ServiceLog } from '../../base/log/service-log.js'
import type { FindMatchedEntry } from './snapshot-fields.js'

/** Minimum pause between two rounds: even under full load, most of the time is left for writing. */
const MIN_PAUSE: Milliseconds = 5
/**
 * Target fill level of the fullest ring at the start of a round. At one half, losses become likely.
 */
const TARGET_FILL = 0.25
/** Each error code is logged at most once per interval. */
const REPORT_INTERVAL: Milliseconds = 60 * MS_PER_SECOND
/** Errors after which lines wait or are lost. */
const UNWRITABLE: readonly ErrorCode[] = ['LOG_OPEN', 'LOG_WRITE']
/** No event of an older generation arrives after this time: no lookup takes that long. */
export const SNAPSHOT_RETENTION: Milliseconds = 10 * MS_PER_SECOND

export interface RecorderOptions {
  /** Path of the live file. */
  readonly path: string
  /** Maximum time before an event is written. */
  readonly flush: Milliseconds
  readonly rotation: Rotation
  /** Display names that `QueryEvent.upstream` indexes. */
  readonly upstreams: readonly string[]
  /** How clients are written. */
  readonly privacy: PrivacyOptions & { readonly keys: KeyOptions }
}

export interface RecorderTools {
  readonly clock: Clock
  readonly findMatchedEntry: FindMatchedEntry
  readonly log: ServiceLog
  /** Receives a copy of everything written to the file; the memory is reused when it returns. */
  readonly onBlock?: ((block: Uint8Array, lines: number) => void) | undefined
  /**
   * Adds snapshots and upstreams that were sent and not received yet. A worker may use them, and push
   * events of them, while the recorder is busy with the rings.
   */
  readonly receivePending?: (() => void) | undefined
  /** Replaces the disk in tests. */
  readonly openDestination?: OpenDestination
}

/** Counters for metrics, since the start. */
export interface RecorderCounts {
  /** Lines written to the file. */
  readonly written: number
  /** Events dropped because their ring was full. */
  readonly dropped: number
  /** Lines lost because the disk did not accept them. */
  readonly lost: number
  /** Lines without rule and network because their snapshot was no longer available. */
  readonly unknown: number
  /** Failures to open, write or rotate. */
  readonly errors: number
  readonly rotations: number
}

/** Counters for status requests, with the number of lookups by verdict. */
export interface RecorderStatus extends RecorderCounts {
  /** Whether the file can be written, now. */
  readonly writable: boolean
  /** Whether the open file is not the one at its path: somebody moved it, or its folder. */
  readonly misplaced: boolean
  /** Why pseudonyms cannot be derived later; null: they can. */
  readonly keyError: string | null
  readonly lookups: Readonly<Record<keyof typeof VERDICT, number>>
}

/**
 * Drains the rings of all workers, encodes the events as lines and writes them. The gateway runs
 * one in a thread of its own.
 */
export class Recorder {
  private options: RecorderOptions
  private readonly tools: RecorderTools
  private file: LogFile
  private formatter: Formatter
  private keys: KeyRing
  /** Files that other settings have replaced, while they are closed. */
  private closing: Promise<unknown> = Promise.resolve()
  private readonly fileCounts: FileCounts = { written: 0, lost: 0, errors: 0, rotations: 0 }
  private readonly rings: RingReader[] = []
  private readonly event = new QueryEvent()
  /** Events read from the rings, by verdict. */
  private readonly verdicts = new Float64Array(Object.keys(VERDICT).length)
  private readonly lastReported = new Map<ErrorCode, Milliseconds>()
  /** Undefined: the gateway is in no fleet, as far as is known. */
  private newlyBlocked: NewlyBlockedNames | undefined
  private pause: Milliseconds
  private timer: NodeJS.Timeout | undefined
  private reportedDropped = 0
  /** Lines that the last report on the file has counted as lost. */
  private reportedLost = 0
  /** Whether the last report on the file was that it cannot be written. */
  private isReportedUnwritable = false
  /** Infinity: there is only one snapshot. */
  private newestSince: Milliseconds = Infinity

  constructor(options: RecorderOptions, tools: RecorderTools) {
    this.options = options
    this.tools = tools
    this.pause = options.flush
    this.file = this.openFile()
    this.keys = this.createKeys()
    this.formatter = this.createFormatter()
  }

  /**
   * Replaces the settings. What is in the rings is written by the previous ones, and counters go on. The
   * names of upstreams are replaced by `setUpstreams`.
   */
  configure(settings: Omit<RecorderOptions, 'upstreams'>): void {
    this.processRings()
    const before = this.options
    this.options = { ...before, ...settings }
    const { path, rotation, privacy } = settings
    if (path !== before.path) {
      this.closing = Promise.all([this.closing, this.file.close()])
      this.file = this.openFile()
    }
    this.file.rotation = rotation
    if (isDeepStrictEqual(privacy, before.privacy)) return
    this.keys = this.createKeys()
    const { snapshots, unknownGenerations } = this.formatter
    this.formatter = this.createFormatter()
    this.formatter.unknownGenerations = unknownGenerations
    for (const snapshot of snapshots) this.formatter.addSnapshot(snapshot)
  }

  /** Replaces the names that `QueryEvent.upstream` indexes. */
  setUpstreams(upstreams: readonly string[]): void {
    this.options = { ...this.options, upstreams }
    this.formatter.setUpstreams(upstreams)
  }

  /** Adds a worker's ring. A replacement worker continues with the ring of the worker that died. */
  addRing(memory: SharedArrayBuffer): void {
    this.rings.push(new RingReader(memory))
  }

  /**
   * Call this before any worker receives the snapshot. The last four snapshots are kept; if no new
   * one arrives for `SNAPSHOT_RETENTION`, only the newest is.
   */
  addSnapshot(snapshot: Snapshot): void {
    this.formatter.addSnapshot(snapshot)
    this.newestSince = this.tools.clock.now()
    this.newlyBlocked?.adopt(snapshot.origin.bundle?.serial, this.newestSince)
  }

  /** Processes the rings periodically until `drain`. */
  start(): void {
    this.timer = setTimeout(() => {
      this.processRings()
      this.start()
    }, this.pause)
  }

  /**
   * Writes everything in the rings to the file, or counts it as lost.
   *
   * The pause until the next round is `flush`, or shorter, so that rings that keep filling at the
   * current rate are a quarter full by then.
   *
   * @returns the pause
   */
  processRings(): Milliseconds {
    let fill = 0
    for (const ring of this.rings) {
      fill = Math.max(fill, ring.refresh())
      while (ring.next(this.event)) {
        this.verdicts[this.event.verdict]!++
        this.formatter.append(this.event)
        if (this.newlyBlocked !== undefined) this.countNewlyBlocked(this.newlyBlocked)
      }
    }
    this.formatter.flush()
    this.file.maintain()
    this.keys.maintain()
    this.reportDropped()
    this.reportRecovery()
    if (this.tools.clock.now() > this.newestSince + SNAPSHOT_RETENTION) this.dropOldSnapshots()
    const pause = fill === 0 ? Infinity : (this.pause * TARGET_FILL) / fill
    this.pause = Math.max(MIN_PAUSE, Math.min(this.options.flush, pause))
    return this.pause
  }

  /** Writes an event that is not in a ring. */
  addObserved(event: QueryEvent, observation: Observation): void {
    this.verdicts[event.verdict]!++
    this.formatter.append(event, observation)
  }

  /** Names that are newly blocked, for the hub of a fleet: counted from the first call on. Undefined: not known. */
  reportNewlyBlocked(): NewlyBlockedReport | undefined {
    this.newlyBlocked ??= this.createNewlyBlocked()
    return this.newlyBlocked.report
  }

  private createNewlyBlocked(): NewlyBlockedNames {
    const names = new NewlyBlockedNames()
    names.adopt(this.formatter.snapshots.at(-1)?.origin.bundle?.serial, this.tools.clock.now())
    return names
  }

  private countNewlyBlocked(names: NewlyBlockedNames): void {
    const { event, formatter } = this
    if (event.verdict !== VERDICT.blocked) return
    const context = formatter.blockedContext(event)
    if (context !== undefined) names.add(event, context)
  }

  /** Called on SIGHUP, after logrotate has renamed the file. */
  reopen(): void {
    this.formatter.flush()
    this.file.reopen()
  }

  /** Closes the file and begins another one, unless it is empty. */
  rotate(): void {
    this.formatter.flush()
    this.file.rotateNow()
  }

  counts(): RecorderCounts {
    const dropped = this.rings.reduce((sum, ring) => sum + ring.dropped, 0)
    return { ...this.fileCounts, dropped, unknown: this.formatter.unknownGenerations }
  }

  status(): RecorderStatus {
    const lookups = Object.entries(VERDICT).map(([word, at]) => [word, this.verdicts[at]!])
    return {
      ...this.counts(),
      writable: this.file.isWritable,
      misplaced: this.file.isMisplaced,
      keyError: this.keys.error,
      lookups: Object.fromEntries(lookups) as RecorderStatus['lookups']
    }
  }

  /**
   * Stops. Call it after the workers have pushed their last events. When it resolves, everything is
   * on the disk or counted as lost, and the file is closed.
   */
  async drain(): Promise<void> {
    clearTimeout(this.timer)
    this.processRings()
    await this.file.close()
    await this.closing
    const { written, lost } = this.fileCounts
    if (lost === this.reportedLost) return
    const more = lost - this.reportedLost
    this.tools.log.error({ written, lost }, `query log closed; ${more} more lookups lost`)
  }

  /** At once, so that an unwritable path is reported at startup. */
  private openFile(): LogFile {
    const { options, tools } = this
    const { clock, openDestination } = tools
    const { path, rotation } = options
    const { report, fileCounts } = this
    const file = new LogFile(path, rotation, clock, report, openDestination, fileCounts)
    file.maintain()
    return file
  }

  private createKeys(): KeyRing {
    const { keys, ...privacy } = this.options.privacy
    const options = { ...keys, isUsed: usesPseudonyms(privacy) }
    return new KeyRing(options, this.tools.clock, this.report)
  }

  private createFormatter(): Formatter {
    const { options, tools } = this
    return new Formatter(
      options.upstreams,
      tools.findMatchedEntry,
      (block, lines) => {
        tools.onBlock?.(block, lines)
        return this.file.write(block, lines)
      },
      options.privacy,
      this.keys,
      tools.receivePending
    )
  }

  private dropOldSnapshots(): void {
    this.formatter.dropOldSnapshots()
    this.newestSince = Infinity
  }

  private reportDropped(): void {
    const { dropped } = this.counts()
    const since = dropped - this.reportedDropped
    if (since > 0 && this.report(failure('LOG_OVERRUN', since))) this.reportedDropped = dropped
  }

  /** Not after an error that was not reported: a disk that is nearly full recovers every second. */
  private reportRecovery(): void {
    if (!this.isReportedUnwritable || !this.file.isWritable) return
    this.isReportedUnwritable = false
    const { written, lost } = this.fileCounts
    this.reportedLost = lost
    this.tools.log.info({ written, lost }, 'query log is written again')
  }

  private readonly report = (error: InterdictError): boolean => {
    const now = this.tools.clock.now()
    if (now < (this.lastReported.get(error.code) ?? -Infinity) + REPORT_INTERVAL) return false
    this.lastReported.set(error.code, now)
    const { written, lost } = this.fileCounts
    this.reportedLost = lost
    this.isReportedUnwritable ||= UNWRITABLE.includes(error.code)
    this.tools.log.error({ code: error.code, written, lost }, error.message)
    return true
  }
}
