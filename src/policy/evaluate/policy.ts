import { PrefixTable } from '../../base/prefix-table.js'
import type { Seconds } from '../../base/units.js'
import type { HashedName } from '../../dns/name/hashed-name.js'
import { COVER } from '../../rules/model/types.js'
import { AddressTable } from '../tables/address-table.js'
import {
  CELL_WORDS,
  Cells,
  ENTRY_DATED,
  ENTRY_FLAGS,
  ENTRY_MONITOR,
  ENTRY_PASS,
  ENTRY_SHIFT,
  ENTRY_TYPED
} from '../tables/cells.js'
import { DataTable } from '../tables/data-table.js'
import { NameTable } from '../tables/name-table.js'
import {
  NO_TIER,
  TIER,
  type Claim,
  type Local,
  type Snapshot,
  type Verdict
} from '../tables/snapshot.js'
import { InForce } from './in-force.js'
import { Passes } from './passes.js'

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
  /** For `HashedName.take`. */
  readonly seed: number
  private readonly clients: PrefixTable
  private readonly names: NameTable
  private readonly addresses: AddressTable
  private readonly cells: Cells
  /** Member set of each record: word 0 of it. */
  private readonly records: Int32Array
  private readonly sets: Int32Array
  private readonly groups: Int32Array
  private readonly localGroup: number
  private readonly locals: ReadonlyMap<number, Local>
  private readonly inForce: InForce
  private readonly qtypes: readonly (Uint16Array | undefined)[]
  private readonly passes: Passes
  private readonly data: DataTable
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
    this.cells = new Cells(tables.cells)
    this.records = new Int32Array(tables.names.records.words)
    this.sets = new Int32Array(tables.names.records.sets)
    this.groups = Int32Array.from(snapshot.classGroups)
    this.localGroup = snapshot.localGroup
    this.locals = new Map(snapshot.locals.map(local => [local.record, local]))
    this.inForce = new InForce(snapshot)
    this.qtypes = claims.map(({ qtypes }) => qtypes && Uint16Array.from(qtypes.types))
    this.passes = new Passes(snapshot.sources)
    this.data = new DataTable(snapshot)
  }

  /**
   * Client class of the address in `words[at, at + 4)`, as in `DatagramBatch.peers`. 0: in no
   * network.
   */
  classOf(words: Uint32Array, at: number): number {
    return this.clients.find(words, at)
  }

  /** Whether no rule at all speaks to clients of this class. */
  isSilentFor(clientClass: number): boolean {
    const group = this.groups[clientClass]
    return group === 0 || group === this.localGroup
  }

  /**
   * Judges a name, adding to `verdict` what it finds; see `Verdict`. Suffixes are looked up from
   * the longest to the root, but only those with as many labels as some stored name has.
   *
   * @param name read with this policy's `seed`
   */
  judge(
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
    const mayBeLocal = this.names.mayBeLocal(name)
    if (group === 0 || (group === this.localGroup && !mayBeLocal)) return
    this.qtype = qtype
    this.passes.count = 0
    const { has, deepest } = mayBeLocal ? this.names.allDepths : this.names.depths
    for (let label = labels > deepest ? labels - deepest : 0; label < labels; label++) {
      if (has[labels - label] === 0) continue
      const record = this.names.find(name, label)
      if (record === 0) continue
      this.weigh(record, label === 0, label, group, now, verdict)
      if (verdict.tier === TIER.exception) return
    }
    if (root !== 0) this.weigh(root, labels === 0, labels, group, now, verdict)
  }

  /**
   * Judges an address in an answer by the prefixes of sources, the longest first, adding to
   * `verdict` what it finds; `label` is 0.
   *
   * @param qtype of the question whose answer it is in
   */
  judgeAddress(
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
    this.passes.count = 0
    const { lists } = this.addresses
    const list = this.addresses.find(words, at)
    const last = list + lists[list]!
    for (let next = list + 1; next <= last; next++) {
      this.weigh(lists[next]!, true, 0, group, now, verdict)
    }
  }

  /** What is said of a special-use name. @param record of a verdict of the tier `local` */
  localOf(record: number): Local {
    return this.locals.get(record)!
  }

  /**
   * Finds the records that a list has for the name of a verdict whose reply is `data`; they are in
   * `data`, as in `LocalData.octets`, from `data.from` to `data.to`.
   */
  findData({ claim, record, label }: Verdict): DataTable {
    this.data.find(this.claims[claim]!.source.index, record, label === 0)
    return this.data
  }

  /**
   * A number that changes whenever some rule starts or ends, and with every snapshot: what was
   * judged in one epoch holds for all of it.
   */
  epochAt(now: Seconds): number {
    return this.inForce.epochAt(now)
  }

  /**
   * Lets the members of one record speak.
   *
   * @param whole the record is the very name judged, not one above it
   */
  private weigh(
    record: number,
    whole: boolean,
    label: number,
    group: number,
    now: Seconds,
    verdict: Verdict
  ): void {
    const silent = whole ? COVER.below : COVER.exact
    const { lists } = this.cells
    const set = this.records[record]!
    const last = set + this.sets[set]!
    this.decider = -1
    this.deciderOrder = LAST
    this.monitor = -1
    this.monitorOrder = LAST
    for (let next = set + 1; next <= last; next++) {
      const member = this.sets[next]!
      if ((member & 3) === silent) continue
      const source = member >>> 2
      if (this.passes.count > 0 && this.passes.silence(source)) continue
      this.hear(source, this.cells.find(group, source), lists, now)
    }
    if (this.monitorOrder < this.deciderOrder) this.note(record, verdict)
    if (this.decider !== -1) this.decide(record, label, verdict)
  }

  /**
   * Hears one source: the first of its claims in force that is not in monitor mode speaks for it,
   * so an exception keeps the bans behind it, and the monitored ones, from speaking.
   */
  private hear(source: number, list: number, lists: Uint32Array, now: Seconds): void {
    const end = list + CELL_WORDS * lists[list]!
    for (let at = list + 1; at < end; at += CELL_WORDS) {
      const entry = lists[at]!
      const order = lists[at + 1]!
      if ((entry & ENTRY_FLAGS) === 0) {
        this.speak(entry >>> ENTRY_SHIFT, order, lists[at + 2]!)
        return
      }
      if (!this.counts(entry, now)) continue
      if ((entry & ENTRY_PASS) !== 0) this.passes.add(source)
      else if ((entry & ENTRY_MONITOR) === 0) {
        this.speak(entry >>> ENTRY_SHIFT, order, lists[at + 2]!)
        return
      } else if (order < this.monitorOrder) {
        this.monitor = entry >>> ENTRY_SHIFT
        this.monitorOrder = order
        this.monitorTier = lists[at + 2]!
      }
    }
  }

  private speak(claim: number, order: number, tier: number): void {
    if (order >= this.deciderOrder) return
    this.decider = claim
    this.deciderOrder = order
    this.deciderTier = tier
  }

  /** Whether a claim is in force, and is one for the type of the question. */
  private counts(entry: number, now: Seconds): boolean {
    const claim = entry >>> ENTRY_SHIFT
    if ((entry & ENTRY_DATED) !== 0 && !this.inForce.has(claim, now)) return false
    return (entry & ENTRY_TYPED) === 0 || this.isForType(claim)
  }

  private isForType(claim: number): boolean {
    return this.qtypes[claim]!.includes(this.qtype) !== this.claims[claim]!.qtypes!.except
  }

  /** What came before stands before in its tier: a longer name, or an earlier subject. */
  private note(record: number, verdict: Verdict): void {
    const tier = this.monitorTier
    if (tier >= verdict.tier || tier >= verdict.monitorTier) return
    verdict.monitor = this.monitor
    verdict.monitorTier = tier
    verdict.monitorRecord = record
  }

  private decide(record: number, label: number, verdict: Verdict): void {
    const tier = this.deciderTier
    if (tier >= verdict.tier) return
    verdict.claim = this.decider
    verdict.tier = tier
    verdict.record = record
    verdict.label = label
    if (verdict.monitorTier > tier) {
      verdict.monitor = -1
      verdict.monitorTier = NO_TIER
      verdict.monitorRecord = -1
    }
  }
}
