import type { Seconds } from '../base/units.js'
import { PrefixTable } from '../network/prefix-table.js'
import { COVER } from '../rules/types.js'
import type { HashedName } from '../wire/hashed-name.js'
import { AddressTable } from './address-table.js'
import { Cells, ENTRY_DATED, ENTRY_MONITOR, ENTRY_SHIFT } from './cells.js'
import { NameTable } from './name-table.js'
import { TIER, type Claim, type Local, type Snapshot, type Verdict } from './snapshot.js'

/** Room for the switches of one generation in an epoch number. */
const EPOCHS_PER_GENERATION = 2 ** 20

/**
 * Gives verdicts on one snapshot. Each thread makes its own over the same shared memory; judging
 * allocates nothing.
 *
 * Order of precedence: tier (see `TIER`); inside a tier the longest name or
 * prefix; then the order of the network's rules. Only claims in force take part. One in monitor
 * mode never decides: it is noted if it stands before what decides, that is, if it would have
 * decided had it been enforced.
 */
export class Policy {
  readonly snapshot: Snapshot
  readonly claims: readonly Claim[]
  /** For `HashedName.take`. */
  readonly seed: number
  readonly #clients: PrefixTable
  readonly #names: NameTable
  readonly #addresses: AddressTable
  readonly #cells: Cells
  /** Member set of each record: word 0 of it. */
  readonly #records: Int32Array
  readonly #sets: Int32Array
  readonly #groups: Int32Array
  readonly #localGroup: number
  readonly #locals: ReadonlyMap<number, Local>
  readonly #tiers: Uint8Array
  readonly #froms: Float64Array
  readonly #untils: Float64Array
  /** What speaks best of the record at hand, and what would if it were enforced; -1: nothing. */
  #decider = -1
  #deciderRank = 0
  #monitor = -1
  #monitorRank = 0

  constructor(snapshot: Snapshot) {
    const { tables, claims } = snapshot
    this.snapshot = snapshot
    this.claims = claims
    this.seed = snapshot.seed
    this.#clients = new PrefixTable(tables.clients)
    this.#names = new NameTable(tables.names)
    this.#addresses = new AddressTable(tables.addresses)
    this.#cells = new Cells(tables.cells)
    this.#records = new Int32Array(tables.names.records.words)
    this.#sets = new Int32Array(tables.names.records.sets)
    this.#groups = Int32Array.from(snapshot.classGroups)
    this.#localGroup = snapshot.localGroup
    this.#locals = new Map(snapshot.locals.map(local => [local.record, local]))
    this.#tiers = Uint8Array.from(claims, ({ tier }) => tier)
    this.#froms = Float64Array.from(claims, ({ from }) => from)
    this.#untils = Float64Array.from(claims, ({ until }) => until)
  }

  /**
   * Client class of the address in `words[at, at + 4)`, as in `DatagramBatch.peers`. 0: in no
   * network.
   */
  classOf(words: Uint32Array, at: number): number {
    return this.#clients.find(words, at)
  }

  /** Whether no rule at all speaks to clients of this class. */
  isSilentFor(clientClass: number): boolean {
    const group = this.#groups[clientClass]
    return group === 0 || group === this.#localGroup
  }

