import { systemClock } from '../../base/time/clock.js'
import type { Milliseconds, Seconds } from '../../base/units.js'
import type { SnapshotChanges } from '../../policy/compile/compare.js'
import type { Snapshot } from '../../policy/tables/snapshot.js'
import type { ServiceLog } from '../../base/log/service-log.js'
import { systemTimers } from '../../base/time/timers.js'
import type { ListState } from '../../policy/rules/lists/load-list.js'
import type { CompileResult, PendingList, SavedState } from '../compiler/compiler-messages.js'
import type { SerializedError } from '../../base/errors/serialized-error.js'
import { NOTHING_ORDERED, type OrderedFacts } from '../../analysis/enforcement/ordered-facts.js'
import { BundleExpiryMonitor } from './bundle-expiry.js'
import type { TestReport } from '../compiler/policy-test-gate.js'
import { MandateMonitor } from './mandate-monitor.js'
import { RuleExpiryMonitor, type DueRules, type RuleEnding } from './rule-expiry.js'

/** Why the rules are read, for the log and the status. */
export type ReloadReason =
  | 'startup'
  | 'file changed'
  | 'settings changed'
  | 'list refreshed'
  | 'list compiled'
  | 'indicators expired'
  | 'zone refreshed'
  | 'retry'
  | 'pause'
  | 'request'
  | 'apply'
  | 'SIGHUP'

export type CompiledRules = CompileResult & { readonly kind: 'compiled' }
/** Of a compilation that has read everything, or as if it had. */
export type FullResult = Exclude<CompileResult, { readonly kind: 'updated' }>

/** Errors of a reload that the status shows; the service log has all of them. */
export const MAX_REPORTED = 20

/** The result of the last reload. */
export interface ReloadStatus {
  /** Wall-clock time when it ended. */
  readonly at: Milliseconds
  readonly reason: ReloadReason
  /** `refused`: the previous rules remain active. */
  readonly outcome: 'accepted' | 'unchanged' | 'refused'
  /** The number of errors; with `accepted` and `unchanged`, of the secret files. */
  readonly errors: number
  /** The first of the errors. */
  readonly first: readonly SerializedError[]
}

/** Saved rules that are not in force. */
export interface WaitingRules {
  /** Wall-clock time when they were first seen. */
  readonly since: Milliseconds
  /** Undefined: they have errors. */
  readonly sha256: string | undefined
  readonly errors: readonly SerializedError[]
}

const NOTHING_NEW = 'reload failed: previous rules remain active'

/** What is reported of a reload with errors. */
interface Rejection extends Pick<ReloadStatus, 'reason' | 'outcome'> {
  readonly what: string
}

/** A reload that has compiled the rules. */
export interface CompiledReload {
  readonly reason: ReloadReason
  /** The active rules now. */
  readonly rules: Snapshot
  readonly result: CompiledRules
  /** Whether they differ from the previous ones. */
  readonly isNew: boolean
  /** Of settings that do not match new rules. */
  readonly warnings: readonly SerializedError[]
  /** Of the secret files that are read with the rules. */
  readonly secretErrors: readonly SerializedError[]
}

/** Logs each reload of the rules, and keeps the result of the last one for the status. */
export class ReloadReporter {
  /** Wall-clock time since which the active rules have been active. */
  since: Milliseconds = 0
  /** Undefined: no reload yet. */
  last: ReloadStatus | undefined
  /** Wall-clock time when the reload that hangs began; undefined: none does. */
  stuckSince: Milliseconds | undefined
  /** The lists of the active rules, with how long they took to compile. */
  lists: readonly ListState[] = []
  /** Lists that are being compiled, whose previous versions are active. */
  pendingLists: readonly PendingList[] = []
  /** The policy tests under the active rules, when these were last read. */
  tests: TestReport = { passed: 0, failed: [], undecided: [] }
  /** What the active rules order. */
  ordered: OrderedFacts = NOTHING_ORDERED
  /** Saved rules that wait to be applied; undefined: none do. */
  waiting: WaitingRules | undefined
  /** What of the tests was last logged. */
  private lastTests = ''
  /** The errors of the last read, one per line; empty if it succeeded. */
  private lastErrors = ''
  readonly mandates: MandateMonitor
  private readonly ruleExpiry: RuleExpiryMonitor
  private readonly bundleExpiry: BundleExpiryMonitor

  constructor(private readonly log: ServiceLog) {
    this.mandates = new MandateMonitor(log, systemClock, systemTimers)
    this.ruleExpiry = new RuleExpiryMonitor(log, systemClock, systemTimers)
    this.bundleExpiry = new BundleExpiryMonitor(log, systemClock, systemTimers)
  }

  /** Bans and exceptions that need attention. */
  get due(): DueRules {
    return this.ruleExpiry.due()
  }

  /** Bans and exceptions that end within this time. */
  rulesEndingWithin(time: Seconds): readonly RuleEnding[] {
    return this.ruleExpiry.endingWithin(time)
  }

  /** Stops logging events of rules and bundles. */
  close(): void {
    this.ruleExpiry.close()
    this.mandates.close()
    this.bundleExpiry.close()
  }

