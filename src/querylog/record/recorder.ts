import type { Clock } from '../../base/clock.js'
import { failure, type ErrorCode, type InterdictError } from '../../base/error.js'
import { MS_PER_SECOND, type Milliseconds } from '../../base/units.js'
import type { Snapshot } from '../../policy/tables/snapshot.js'
import { KeyRing, type KeyOptions } from '../privacy/key-ring.js'
import type { PrivacyOptions } from '../privacy/privacy-mode.js'
import type { OpenDestination } from './destination.js'
import { Formatter } from './formatter.js'
import { LogFile, type Rotation } from './log-file.js'
import { QueryEvent, VERDICT } from './query-event.js'
import { RingReader } from './ring.js'
import type { ServiceLog } from './service-log.js'
import type { FindMatchedEntry } from './snapshot-fields.js'

/** Shortest pause between two rounds: even at full load, most of the time is for writing. */
const MIN_PAUSE: Milliseconds = 5
/** How full the fullest ring is to be when its turn comes. Half is where losses come near. */
const TARGET_FILL = 0.25
/** One kind of trouble is told once in this time. */
const REPORT_INTERVAL: Milliseconds = 60 * MS_PER_SECOND
/** After that no event of an older generation comes: no lookup takes so long. */
export const SNAPSHOT_RETENTION: Milliseconds = 10 * MS_PER_SECOND

export interface RecorderOptions {
  /** Path of the file being written. */
  readonly path: string
  /** Longest time that an event waits for being written. */
  readonly flush: Milliseconds
  readonly rotation: Rotation
  /** What `QueryEvent.upstream` is an index in, as shown to people. */
  readonly upstreams: readonly string[]
  /** How clients are written. */
  readonly privacy: PrivacyOptions & { readonly keys: KeyOptions }
}

export interface RecorderTools {
  readonly clock: Clock
  readonly findMatchedEntry: FindMatchedEntry
  readonly log: ServiceLog
  /** Gets whatever the file gets; what it is given is written over when it returns. */
  readonly onBlock?: ((block: Uint8Array, lines: number) => void) | undefined
  /** For tests: another disk. */
  readonly openDestination?: OpenDestination
}

/** For the metrics. All count up from the start. */
export interface RecorderCounts {
  /** Lines in the file. */
  readonly written: number
  /** Events that found their ring full. */
  readonly dropped: number
  /** Lines that the disk did not take. */
  readonly lost: number
  /** Lines without rule and network, their snapshot no longer being held. */
  readonly unknown: number
  /** Failures to open, write or rotate. */
  readonly errors: number
  readonly rotations: number
}

/** For who asks how it is. Lookups as they are in the log, by how they ended. */
export interface RecorderStatus extends RecorderCounts {
  readonly lookups: Readonly<Record<keyof typeof VERDICT, number>>
}

/**
 * The recorder's whole work: takes the events from all workers' rings, makes lines of them and
 * writes them. The gateway runs one in a thread of its own.
 */
export class Recorder {
  private readonly options: RecorderOptions
  private readonly tools: RecorderTools
  private readonly file: LogFile
  private readonly formatter: Formatter
  private readonly keys: KeyRing
  private readonly rings: RingReader[] = []
  private readonly event = new QueryEvent()
  /** Events taken from the rings, by verdict. */
  private readonly verdicts = new Float64Array(Object.keys(VERDICT).length)
  private readonly lastReported = new Map<ErrorCode, Milliseconds>()
  private pause: Milliseconds
  private timer: NodeJS.Timeout | undefined
  private reportedDropped = 0
  /** Infinity: there is but one snapshot. */
  private newestSince: Milliseconds = Infinity

  constructor(options: RecorderOptions, tools: RecorderTools) {
    this.options = options
    this.tools = tools
    this.pause = options.flush
    const { path, rotation, upstreams, privacy } = options
    const report = (error: InterdictError): boolean => this.report(error)
    this.file = new LogFile(path, rotation, tools.clock, report, tools.openDestination)
    this.keys = new KeyRing(privacy.keys, tools.clock, report)
    this.formatter = new Formatter(
      upstreams,
      tools.findMatchedEntry,
      (block, lines) => {
        tools.onBlock?.(block, lines)
        return this.file.write(block, lines)
      },
      privacy,
      this.keys
    )
    // Now, so that a path that cannot be written is in the service log at the start.
    this.file.maintain()
  }

  /** A worker's ring. A worker that replaces a dead one goes on with the dead one's. */
  addRing(memory: SharedArrayBuffer): void {
    this.rings.push(new RingReader(memory))
  }

  /**
   * To be called before any worker is given the snapshot. The last four are held, and only the
   * newest when none has come for `SNAPSHOT_HELD`.
   */
  addSnapshot(snapshot: Snapshot): void {
    this.formatter.addSnapshot(snapshot)
    this.newestSince = this.tools.clock.now()
  }

  /** Begins to work by itself, until `drain`. */
  start(): void {
    this.timer = setTimeout(() => {
      this.processRings()
      this.start()
    }, this.pause)
  }

  /**
   * One round: everything that was in the rings is in the file, or counted.
   *
   * The pause until the next is `flush`, or less, so that rings filled as fast as this time would
   * be a quarter full by then.
   *
   * @returns that pause
   */
  processRings(): Milliseconds {
    let fill = 0
    for (const ring of this.rings) {
      fill = Math.max(fill, ring.refresh())
      while (ring.next(this.event)) {
        this.verdicts[this.event.verdict]!++
        this.formatter.append(this.event)
      }
    }
    this.formatter.flush()
    this.file.maintain()
    this.keys.maintain()
    this.reportDropped()
    if (this.tools.clock.now() > this.newestSince + SNAPSHOT_RETENTION) this.dropOldSnapshots()
    const pause = fill === 0 ? Infinity : (this.pause * TARGET_FILL) / fill
    this.pause = Math.max(MIN_PAUSE, Math.min(this.options.flush, pause))
    return this.pause
  }

  /** After SIGHUP: logrotate has renamed the file. */
  reopen(): void {
    this.formatter.flush()
    this.file.reopen()
  }

  counts(): RecorderCounts {
    const dropped = this.rings.reduce((sum, ring) => sum + ring.dropped, 0)
    return { ...this.file.counts, dropped, unknown: this.formatter.unknownGenerations }
  }

  status(): RecorderStatus {
    const lookups = Object.entries(VERDICT).map(([word, at]) => [word, this.verdicts[at]!])
    return {
      ...this.counts(),
      lookups: Object.fromEntries(lookups) as RecorderStatus['lookups']
    }
  }

  /**
   * The end: to be called when the workers have pushed their last. When it resolves, everything is
   * on the disk or counted as lost, and the file is closed.
   */
  async drain(): Promise<void> {
    clearTimeout(this.timer)
    this.processRings()
    await this.file.close()
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

  private report(error: InterdictError): boolean {
    const now = this.tools.clock.now()
    if (now < (this.lastReported.get(error.code) ?? -Infinity) + REPORT_INTERVAL) return false
    this.lastReported.set(error.code, now)
    const { written, lost } = this.file.counts
    this.tools.log.error({ code: error.code, written, lost }, error.message)
    return true
  }
}
