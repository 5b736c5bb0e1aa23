import type { Seconds } from '../../base/units.js'
import { COVER } from '../rules/model/types.js'
import {
  CLAIM_CLIENT,
  CLAIM_FLAGS,
  CLAIM_MONITOR,
  CLAIM_PASS,
  CLAIM_RECORD,
  CLAIM_SHIFT,
  CLAIM_TCP_ONLY,
  CLAIM_TIMED,
  CLAIM_TYPED,
  CLAIM_UDP_ONLY,
  ClaimIndex,
  WORDS_PER_CLAIM
} from '../tables/claim-index.js'
import { NO_TIER, type Claim } from '../tables/claim.js'
import type { PackedList } from '../tables/packed-list.js'
import type { Snapshot } from '../tables/snapshot.js'
import type { Decision } from '../tables/decision.js'
import type { ActiveClaims } from './active-claims.js'
import { PassingLists } from './passing-lists.js'

/** Greater than the order of any claim. */
const LAST = 2 ** 30

/** Evaluates the claims for the names and prefixes that match, one after the other. Allocates nothing. */
export class EntryEvaluator {
  private readonly claimIndex: ClaimIndex
  /** Word 0 of each entry is the number of its source set. */
  private readonly entryWords: Int32Array
  private readonly sourceSets: Int32Array
  private readonly passingLists: PassingLists
  /** `SourceTable.logged`. */
  private readonly logged: Uint8Array
  /** Type of the query being evaluated. */
  private qtype = 0
  /** Flags of the claims that do not apply to its transport, or to alias targets. */
  private skippedFlags = 0
  /** The claim that decides on the current entry, and the one in monitor mode; -1: none. */
  private decider = -1
  private deciderOrder = LAST
  private deciderTier = 0
  private monitor = -1
  private monitorOrder = LAST
  private monitorTier = 0
  /** The local records that have the current entry; -1: none. */
  private record = -1
  private recordOrder = LAST

  constructor(
    snapshot: Snapshot,
    private readonly claims: PackedList<Claim>,
    private readonly activeClaims: ActiveClaims
  ) {
    const { names, sources } = snapshot
    this.claimIndex = new ClaimIndex(snapshot.claims.index)
    this.entryWords = new Int32Array(names.entries.words)
    this.sourceSets = new Int32Array(names.entries.sets)
    this.passingLists = new PassingLists(sources.passes)
    this.logged = sources.logged
  }

  /** Another name or address follows. Parameters as in `Policy.evaluateName`. */
  begin(qtype: number, overTcp: boolean, isTarget: boolean): void {
    this.qtype = qtype
    this.skippedFlags = (overTcp ? CLAIM_UDP_ONLY : CLAIM_TCP_ONLY) | (isTarget ? CLAIM_CLIENT : 0)
    this.passingLists.count = 0
  }

  /**
   * Evaluates the claims for the sources that list one entry.
   *
   * @param isExact whether the entry is the evaluated name itself, not a name above it
   */
  evaluate(
    entry: number,
    isExact: boolean,
    label: number,
    group: number,
    now: Seconds,
    decision: Decision
  ): void {
    const ignored = isExact ? COVER.below : COVER.exact
    const { lists } = this.claimIndex
    const set = this.entryWords[entry]!
    const last = set + this.sourceSets[set]!
    this.decider = -1
    this.deciderOrder = LAST
    this.monitor = -1
    this.monitorOrder = LAST
    this.record = -1
    for (let next = set + 1; next <= last; next++) {
      const ref = this.sourceSets[next]!
      if ((ref & 3) === ignored) continue
      const source = ref >>> 2
      if (this.passingLists.count > 0 && this.passingLists.excludes(source)) continue
      if (this.logged[source] === 1 && decision.logSource === -1) {
        decision.logSource = source
        decision.logEntry = entry
      }
      this.evaluateSource(source, this.claimIndex.find(group, source), lists, now)
    }
    if (this.monitorOrder < this.deciderOrder) this.addMonitor(entry, decision)
    if (this.decider !== -1) this.addDecider(entry, label, decision)
    if (this.record !== -1 && decision.recordClaim === -1) {
      decision.recordClaim = this.record
      decision.recordEntry = entry
      decision.recordIsExact = isExact
    }
  }

  /**
   * Evaluates one source: its first active claim that is not in monitor mode decides, so that an
   * exception hides the bans after it, monitored ones included.
   */
  private evaluateSource(source: number, list: number, lists: Uint32Array, now: Seconds): void {
    const end = list + WORDS_PER_CLAIM * lists[list]!
    for (let at = list + 1; at < end; at += WORDS_PER_CLAIM) {
      const word = lists[at]!
      const order = lists[at + 1]!
      if ((word & CLAIM_FLAGS) === 0) {
        this.considerDecider(word >>> CLAIM_SHIFT, order, lists[at + 2]!)
        return
      }
      if (!this.applies(word, now)) continue
      if ((word & CLAIM_PASS) !== 0) this.passingLists.add(source)
      else if ((word & CLAIM_RECORD) !== 0) this.considerRecord(word >>> CLAIM_SHIFT, order)
      else if ((word & CLAIM_MONITOR) === 0) {
        this.considerDecider(word >>> CLAIM_SHIFT, order, lists[at + 2]!)
        return
      } else if (order < this.monitorOrder) {
        this.monitor = word >>> CLAIM_SHIFT
        this.monitorOrder = order
        this.monitorTier = lists[at + 2]!
      }
    }
  }

  private considerRecord(claim: number, order: number): void {
    if (this.record !== -1 && order >= this.recordOrder) return
    this.record = claim
    this.recordOrder = order
  }

  private considerDecider(claim: number, order: number, tier: number): void {
    if (order >= this.deciderOrder) return
    this.decider = claim
    this.deciderOrder = order
    this.deciderTier = tier
  }

  /** Whether a claim is active and applies to the type and transport of the query. */
  private applies(word: number, now: Seconds): boolean {
    if ((word & this.skippedFlags) !== 0) return false
    const claim = word >>> CLAIM_SHIFT
    if ((word & CLAIM_TIMED) !== 0 && !this.activeClaims.has(claim, now)) return false
    return (word & CLAIM_TYPED) === 0 || this.isForType(claim)
  }

  private isForType(claim: number): boolean {
    const { types, except } = this.claims.at(claim)!.qtypes!
    return types.includes(this.qtype) !== except
  }

  /** Within a tier earlier results have precedence: they matched a longer name, or came first. */
  private addMonitor(entry: number, decision: Decision): void {
    const tier = this.monitorTier
    if (tier >= decision.tier || tier >= decision.monitorTier) return
    decision.monitorClaim = this.monitor
    decision.monitorTier = tier
    decision.monitorEntry = entry
  }

  private addDecider(entry: number, label: number, decision: Decision): void {
    const tier = this.deciderTier
    if (tier >= decision.tier) return
    decision.claim = this.decider
    decision.tier = tier
    decision.entry = entry
    decision.label = label
    if (decision.monitorTier > tier) {
      decision.monitorClaim = -1
      decision.monitorTier = NO_TIER
      decision.monitorEntry = -1
    }
  }
}
