import { RECORDED, type ParsedLookup, type Reason, type LookupSink } from '../parsed-lookup.js'
import type { TimestampReader } from './timestamps.js'
import { TextLog } from './text-log.js'

/** A log with the result of a query in later lines. */
export abstract class MultiLineLog extends TextLog {
  /** The most recent query, until the next one. */
  protected pending: ParsedLookup | undefined
  private readonly reasons = new Map<string, Reason>()

  constructor(
    readonly sink: LookupSink,
    readonly stamps: TimestampReader
  ) {
    super()
  }

  /** @returns why the previous query could not be used */
  protected startLookup(found: ParsedLookup): string | undefined {
    const why = this.end()
    this.pending = found
    return why
  }

  /** @param by what blocked the query, in words */
  protected setBlocked(by: string): void {
    if (this.pending === undefined) return
    const reason = this.reasons.get(by) ?? { through: '', by }
    this.reasons.set(by, reason)
    this.pending = { ...this.pending, recorded: RECORDED.blocked, reason }
  }

  end(): string | undefined {
    const { pending } = this
    this.pending = undefined
    return pending && this.sink.addLookup(pending)
  }
}
