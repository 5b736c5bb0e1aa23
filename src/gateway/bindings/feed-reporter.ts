import { reasonOf } from '../../base/errors/reason.js'
import { failure } from '../../base/errors/error.js'
import type { Clock } from '../../base/time/clock.js'
import type { ServiceLog } from '../../base/log/service-log.js'
import type { BindingStore } from '../../policy/bindings/binding-store.js'
import type { BindingFeed } from '../../sources/settings/bindings-config.js'

/** A feed that is followed. */
export interface OpenFeed {
  readonly name: string
  /** Why it is down, or the first line that it had wrong; undefined: nothing. */
  readonly error: string | undefined
  start(): void
  /** Called several times a second. */
  poll(): void
  close(): void
}

/** What feeds have in common: state, and what is logged of it. */
export class FeedReporter {
  error: string | undefined
  private hasLogged = false

  constructor(
    readonly feed: BindingFeed,
    readonly store: BindingStore,
    readonly clock: Clock,
    readonly log: ServiceLog
  ) {}

  /** Its bindings are known. @param errors lines that are not bindings */
  up(errors: readonly string[] = []): void {
    const { name } = this.feed
    if (!this.store.isUp(name)) this.error = undefined
    this.onLines(errors)
    this.error = errors[0]
    if (this.store.isUp(name)) return
    this.store.setUp(name, true, this.clock.wall())
    this.log.info({ feed: name }, 'feed of bindings is up')
    this.hasLogged = false
  }

  /** It does not work: its devices are not known. Logged once, until it works. */
  down(error: unknown): void {
    const { name } = this.feed
    this.error = reasonOf(error)
    this.store.setUp(name, false, this.clock.wall())
    if (this.hasLogged) return
    this.hasLogged = true
    const { code, message } = failure('BINDINGS_FEED', name, this.error)
    this.log.warn({ code }, message)
  }

  /** Logs the first of some lines that are wrong, when there was none before. */
  onLines(errors: readonly string[]): void {
    const [first] = errors
    if (first === undefined || this.error !== undefined) return
    this.error = first
    const { code, message } = failure('BINDINGS_LINE', this.feed.name, first, errors.length)
    this.log.warn({ code }, message)
  }
}
