import { systemClock } from '../../base/clock.js'
import type { Milliseconds } from '../../base/units.js'
import type { SnapshotChanges } from '../../policy/diff/compare.js'
import type { Snapshot } from '../../policy/tables/snapshot.js'
import type { ServiceLog } from '../../querylog/record/service-log.js'
import { systemTimers } from '../../upstream/timers.js'
import type { CompileResult } from '../threads/messages.js'
import type { SerializedError } from '../threads/serialized-error.js'
import { BundleExpiryMonitor } from './bundle-expiry.js'
import { RuleExpiryMonitor, type DueRules } from './rule-expiry.js'

/** Why the rules are read, for the log and the status. */
export type ReloadReason =
  'startup' | 'file changed' | 'list refreshed' | 'zone refreshed' | 'retry' | 'SIGHUP'

export type CompiledRules = CompileResult & { readonly kind: 'compiled' }

/** Errors of a reload that the status shows; the service log has all of them. */
const MAX_REPORTED = 20

/** The result of the last reload. */
export interface ReloadStatus {
  /** Wall-clock time when it ended. */
  readonly at: Milliseconds
  readonly reason: ReloadReason
  /** `refused`: the previous rules remain active. */
  readonly outcome: 'accepted' | 'unchanged' | 'refused'
  /** The number of errors; with `accepted` and `unchanged`, those of the secret files. */
  readonly errors: number
  /** The first of the errors. */
  readonly first: readonly SerializedError[]
}

/** Logs each reload of the rules, and keeps the result of the last one for the status. */
export class ReloadReporter {
  /** Wall-clock time since which the active rules have been active. */
  since: Milliseconds = 0
  /** Undefined: no reload yet. */
  last: ReloadStatus | undefined
  /** Wall-clock time when the reload that hangs began; undefined: none does. */
  stuckSince: Milliseconds | undefined
  /** The errors of the last read, one per line; empty if it succeeded. */
  private lastErrors = ''
  private readonly ruleExpiry: RuleExpiryMonitor
  private readonly bundleExpiry: BundleExpiryMonitor

  constructor(private readonly log: ServiceLog) {
    this.ruleExpiry = new RuleExpiryMonitor(log, systemClock, systemTimers)
    this.bundleExpiry = new BundleExpiryMonitor(log, systemClock, systemTimers)
  }

  /** Bans and exceptions that need attention. */
  get due(): DueRules {
    return this.ruleExpiry.due()
  }

  /** Stops logging events of rules and bundles. */
  close(): void {
    this.ruleExpiry.close()
    this.bundleExpiry.close()
  }

  /** Logs that a snapshot is active. @param more warnings that do not come from the rules */
  activated(
    snapshot: Snapshot,
    { changes, duration, warnings }: CompiledRules,
    more: readonly SerializedError[] = []
  ): void {
    const { generation, origin, counts } = snapshot
    const { sha256, bundle } = origin
    this.since = Date.now()
    this.ruleExpiry.watch(snapshot)
    for (const { code, message } of [...more, ...warnings]) this.log.warn({ code }, message)
    const { rules, names, networks } = counts
    const fields = { generation, rules, names, networks, ms: Math.round(duration) }
    this.log.info(
      { ...fields, changes: changes && nonEmptyChanges(changes), sha256, serial: bundle?.serial },
      changes === undefined ? 'rules loaded' : 'rules reloaded'
    )
    this.bundleExpiry.watch(bundle)
  }

  /** @param errors of the secret files that are read with the rules */
  accepted(reason: ReloadReason, errors: readonly SerializedError[]): void {
    this.lastErrors = ''
    this.record(reason, 'accepted', errors)
  }

  /** @param errors as of `accepted` */
  unchanged(
    reason: ReloadReason,
    { generation }: Snapshot,
    errors: readonly SerializedError[]
  ): void {
    const fixed = this.lastErrors === '' ? '' : '; errors are fixed'
    if (reason === 'SIGHUP' || fixed !== '')
      this.log.info({ reason, generation }, `rules unchanged after reload${fixed}`)
    this.lastErrors = ''
    this.record(reason, 'unchanged', errors)
  }

  /** @param others errors of the secret files that are read with the rules */
  rejected(
    reason: ReloadReason,
    { generation }: Snapshot,
    errors: readonly SerializedError[],
    others: readonly SerializedError[]
  ): void {
    this.record(reason, 'refused', [...errors, ...others])
    const messages = errors.map(({ message }) => message).join('\n')
    // Editors write temporary files beside the edited one; do not repeat the same errors for those.
    if (reason !== 'SIGHUP' && messages === this.lastErrors) return
    this.lastErrors = messages
    for (const { code, message } of errors) this.log.error({ code }, message)
    this.log.error(
      { reason, errors: errors.length, generation },
      'reload failed: previous rules remain active'
    )
  }

  /** @param started wall-clock time when the reload began that has not ended since */
  stuck(reason: ReloadReason, { generation }: Snapshot, started: Milliseconds): void {
    this.stuckSince = started
    this.log.error(
      { reason, generation },
      'reload stuck for a minute, perhaps on a file system that hangs: previous rules remain active'
    )
  }

  /** Called at the end of each reload. */
  ended(): void {
    if (this.stuckSince === undefined) return
    this.stuckSince = undefined
    this.log.info({}, 'reload no longer stuck')
  }

  private record(
    reason: ReloadReason,
    outcome: ReloadStatus['outcome'],
    errors: readonly SerializedError[]
  ): void {
    const first = errors.slice(0, MAX_REPORTED)
    this.last = { at: Date.now(), reason, outcome, errors: errors.length, first }
  }
}

/** The changes for the log, without empty lists and zero counts. */
function nonEmptyChanges(changes: SnapshotChanges): Record<string, object> {
  const isNonEmpty = ([, value]: [string, unknown]): boolean =>
    Array.isArray(value) ? value.length > 0 : value !== 0
  const entries = Object.entries(changes).map(([topic, change]: [string, object]) => {
    return [topic, Object.fromEntries(Object.entries(change).filter(isNonEmpty))] as const
  })
  return Object.fromEntries(entries.filter(([, change]) => Object.keys(change).length > 0))
}
