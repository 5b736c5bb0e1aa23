import { readBindingLines } from '../../sources/bindings/json-bindings.js'
import { applyLines, replaceByLines } from './apply-lines.js'
import type { PushedBindings, PushResult } from './binding-messages.js'
import type { FeedReporter, OpenFeed } from './feed-reporter.js'

/** Errors that a response names. */
const MAX_ERRORS = 20

/** Takes JSON lines from the HTTP API. All lines of a request count, or none. */
export class HttpFeed implements OpenFeed {
  constructor(private readonly reporter: FeedReporter) {}

  get name(): string {
    return this.reporter.feed.name
  }

  get error(): string | undefined {
    return this.reporter.error
  }

  start(): void {
    this.reporter.up()
  }

  poll(): void {
    // Requests come by themselves.
  }

  close(): void {
    // Nothing is open.
  }

  push({ body, isWhole }: PushedBindings): PushResult {
    const { store, clock, feed } = this.reporter
    const now = clock.wall()
    const source = { source: this.name, lifetime: feed.lifetime }
    const { changes, errors } = readBindingLines(Buffer.from(body.buffer).toString(), source, now)
    if (errors.length > 0) return { errors: errors.slice(0, MAX_ERRORS), wrong: errors.length }
    const { refused, late } = store.counts
    if (isWhole) replaceByLines(store, this.name, changes, now)
    else applyLines(store, this.name, changes, now)
    const { counts } = store
    return { lines: changes.length, refused: counts.refused - refused, late: counts.late - late }
  }
}
