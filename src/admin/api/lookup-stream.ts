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
/** Lines that are parsed in one interval; more are dropped and counted, since metrics share the thread. */
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

/**
 * Streams the lookups of the query log as server-sent events, as `interdict tail` does: only what the log
 * has, with clients as it has them. HTML Living Standard §9.2.
 */
export class LookupStream {
  private readonly file: FollowedFile
  private readonly timer: NodeJS.Timeout
  private dropped = 0
  /** Lookups sent. */
  sent = 0
  private lastSent = performance.now()

  /** Resolves at the end. */
  readonly ended: Promise<void>

  constructor(
    private readonly response: ServerResponse,
    private readonly options: LookupStreamOptions
  ) {
    this.file = new FollowedFile(options.path)
    const { lines } = options
    const recent = this.file.readLast(lines, line => this.select(line) !== undefined)
    response.flushHeaders()
    for (const line of recent) this.sendLine(line)
    this.timer = setInterval(() => this.poll(), INTERVAL)
    this.ended = new Promise(resolve => {
      response.once('close', () => {
        clearInterval(this.timer)
        this.file.close()
        resolve()
      })
    })
  }

  private poll(): void {
    if (!this.options.isAllowed()) {
      this.send('event: end\ndata: {"reason":"the token has expired or was revoked"}\n\n')
      this.response.end()
      clearInterval(this.timer)
      return
    }
    let lines = 0
    for (const added of this.file.readNew()) {
      for (const line of added) {
        if (++lines > MAX_LINES) this.dropped++
        else this.sendLine(line)
      }
    }
    if (this.dropped > 0 && this.response.writableLength < MAX_WAITING) {
      this.send(`event: dropped\ndata: {"lookups":${this.dropped}}\n\n`)
      this.dropped = 0
    }
    if (performance.now() - this.lastSent >= HEARTBEAT) this.send(':\n\n')
  }

  private sendLine(line: string): void {
    const record = this.select(line)
    if (record === undefined) return
    if (this.response.writableLength >= MAX_WAITING) this.dropped++
    else {
      this.sent++
      this.send(`event: lookup\ndata: ${JSON.stringify(record)}\n\n`)
    }
  }

  private select(line: string): QueryRecord | undefined {
    const record = readRecord(line)
    return record !== undefined && this.options.matches(record) ? record : undefined
  }

  private send(text: string): void {
    this.lastSent = performance.now()
    this.response.write(text)
  }
}
