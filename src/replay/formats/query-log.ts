import { RECORDED, type Found, type Ground, type Sink } from '../lookup.js'
import type { Stamps } from './stamps.js'
import { TextLog } from './text-log.js'

/** A log that tells in lines after a query what became of it. */
export abstract class QueryLog extends TextLog {
  /** The last query, until the next one comes. */
  protected pending: Found | undefined
  private readonly grounds = new Map<string, Ground>()

  constructor(
    readonly sink: Sink,
    readonly stamps: Stamps
  ) {
    super()
  }

  /** @returns why the query before it is no lookup */
  protected query(found: Found): string | undefined {
    const why = this.end()
    this.pending = found
    return why
  }

  /** @param by what blocked the query, for people */
  protected blocked(by: string): void {
    if (this.pending === undefined) return
    const ground = this.grounds.get(by) ?? { through: '', by }
    this.grounds.set(by, ground)
    this.pending = { ...this.pending, recorded: RECORDED.blocked, ground }
  }

  end(): string | undefined {
    const { pending } = this
    this.pending = undefined
    return pending && this.sink.find(pending)
  }
}
