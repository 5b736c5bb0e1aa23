import { PrefixTable } from '../../base/prefix-table.js'
import type { Seconds } from '../../base/units.js'
import type { HashedName } from '../../dns/name/hashed-name.js'
import { COVER } from '../../rules/model/types.js'
import { AddressTable } from '../tables/address-table.js'
import {
  WORDS_PER_CLAIM,
  ClaimIndex,
  CLAIM_TIMED,
  CLAIM_FLAGS,
  CLAIM_MONITOR,
  CLAIM_PASS,
  CLAIM_SHIFT,
  CLAIM_TYPED
} from '../tables/claim-index.js'
import { LocalDataTable } from '../tables/local-data-table.js'
import { NameTable } from '../tables/name-table.js'
import {
  NO_TIER,
  TIER,
  type Claim,
  type SpecialUseEntry,
  type Snapshot,
  type Verdict
} from '../tables/snapshot.js'
import { ActiveClaims } from './active-claims.js'
import { PassingLists } from './passing-lists.js'

/** Stands behind all claims on one name. */
const LAST = 2 ** 30

/**
 * Gives verdicts on one snapshot. Each thread makes its own over the same shared memory; judging
 * allocates nothing.
 *
 * Order of precedence: tier (see `TIER`) and the step in it; then the longest name or prefix; then
 * the order of the network's rules. Only claims in force take part. One in monitor mode never
 * decides: it is noted if it stands before what decides, that is, if it would have decided had it
 * been enforced. A list that lets a name pass is not heard on it, nor on the names above.
 */
export class Policy {
  readonly snapshot: Snapshot
  readonly claims: readonly Claim[]
  /** For `HashedName.set`. */
  readonly seed: number
  private readonly clients: PrefixTable
  private readonly names: NameTable
  private readonly addresses: AddressTable
  private readonly claimIndex: ClaimIndex
  /** Member set of each record: word 0 of it. */
  private readonly entryWords: Int32Array
  private readonly sourceSets: Int32Array
  private readonly groups: Int32Array
  private readonly specialUseGroup: number
  private readonly specialUse: ReadonlyMap<number, SpecialUseEntry>
  private readonly activeClaims: ActiveClaims
  private readonly qtypes: readonly (Uint16Array | undefined)[]
  private readonly passingLists: PassingLists
  private readonly localData: LocalDataTable
  /** The type of the question at hand. */
  private qtype = 0
  /** What speaks best of the record at hand, and what would if it were enforced; -1: nothing. */
  private decider = -1
  private deciderOrder = LAST
  private deciderTier = 0
  private monitor = -1
  private monitorOrder = LAST
  private monitorTier = 0

  constructor(snapshot: Snapshot) {
    const { tables, claims } = snapshot
    this.snapshot = snapshot
    this.claims = claims
    this.seed = snapshot.seed
    this.clients = new PrefixTable(tables.clients)
    this.names = new NameTable(tables.names)
    this.addresses = new AddressTable(tables.addresses)
    this.claimIndex = new ClaimIndex(tables.cells)
    this.entryWords = new Int32Array(tables.names.records.words)
    this.sourceSets = new Int32Array(tables.names.records.sets)
    this.groups = Int32Array.from(snapshot.classGroups)
    this.specialUseGroup = snapshot.localGroup
    this.specialUse = new Map(snapshot.locals.map(local => [local.entry, local]))
    this.activeClaims = new ActiveClaims(snapshot)
    this.qtypes = claims.map(({ qtypes }) => qtypes && Uint16Array.from(qtypes.types))
    this.passingLists = new PassingLists(snapshot.sources)
    this.localData = new LocalDataTable(snapshot)
  }

  /**
   * Client class of the address in `words[at, at + 4)`, as in `DatagramBatch.peers`. 0: in no
   * network.
   */
  classOf(words: Uint32Array, at: number): number {
    return this.clients.find(words, at)
  }

  /** Whether no rule at all speaks to clients of this class. */
  hasNoRulesFor(clientClass: number): boolean {
    const group = this.groups[clientClass]
    return group === 0 || group === this.specialUseGroup
  }

  /**
   * Judges a name, adding to `verdict` what it finds; see `Verdict`. Suffixes are looked up from
   * the longest to the root, but only those with as many labels as some stored name has.
   *
   * @param name read with this policy's `seed`
   */
  evaluateName(
    name: HashedName,
    qtype: number,
    clientClass: number,
    now: Seconds,
    verdict: Verdict
  ): void {
    const group = this.groups[clientClass]!
    name.hashSuffixes(this.seed)
    const { labels } = name
    const { root } = this.names
    const mayBeLocal = this.names.mayBeSpecialUse(name)
    if (group === 0 || (group === this.specialUseGroup && !mayBeLocal)) return
    this.qtype = qtype
    this.passingLists.count = 0
    const { has, most: deepest } = mayBeLocal ? this.names.allLabelCounts : this.names.labelCounts
    for (let label = labels > deepest ? labels - deepest : 0; label < labels; label++) {
      if (has[labels - label] === 0) continue
      const record = this.names.find(name, label)
      if (record === 0) continue
      this.evaluateEntry(record, label === 0, label, group, now, verdict)
      if (verdict.tier === TIER.exception) return
    }
    if (root !== 0) this.evaluateEntry(root, labels === 0, labels, group, now, verdict)
  }

