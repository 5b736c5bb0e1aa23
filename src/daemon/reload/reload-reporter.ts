import { systemClock } from '../../base/clock.js'
import type { Milliseconds } from '../../base/units.js'
import type { Snapshot } from '../../policy/tables/snapshot.js'
import type { ServiceLog } from '../../querylog/record/service-log.js'
import { systemTimers } from '../../upstream/timers.js'
import type { CompileResult } from '../threads/messages.js'
import type { SerializedError } from '../threads/serialized-error.js'
import { BundleExpiryMonitor } from './bundle-expiry.js'
import { RuleExpiryMonitor, type DueRules } from './rule-expiry.js'
import { showChanges } from './show-changes.js'

/** Why the rules are read again, for the log. */
export type ReloadReason =
  | 'the start'
  | 'a rule file changed'
  | 'a list was fetched'
  | 'a zone was transferred'
  | 'they could not be read'
  | 'SIGHUP'

export type CompiledRules = CompileResult & { readonly kind: 'compiled' }

/** Errors that are kept of a reload: all of them are in the service log. */
const MAX_REPORTED = 20

/** What came of reading the rules again, the last time. */
export interface ReloadStatus {
  /** When it was over: milliseconds of the calendar. */
  readonly at: Milliseconds
  readonly reason: ReloadReason
  /** `refused`: those of before are in force still. */
  readonly outcome: 'accepted' | 'unchanged' | 'refused'
  /** How many; with `accepted` and `unchanged`, those of the file of cookie secrets. */
  readonly errors: number
  /** The first of them. */
  readonly first: readonly SerializedError[]
}

/** What is told of the rules: each time that they are read in the log, the last time to who asks. */
export class ReloadReporter {
  /** Since when those in force are: milliseconds of the calendar. */
  since: Milliseconds = 0
  /** Undefined: they were read but once. */
  last: ReloadStatus | undefined
  /** What is wrong with the files as they are now, one line each. */
  private lastErrors = ''
  private readonly ruleExpiry: RuleExpiryMonitor
  private readonly bundleExpiry: BundleExpiryMonitor

  constructor(private readonly log: ServiceLog) {
    this.ruleExpiry = new RuleExpiryMonitor(log, systemClock, systemTimers)
    this.bundleExpiry = new BundleExpiryMonitor(log, systemClock, systemTimers)
  }

  /** Bans and exceptions that somebody should look at. */
  get due(): DueRules {
    return this.ruleExpiry.due()
  }

  /** Nothing is told any more of what happens by itself. */
  close(): void {
    this.ruleExpiry.close()
    this.bundleExpiry.close()
  }

  /** @param more warnings besides those of the rules */
  activated(
    snapshot: Snapshot,
    { changes, took, warnings }: CompiledRules,
    more: readonly SerializedError[] = []
  ): void {
    const { generation, origin, counts } = snapshot
    const { sha256, bundle } = origin
    this.since = Date.now()
    this.ruleExpiry.watch(snapshot)
    for (const { code, message } of [...more, ...warnings]) this.log.warn({ code }, message)
    const { rules, names, networks } = counts
    const fields = { generation, rules, names, networks, ms: Math.round(took) }
    this.log.info(
      { ...fields, changes: changes && showChanges(changes), sha256, serial: bundle?.serial },
      'rules in force'
    )
    this.bundleExpiry.watch(bundle)
  }

  /** @param errors none of the rules: of what is read beside them */
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
    const good = this.lastErrors === '' ? '' : ', and good again'
    if (reason === 'SIGHUP' || good !== '')
      this.log.info({ reason, generation }, `rules read again: unchanged${good}`)
    this.lastErrors = ''
    this.record(reason, 'unchanged', errors)
  }

  /** @param others errors of what is read beside the rules */
  rejected(
    reason: ReloadReason,
    { generation }: Snapshot,
    errors: readonly SerializedError[],
    others: readonly SerializedError[]
  ): void {
    this.record(reason, 'refused', [...errors, ...others])
    const messages = errors.map(({ message }) => message).join('\n')
    // Editors write files of their own beside the one that is edited: nothing new is to be said.
    if (reason !== 'SIGHUP' && messages === this.lastErrors) return
    this.lastErrors = messages
    for (const { code, message } of errors) this.log.error({ code }, message)
    this.log.error(
      { reason, errors: errors.length, generation },
      'the rules were not accepted: those of before stay in force'
    )
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