  /**
   * Judges a name, adding to `verdict` what it finds; see `Verdict`. Suffixes are looked up from
   * the longest to the root, but only those with as many labels as some stored name has.
   *
   * @param name read with this policy's `seed`
   */
  judge(name: HashedName, clientClass: number, now: Seconds, verdict: Verdict): void {
    const group = this.#groups[clientClass]!
    name.hashSuffixes(this.seed)
    const { labels } = name
    const { root } = this.#names
    const mayBeLocal = this.#names.mayBeLocal(name)
    if (group === 0 || (group === this.#localGroup && !mayBeLocal)) return
    const { has, deepest } = mayBeLocal ? this.#names.allDepths : this.#names.depths
    for (let label = labels > deepest ? labels - deepest : 0; label < labels; label++) {
      if (has[labels - label] === 0) continue
      const record = this.#names.find(name, label)
      if (record === 0) continue
      this.#weigh(record, label === 0, label, group, now, verdict)
      if (verdict.tier === TIER.exception) return
    }
    if (root !== 0) this.#weigh(root, labels === 0, labels, group, now, verdict)
  }

  /**
   * Judges an address in an answer by the prefixes of sources, the longest first, adding to
   * `verdict` what it finds; `label` is 0.
   */
  judgeAddress(
    words: Uint32Array,
    at: number,
    clientClass: number,
    now: Seconds,
    verdict: Verdict
  ): void {
    const group = this.#groups[clientClass]!
    if (group === 0) return
    const { lists } = this.#addresses
    const list = this.#addresses.find(words, at)
    const last = list + lists[list]!
    for (let next = list + 1; next <= last; next++) {
      this.#weigh(lists[next]!, true, 0, group, now, verdict)
    }
  }

  /** What is said of a special-use name. @param record of a verdict of the tier `local` */
  localOf(record: number): Local {
    return this.#locals.get(record)!
  }

  /**
   * A number that changes whenever some rule starts or ends, and with every snapshot: what was
   * judged in one epoch holds for all of it.
   */
  epochAt(now: Seconds): number {
    const { switches, generation } = this.snapshot
    let low = 0
    for (let high = switches.length; low < high;) {
      const middle = (low + high) >>> 1
      if (switches[middle]! <= now) low = middle + 1
      else high = middle
    }
    return generation * EPOCHS_PER_GENERATION + low
  }

  /**
   * Lets the members of one record speak.
   *
   * @param whole the record is the very name judged, not one above it
   */
  #weigh(
    record: number,
    whole: boolean,
    label: number,
    group: number,
    now: Seconds,
    verdict: Verdict
  ): void {
    const silent = whole ? COVER.below : COVER.exact
    const { lists } = this.#cells
    const set = this.#records[record]!
    const last = set + this.#sets[set]!
    this.#decider = -1
    this.#monitor = -1
    for (let next = set + 1; next <= last; next++) {
      const member = this.#sets[next]!
      if ((member & 3) !== silent) this.#hear(this.#cells.find(group, member >>> 2), lists, now)
    }
    const decider = this.#decider
    const monitor = this.#monitor
    if (monitor !== -1 && this.#stands(monitor, this.#monitorRank, decider, this.#deciderRank)) {
      this.#note(monitor, record, verdict)
    }
    if (decider !== -1) this.#decide(decider, record, label, verdict)
  }

  /**
   * Hears one source: the first of its claims in force that is not in monitor mode speaks for it,
   * so an exception keeps the bans behind it, and the monitored ones, from speaking.
   */
  #hear(list: number, lists: Uint32Array, now: Seconds): void {
    const end = list + 2 * lists[list]!
    for (let at = list + 1; at < end; at += 2) {
      const entry = lists[at]!
      const rank = lists[at + 1]!
      const claim = entry >>> ENTRY_SHIFT
      if ((entry & ENTRY_DATED) !== 0 && !this.#inForce(claim, now)) continue
      if ((entry & ENTRY_MONITOR) === 0) {
        if (this.#stands(claim, rank, this.#decider, this.#deciderRank)) {
          this.#decider = claim
          this.#deciderRank = rank
        }
        return
      }
      if (this.#stands(claim, rank, this.#monitor, this.#monitorRank)) {
        this.#monitor = claim
        this.#monitorRank = rank
      }
    }
  }

  /** Whether a claim stands before another on the same record, by tier, then by rank. */
  #stands(claim: number, rank: number, other: number, otherRank: number): boolean {
    if (other === -1) return true
    const tier = this.#tiers[claim]! - this.#tiers[other]!
    return tier < 0 || (tier === 0 && rank < otherRank)
  }

  #inForce(claim: number, now: Seconds): boolean {
    return this.#froms[claim]! <= now && now < this.#untils[claim]!
  }

  /** What came before stands before in its tier: a longer name, or an earlier subject. */
  #note(claim: number, record: number, verdict: Verdict): void {
    const tier = this.#tiers[claim]!
    if (tier >= verdict.tier) return
    if (verdict.monitor !== -1 && this.#tiers[verdict.monitor]! <= tier) return
    verdict.monitor = claim
    verdict.monitorRecord = record
  }

  #decide(claim: number, record: number, label: number, verdict: Verdict): void {
    const tier = this.#tiers[claim]!
    if (tier >= verdict.tier) return
    verdict.claim = claim
    verdict.tier = tier
    verdict.record = record
    verdict.label = label
    if (verdict.monitor !== -1 && this.#tiers[verdict.monitor]! > tier) {
      verdict.monitor = -1
      verdict.monitorRecord = -1
    }
  }
}
