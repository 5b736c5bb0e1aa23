import { systemClock } from '../../base/clock.js'
import type { Milliseconds } from '../../base/units.js'
import type { Snapshot } from '../../policy/tables/snapshot.js'
import type { ServiceLog } from '../../querylog/record/service-log.js'
import { systemTimers } from '../../upstream/timers.js'
import type { Compiled, Trouble } from '../threads/messages.js'
import { BundleWatch } from './bundle-watch.js'
import { showChanges } from './show-changes.js'
import { TermWatch, type Due } from './term-watch.js'

/** Why the rules are read again, for the log. */
export type ReloadReason =
  | 'the start'
  | 'a rule file changed'
  | 'a list was fetched'
  | 'a zone was transferred'
  | 'they could not be read'
  | 'SIGHUP'

export type Good = Compiled & { readonly kind: 'compiled' }

/** Errors that are kept of a reload: all of them are in the service log. */
const KEPT = 20

/** What came of reading the rules again, the last time. */
export interface Reload {
  /** When it was over: milliseconds of the calendar. */
  readonly at: Milliseconds
  readonly reason: ReloadReason
  /** `refused`: those of before are in force still. */
  readonly outcome: 'accepted' | 'unchanged' | 'refused'
  /** How many; with `accepted` and `unchanged`, those of the file of cookie secrets. */
  readonly errors: number
  /** The first of them. */
  readonly first: readonly Trouble[]
}

/** What is told of the rules: each time that they are read in the log, the last time to who asks. */
export class RulesNews {
  /** Since when those in force are: milliseconds of the calendar. */
  since: Milliseconds = 0
  /** Undefined: they were read but once. */
  last: Reload | undefined
  /** What is wrong with the files as they are now, one line each. */
  private refused = ''
  private readonly terms: TermWatch
  private readonly bundles: BundleWatch

  constructor(private readonly log: ServiceLog) {
    this.terms = new TermWatch(log, systemClock, systemTimers)
    this.bundles = new BundleWatch(log, systemClock, systemTimers)
  }

  /** Bans and exceptions that somebody should look at. */
  get due(): Due {
    return this.terms.due()
  }

  /** Nothing is told any more of what happens by itself. */
  close(): void {
    this.terms.close()
    this.bundles.close()
  }

  /** @param more warnings besides those of the rules */
  inForce(
    snapshot: Snapshot,
    { changes, took, warnings }: Good,
    more: readonly Trouble[] = []
  ): void {
    const { generation, sha256, bundle, counts } = snapshot
    this.since = Date.now()
    this.terms.follow(snapshot)
    for (const { code, message } of [...more, ...warnings]) this.log.warn({ code }, message)
    const { rules, names, networks } = counts
    const fields = { generation, rules, names, networks, ms: Math.round(took) }
    this.log.info(
      { ...fields, changes: changes && showChanges(changes), sha256, serial: bundle?.serial },
      'rules in force'
    )
    this.bundles.follow(bundle)
  }

  /** @param errors none of the rules: of what is read beside them */
  accepted(reason: ReloadReason, errors: readonly Trouble[]): void {
    this.refused = ''
    this.note(reason, 'accepted', errors)
  }

  /** @param errors as of `accepted` */
  unchanged(reason: ReloadReason, { generation }: Snapshot, errors: readonly Trouble[]): void {
    const good = this.refused === '' ? '' : ', and good again'
    if (reason === 'SIGHUP' || good !== '')
      this.log.info({ reason, generation }, `rules read again: unchanged${good}`)
    this.refused = ''
    this.note(reason, 'unchanged', errors)
  }

  /** @param others errors of what is read beside the rules */
  refuse(
    reason: ReloadReason,
    { generation }: Snapshot,
    errors: readonly Trouble[],
    others: readonly Trouble[]
  ): void {
    this.note(reason, 'refused', [...errors, ...others])
    const messages = errors.map(({ message }) => message).join('\n')
    // Editors write files of their own beside the one that is edited: nothing new is to be said.
    if (reason !== 'SIGHUP' && messages === this.refused) return
    this.refused = messages
    for (const { code, message } of errors) this.log.error({ code }, message)
    this.log.error(
      { reason, errors: errors.length, generation },
      'the rules were not accepted: those of before stay in force'
    )
  }

  private note(reason: ReloadReason, outcome: Reload['outcome'], errors: readonly Trouble[]): void {
    const first = errors.slice(0, KEPT)
    this.last = { at: Date.now(), reason, outcome, errors: errors.length, first }
  }
}
