import type { ServerResponse } from 'node:http'
import type { Milliseconds, Octets } from '../../base/units.js'
import { FollowedFile } from '../../lookups/files/follow.js'
import { readRecord } from '../../lookups/event/read-record.js'
import type { QueryRecord } from '../../lookups/event/schema.js'
import type { Filter } from '../../analysis/views/record-filter.js'

/** The default of `log.queries.flush`: the log is written that often. */
const INTERVAL: Milliseconds = 200
/** Comments that keep proxies from closing a quiet stream. */
const HEARTBEAT: Milliseconds = 15_000
/** Sent, but not yet read by the client; more is dropped and counted. */
const MAX_WAITING: Octets = 256 * 1024
/** Lines of a log that are parsed in one interval; more are dropped and counted, since metrics share the thread. */
const MAX_LINES = 2_000

export interface LookupStreamOptions {
  /** The query log. */
  readonly path: string
  readonly matches: Filter
  /** Recent lookups to begin with. */
  readonly lines: number
  /** Whether the client may still have it. */
  readonly isAllowed: () => boolean
}

/** A new lookup of a log; `event` is made once for all streams that send it. */
interface NewLookup {
  readonly record: QueryRecord
  readonly event: () => string
}

/** The lookups that a log gets, read and parsed once for all streams of this thread. */
class FollowedLog {
  private static readonly all = new Map<string, FollowedLog>()
  private readonly file: FollowedFile
  private readonly streams = new Set<LookupStream>()
  private readonly timer: NodeJS.Timeout
  /** The last of the others may leave meanwhile. */
  private isJoined = false

  private constructor(private readonly path: string) {
    this.file = new FollowedFile(path)
    this.timer = setInterval(() => this.poll(), INTERVAL)
  }

  /**
   * From now on the stream gets what is new.
   *
   * @returns the log, and matching lookups before that
   * @throws InterdictError LOG_FOLLOW
   */
  static join(
    stream: LookupStream,
    { path, lines, matches }: LookupStreamOptions
  ): { readonly log: FollowedLog; readonly recent: readonly NewLookup[] } {
    const log = FollowedLog.all.get(path) ?? new FollowedLog(path)
    FollowedLog.all.set(path, log)
    log.isJoined = true
    try {
      // Nothing may be between what it gets now and what it gets next.
      if (log.file.isOpen) log.poll()
      const recent = log.file.readLast(lines, line => {
        const lookup = parse(line)
        return lookup !== undefined && matches(lookup.record)
      })
      log.streams.add(stream)
      return { log, recent: recent.flatMap(line => parse(line) ?? []) }
    } finally {
      log.isJoined = false
      log.closeIfUnused()
    }
  }

  leave(stream: LookupStream): void {
    this.streams.delete(stream)
    this.closeIfUnused()
  }

  private closeIfUnused(): void {
    if (this.streams.size > 0 || this.isJoined) return
    clearInterval(this.timer)
    this.file.close()
    FollowedLog.all.delete(this.path)
  }

  private poll(): void {
    let [lines, dropped] = [0, 0]
    for (const added of this.file.readNew()) {
      for (const line of added) {
        const lookup = ++lines > MAX_LINES ? undefined : parse(line)
        if (lines > MAX_LINES) dropped++
        else if (lookup !== undefined) for (const stream of this.streams) stream.take(lookup)
      }
    }
    for (const stream of this.streams) stream.endRound(dropped)
  }
}

function parse(line: string): NewLookup | undefined {
  const record = readRecord(line)
  if (record === undefined) return undefined
  let event: string | undefined
  return { record, event: () => (event ??= `event: lookup\ndata: ${JSON.stringify(record)}\n\n`) }
}

/**
 * Streams the lookups of the query log as server-sent events, as `interdict tail` does: only what the log
 * has, with clients as it has them. HTML Living Standard §9.2.
 */
export class LookupStream {
  private readonly log: FollowedLog
  private dropped = 0
  /** Lookups sent. */
  sent = 0
  private lastSent = performance.now()

  /** Resolves at the end. */
  readonly ended: Promise<void>

  /** @throws InterdictError LOG_FOLLOW */
  constructor(
    private readonly response: ServerResponse,
    private readonly options: LookupStreamOptions
  ) {
    const { log, recent } = FollowedLog.join(this, options)
    this.log = log
    response.flushHeaders()
    for (const lookup of recent) this.take(lookup)
    this.ended = new Promise(resolve => {
      response.once('close', () => {
        log.leave(this)
        resolve()
      })
    })
  }

  /** A new lookup, which may be another than this stream is about. */
  take({ record, event }: NewLookup): void {
    if (!this.options.matches(record)) return
    if (this.response.writableLength >= MAX_WAITING) this.dropped++
    else {
      this.sent++
      this.send(event())
    }
  }

  /** @param dropped lookups that nobody gets */
  endRound(dropped: number): void {
    if (!this.options.isAllowed()) {
      this.send('event: end\ndata: {"reason":"the token has expired or was revoked"}\n\n')
      this.response.end()
      this.log.leave(this)
      return
    }
    this.dropped += dropped
    if (this.dropped > 0 && this.response.writableLength < MAX_WAITING) {
      this.send(`event: dropped\ndata: {"lookups":${this.dropped}}\n\n`)
      this.dropped = 0
    }
    if (performance.now() - this.lastSent >= HEARTBEAT) this.send(':\n\n')
  }

  private send(text: string): void {
    this.lastSent = performance.now()
    this.response.write(text)
  }
}