  /**
   * Judges an address in an answer by the prefixes of sources, the longest first, adding to
   * `verdict` what it finds; `label` is 0.
   *
   * @param qtype of the question whose answer it is in
   */
  evaluateAddress(
    words: Uint32Array,
    at: number,
    qtype: number,
    clientClass: number,
    now: Seconds,
    verdict: Verdict
  ): void {
    const group = this.groups[clientClass]!
    if (group === 0) return
    this.qtype = qtype
    this.passingLists.count = 0
    const { lists } = this.addresses
    const list = this.addresses.find(words, at)
    const last = list + lists[list]!
    for (let next = list + 1; next <= last; next++) {
      this.evaluateEntry(lists[next]!, true, 0, group, now, verdict)
    }
  }

  /** What is said of a special-use name. @param record of a verdict of the tier `local` */
  specialUseOf(record: number): SpecialUseEntry {
    return this.specialUse.get(record)!
  }

  /**
   * Finds the records that a list has for the name of a verdict whose reply is `data`; they are in
   * `data`, as in `LocalData.octets`, from `data.from` to `data.to`.
   */
  findLocalData({ claim, entry: record, label }: Verdict): LocalDataTable {
    this.localData.find(this.claims[claim]!.source.index, record, label === 0)
    return this.localData
  }

  /**
   * A number that changes whenever some rule starts or ends, and with every snapshot: what was
   * judged in one epoch holds for all of it.
   */
  epochAt(now: Seconds): number {
    return this.activeClaims.epochAt(now)
  }

  /**
   * Lets the members of one record speak.
   *
   * @param whole the record is the very name judged, not one above it
   */
  private evaluateEntry(
    record: number,
    whole: boolean,
    label: number,
    group: number,
    now: Seconds,
    verdict: Verdict
  ): void {
    const silent = whole ? COVER.below : COVER.exact
    const { lists } = this.claimIndex
    const set = this.entryWords[record]!
    const last = set + this.sourceSets[set]!
    this.decider = -1
    this.deciderOrder = LAST
    this.monitor = -1
    this.monitorOrder = LAST
    for (let next = set + 1; next <= last; next++) {
      const member = this.sourceSets[next]!
      if ((member & 3) === silent) continue
      const source = member >>> 2
      if (this.passingLists.count > 0 && this.passingLists.excludes(source)) continue
      this.evaluateSource(source, this.claimIndex.find(group, source), lists, now)
    }
    if (this.monitorOrder < this.deciderOrder) this.addMonitor(record, verdict)
    if (this.decider !== -1) this.addDecider(record, label, verdict)
  }

  /**
   * Hears one source: the first of its claims in force that is not in monitor mode speaks for it,
   * so an exception keeps the bans behind it, and the monitored ones, from speaking.
   */
  private evaluateSource(source: number, list: number, lists: Uint32Array, now: Seconds): void {
    const end = list + WORDS_PER_CLAIM * lists[list]!
    for (let at = list + 1; at < end; at += WORDS_PER_CLAIM) {
      const entry = lists[at]!
      const order = lists[at + 1]!
      if ((entry & CLAIM_FLAGS) === 0) {
        this.considerDecider(entry >>> CLAIM_SHIFT, order, lists[at + 2]!)
        return
      }
      if (!this.applies(entry, now)) continue
      if ((entry & CLAIM_PASS) !== 0) this.passingLists.add(source)
      else if ((entry & CLAIM_MONITOR) === 0) {
        this.considerDecider(entry >>> CLAIM_SHIFT, order, lists[at + 2]!)
        return
      } else if (order < this.monitorOrder) {
        this.monitor = entry >>> CLAIM_SHIFT
        this.monitorOrder = order
        this.monitorTier = lists[at + 2]!
      }
    }
  }

  private considerDecider(claim: number, order: number, tier: number): void {
    if (order >= this.deciderOrder) return
    this.decider = claim
    this.deciderOrder = order
    this.deciderTier = tier
  }

  /** Whether a claim is in force, and is one for the type of the question. */
  private applies(entry: number, now: Seconds): boolean {
    const claim = entry >>> CLAIM_SHIFT
    if ((entry & CLAIM_TIMED) !== 0 && !this.activeClaims.has(claim, now)) return false
    return (entry & CLAIM_TYPED) === 0 || this.isForType(claim)
  }

  private isForType(claim: number): boolean {
    return this.qtypes[claim]!.includes(this.qtype) !== this.claims[claim]!.qtypes!.except
  }

  /** What came before stands before in its tier: a longer name, or an earlier subject. */
  private addMonitor(record: number, verdict: Verdict): void {
    const tier = this.monitorTier
    if (tier >= verdict.tier || tier >= verdict.monitorTier) return
    verdict.monitorClaim = this.monitor
    verdict.monitorTier = tier
    verdict.monitorEntry = record
  }

  private addDecider(record: number, label: number, verdict: Verdict): void {
    const tier = this.deciderTier
    if (tier >= verdict.tier) return
    verdict.claim = this.decider
    verdict.tier = tier
    verdict.entry = record
    verdict.label = label
    if (verdict.monitorTier > tier) {
      verdict.monitorClaim = -1
      verdict.monitorTier = NO_TIER
      verdict.monitorEntry = -1
    }
  }
}
