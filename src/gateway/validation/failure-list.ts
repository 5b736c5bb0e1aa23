import { MS_PER_SECOND, type Milliseconds } from '../../base/units.js'
import type { ServiceLog } from '../../base/log/service-log.js'
import type { ValidationFailure } from './validation-status.js'

/** Failures in the status. */
const MAX_FAILURES = 100
/** The same failure is logged once in this time. */
const LOG_INTERVAL: Milliseconds = 3600 * MS_PER_SECOND
const MAX_LOGGED = 1000

export type FailureFields = Omit<ValidationFailure, 'at'>

/** The latest answers that failed validation, each question once; logs each reason once an hour. */
export class FailureList {
  all: readonly ValidationFailure[] = []
  /** When each failure was logged. */
  private readonly logged = new Map<string, Milliseconds>()

  /** @param texts log messages by verdict */
  constructor(
    private readonly log: ServiceLog,
    private readonly wall: () => Milliseconds,
    private readonly texts: Readonly<Record<'bogus' | 'indeterminate', string>>
  ) {}

  add(fields: FailureFields): void {
    const { network, name, type, verdict, ede, reason } = fields
    const at = new Date(this.wall()).toISOString()
    const others = this.all.filter(
      it => it.network !== network || it.name !== name || it.type !== type
    )
    this.all = [{ at, ...fields }, ...others].slice(0, MAX_FAILURES)
    if (!this.isNews(`${network ?? ''} ${reason}`)) return
    const scope = network === undefined ? {} : { network }
    const line = { ...scope, name, type, verdict, ...(ede !== null && { ede }), reason }
    if (verdict === 'bogus') this.log.warn(line, this.texts.bogus)
    else this.log.info(line, this.texts.indeterminate)
  }

  private isNews(what: string): boolean {
    const { logged } = this
    const now = this.wall()
    const before = logged.get(what)
    if (before !== undefined && now - before < LOG_INTERVAL) return false
    logged.delete(what)
    if (logged.size >= MAX_LOGGED) logged.delete(logged.keys().next().value!)
    logged.set(what, now)
    return true
  }
}