  /** Logs that a snapshot is active. @param more warnings that do not come from the rules */
  activated(
    snapshot: Snapshot,
    { changes, duration, warnings, lists, tested }: CompiledRules,
    more: readonly SerializedError[] = []
  ): void {
    const { generation, origin, counts } = snapshot
    const { sha256, bundle } = origin
    this.since = Date.now()
    this.ruleExpiry.watch(snapshot, tested.timeZone)
    for (const { code, message } of [...more, ...warnings]) this.log.warn({ code }, message)
    const { rules, names, networks } = counts
    const compiled = lists.filter(list => !this.lists.some(({ loaded }) => loaded === list.loaded))
    this.lists = lists
    const listMs = Object.fromEntries(
      compiled.map(({ id, duration }) => [id, Math.round(duration)])
    )
    const fields = {
      ...{ generation, rules, names, networks, ms: Math.round(duration) },
      ...(compiled.length > 0 && { listMs })
    }
    this.log.info(
      { ...fields, changes: changes && nonEmptyChanges(changes), sha256, serial: bundle?.serial },
      changes === undefined ? 'rules loaded' : 'rules reloaded'
    )
    this.bundleExpiry.watch(bundle)
  }

  /** Reports a reload that has compiled the rules. */
  compiled(reload: CompiledReload): void {
    const { reason, rules, result, isNew, warnings, secretErrors } = reload
    const { bundleErrors, listErrors } = result
    this.tested(result.tests)
    this.mandates.watch(result.mandates)
    if (isNew) this.activated(rules, result, warnings)
    this.listsPending(rules, result.pendingLists)
    this.lists = result.lists
    // These are the rules of the last good bundle; the bundle on offer was rejected.
    if (bundleErrors.length > 0) this.rejected(reason, rules, bundleErrors, secretErrors)
    else if (listErrors.length > 0)
      this.listsRejected(reason, rules, listErrors, secretErrors, isNew)
    else if (isNew) this.accepted(reason, secretErrors)
    else this.unchanged(reason, rules, secretErrors)
  }

  /** Reports the saved rules after each read. @param edition of the active rules */
  saved(saved: SavedState, edition: string): void {
    const { sha256, errors } = saved
    if (saved.edition === edition) {
      this.waiting = undefined
      return
    }
    const before = this.waiting
    if (before !== undefined && before.sha256 === sha256 && before.errors.length === errors.length)
      return
    this.waiting = { since: before?.since ?? Date.now(), sha256, errors }
    for (const { code, message } of errors) this.log.warn({ code }, message)
    this.log.info({ sha256, errors: errors.length }, 'saved rules wait to be applied')
  }

  /** Logs which tests do not pass under the active rules, once. */
  tested(tests: TestReport): void {
    const { failed, undecided } = (this.tests = tests)
    const messages = [...failed, ...undecided].map(({ message }) => message).join('\n')
    if (messages === this.lastTests) return
    this.lastTests = messages
    for (const { code, message } of [...failed, ...undecided]) this.log.warn({ code }, message)
    const counts = { failed: failed.length, undecided: undecided.length }
    if (failed.length > 0) this.log.warn(counts, 'policy tests fail under the active rules')
    else if (undecided.length > 0) this.log.warn(counts, 'policy tests cannot be decided')
    else this.log.info({ passed: tests.passed }, 'all policy tests pass')
  }

  /** @param errors of the secret files that are read with the rules */
  private accepted(reason: ReloadReason, errors: readonly SerializedError[]): void {
    this.lastErrors = ''
    this.record(reason, 'accepted', errors)
  }

  /** @param errors as of `accepted` */
  private unchanged(
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
    rules: Snapshot,
    errors: readonly SerializedError[],
    others: readonly SerializedError[]
  ): void {
    this.reject({ reason, outcome: 'refused', what: NOTHING_NEW }, rules, errors, others)
  }

  private reject(
    { reason, outcome, what }: Rejection,
    { generation }: Snapshot,
    errors: readonly SerializedError[],
    others: readonly SerializedError[]
  ): void {
    this.record(reason, outcome, [...errors, ...others])
    const messages = errors.map(({ message }) => message).join('\n')
    // Editors write temporary files beside the edited one; do not repeat the same errors for those.
    if (reason !== 'SIGHUP' && messages === this.lastErrors) return
    this.lastErrors = messages
    for (const { code, message } of errors) this.log.error({ code }, message)
    this.log.error({ reason, errors: errors.length, generation }, what)
  }

  /**
   * New versions of lists were rejected; their previous versions remain active.
   *
   * @param others errors of the secret files that are read with the rules
   * @param isNew whether something else has changed
   */
  private listsRejected(
    reason: ReloadReason,
    rules: Snapshot,
    errors: readonly SerializedError[],
    others: readonly SerializedError[],
    isNew: boolean
  ): void {
    const outcome = isNew ? 'accepted' : 'refused'
    const what = isNew ? 'lists rejected: their previous versions remain active' : NOTHING_NEW
    this.reject({ reason, outcome, what }, rules, errors, others)
  }

  /** Logs which lists are compiled while their previous versions are active. */
  private listsPending({ generation }: Snapshot, pending: readonly PendingList[]): void {
    const known = this.pendingLists
    this.pendingLists = pending
    const ids = pending.map(({ id }) => id)
    if (ids.every(id => known.some(one => one.id === id))) return
    this.log.info(
      { lists: ids, generation },
      'lists are still being compiled: their previous versions remain active'
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
