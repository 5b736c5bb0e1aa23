import { extractIpv4 } from '../../base/address.js'
import { PrefixTable } from '../../base/prefix-table.js'
import type { Seconds } from '../../base/units.js'
import type { HashedName } from '../../dns/name/hashed-name.js'
import { COVER } from '../../rules/model/types.js'
import { AddressTable } from '../tables/address-table.js'
import {
  CLAIM_CLIENT,
  CLAIM_FLAGS,
  CLAIM_MONITOR,
  CLAIM_PASS,
  CLAIM_SHIFT,
  CLAIM_TCP_ONLY,
  CLAIM_TIMED,
  CLAIM_TYPED,
  CLAIM_UDP_ONLY,
  ClaimIndex,
  WORDS_PER_CLAIM
} from '../tables/claim-index.js'
import { NO_TIER, TIER, type Claim } from '../tables/claim.js'
import { LocalDataTable } from '../tables/local-data-table.js'
import { NameTable } from '../tables/name-table.js'
import type { Snapshot } from '../tables/snapshot.js'
import type { SpecialUseEntry } from '../tables/special-use-names.js'
import type { Verdict } from '../tables/verdict.js'
import { ActiveClaims } from './active-claims.js'
import { PassingLists } from './passing-lists.js'

/** Greater than the order of any claim. */
const LAST = 2 ** 30

/**
 * Evaluates names and addresses against one snapshot. Each thread makes its own over the same shared
 * memory; evaluating allocates nothing.
 *
 * Order of precedence: tier (see `TIER`) and the step in it; then the longest matching name or
 * prefix; then the order of the network's rules. Only active claims take part. A claim in monitor
 * mode never decides: it is recorded if it would have decided had it been enforced. If a list has a
 * pass entry for a name, the list's other entries for it and for the names above have no effect.
 */
export class Policy {
  readonly snapshot: Snapshot
  readonly claims: readonly Claim[]
  /** For `HashedName.set`. */
  readonly seed: number
  private readonly clients: PrefixTable
  private readonly names: NameTable
  private readonly addresses: AddressTable
  /** The IPv4 address inside an IPv6 address, in mapped form. */
  private readonly embedded = new Uint32Array(4)
  private readonly claimIndex: ClaimIndex
  /** Word 0 of each entry is the number of its source set. */
  private readonly entryWords: Int32Array
  private readonly sourceSets: Int32Array
  private readonly groups: Int32Array
  private readonly ech: Uint8Array
  private readonly languages: Uint8Array
  private readonly specialUseGroup: number
  private readonly specialUse: ReadonlyMap<number, SpecialUseEntry>
  private readonly activeClaims: ActiveClaims
  private readonly qtypes: readonly (Uint16Array | undefined)[]
  private readonly passingLists: PassingLists
  private readonly localData: LocalDataTable
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

  constructor(snapshot: Snapshot) {
    const { names, clients, claims, sources } = snapshot
    this.snapshot = snapshot
    this.claims = claims.all
    this.seed = names.seed
    this.clients = new PrefixTable(clients.prefixes)
    this.names = new NameTable(names)
    this.addresses = new AddressTable(snapshot.addresses)
    this.claimIndex = new ClaimIndex(claims.index)
    this.entryWords = new Int32Array(names.entries.words)
    this.sourceSets = new Int32Array(names.entries.sets)
    this.groups = Int32Array.from(clients.groupOf)
    this.ech = Uint8Array.from(clients.ech)
    this.languages = Uint8Array.from(clients.languages)
    this.specialUseGroup = clients.specialUseGroup
    this.specialUse = new Map(snapshot.specialUse.map(name => [name.entry, name]))
    this.activeClaims = new ActiveClaims(snapshot)
    this.qtypes = claims.all.map(({ qtypes }) => qtypes && Uint16Array.from(qtypes.types))
    this.passingLists = new PassingLists(sources.all)
    this.localData = new LocalDataTable(snapshot)
  }

  /**
   * Client class of the address in `words[at, at + 4)`, as in `DatagramBatch.peers`. 0: in no
   * network.
   */
  classOf(words: Uint32Array, at: number): number {
    return this.clients.find(words, at)
  }

  /** One of `ECH`. */
  echFor(clientClass: number): number {
    return this.ech[clientClass]!
  }

  /** Index in `LANGUAGES`. */
  languageFor(clientClass: number): number {
    return this.languages[clientClass]!
  }

  /** Whether no rule at all applies to clients of this class. */
  hasNoRulesFor(clientClass: number): boolean {
    const group = this.groups[clientClass]
    return group === 0 || group === this.specialUseGroup
  }

  /**
   * Evaluates a name and adds the result to `verdict`; see `Verdict`. Looks up its suffixes from the
   * longest to the root, but only those with as many labels as some stored name has.
   *
   * @param name read with this policy's `seed`
   * @param overTcp rules with the action `truncate` do not apply, so that others decide
   * @param isTarget the name is that of an alias, so that policies for clients do not apply again
   */
  evaluateName(
    name: HashedName,
    qtype: number,
    clientClass: number,
    now: Seconds,
    verdict: Verdict,
    overTcp = false,
    isTarget = false
  ): void {
    const group = this.groups[clientClass]!
    name.hashSuffixes(this.seed)
    const { labels } = name
    const { root } = this.names
    const mayBeSpecialUse = this.names.mayBeSpecialUse(name)
    if (group === 0 || (group === this.specialUseGroup && !mayBeSpecialUse)) return
    this.qtype = qtype
    this.skippedFlags = (overTcp ? CLAIM_UDP_ONLY : CLAIM_TCP_ONLY) | (isTarget ? CLAIM_CLIENT : 0)
    this.passingLists.count = 0
    const { has, most } = mayBeSpecialUse ? this.names.allLabelCounts : this.names.labelCounts
    for (let label = labels > most ? labels - most : 0; label < labels; label++) {
      if (has[labels - label] === 0) continue
      const entry = this.names.find(name, label)
      if (entry === 0) continue
      this.evaluateEntry(entry, label === 0, label, group, now, verdict)
      if (verdict.tier === TIER.exception) return
    }
    if (root !== 0) this.evaluateEntry(root, labels === 0, labels, group, now, verdict)
  }

  /**
   * Evaluates an address in an answer against the prefixes of sources, the longest first, and adds
   * the result to `verdict`; its `label` is 0. An IPv6 address that embeds an IPv4 address is also
   * evaluated as that: a client behind NAT64 or 6to4 reaches the same host.
   *
   * @param qtype of the query that the address answers
   * @param overTcp as in `evaluateName`
   */
  evaluateAddress(
    words: Uint32Array,
    at: number,
    qtype: number,
    clientClass: number,
    now: Seconds,
    verdict: Verdict,
    overTcp = false
  ): void {
    const group = this.groups[clientClass]!
    if (group === 0) return
    this.qtype = qtype
    this.skippedFlags = overTcp ? CLAIM_UDP_ONLY : CLAIM_TCP_ONLY
    this.evaluatePrefixes(words, at, group, now, verdict)
    if (extractIpv4(words, at, this.embedded)) {
      this.evaluatePrefixes(this.embedded, 0, group, now, verdict)
    }
  }

  private evaluatePrefixes(
    words: Uint32Array,
    at: number,
    group: number,
    now: Seconds,
    verdict: Verdict
  ): void {
    this.passingLists.count = 0
    const { lists } = this.addresses
    const list = this.addresses.find(words, at)
    const last = list + lists[list]!
    for (let next = list + 1; next <= last; next++) {
      this.evaluateEntry(lists[next]!, true, 0, group, now, verdict)
    }
  }

  /** How to answer a special-use name. @param entry of a verdict with the tier `specialUse` */
  specialUseOf(entry: number): SpecialUseEntry {
    return this.specialUse.get(entry)!
  }

  /**
   * Finds the DNS records that a list has for the name of a verdict whose reply is `data`. In the
   * result they are in `octets` from `from` to `to`, in the format of `LocalData.octets`.
   */
  findLocalData({ claim, entry, label }: Verdict): LocalDataTable {
    this.localData.find(this.claims[claim]!.source.index, entry, label === 0)
    return this.localData
  }

  /**
   * A number that changes whenever some rule becomes active or inactive, and with every snapshot: a
   * verdict is valid as long as the epoch stays the same.
   */
  epochAt(now: Seconds): number {
    return this.activeClaims.epochAt(now)
  }

  /**
   * Evaluates the claims for the sources that list one entry.
   *
   * @param isExact whether the entry is the evaluated name itself, not a name above it
   */
  private evaluateEntry(
    entry: number,
    isExact: boolean,
    label: number,
    group: number,
    now: Seconds,
    verdict: Verdict
  ): void {
    const ignored = isExact ? COVER.below : COVER.exact
    const { lists } = this.claimIndex
    const set = this.entryWords[entry]!
    const last = set + this.sourceSets[set]!
    this.decider = -1
    this.deciderOrder = LAST
    this.monitor = -1
    this.monitorOrder = LAST
    for (let next = set + 1; next <= last; next++) {
      const ref = this.sourceSets[next]!
      if ((ref & 3) === ignored) continue
      const source = ref >>> 2
      if (this.passingLists.count > 0 && this.passingLists.excludes(source)) continue
      this.evaluateSource(source, this.claimIndex.find(group, source), lists, now)
    }
    if (this.monitorOrder < this.deciderOrder) this.addMonitor(entry, verdict)
    if (this.decider !== -1) this.addDecider(entry, label, verdict)
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
    return this.qtypes[claim]!.includes(this.qtype) !== this.claims[claim]!.qtypes!.except
  }

  /** Within a tier earlier results have precedence: they matched a longer name, or came first. */
  private addMonitor(entry: number, verdict: Verdict): void {
    const tier = this.monitorTier
    if (tier >= verdict.tier || tier >= verdict.monitorTier) return
    verdict.monitorClaim = this.monitor
    verdict.monitorTier = tier
    verdict.monitorEntry = entry
  }

  private addDecider(entry: number, label: number, verdict: Verdict): void {
    const tier = this.deciderTier
    if (tier >= verdict.tier) return
    verdict.claim = this.decider
    verdict.tier = tier
    verdict.entry = entry
    verdict.label = label
    if (verdict.monitorTier > tier) {
      verdict.monitorClaim = -1
      verdict.monitorTier = NO_TIER
      verdict.monitorEntry = -1
    }
  }
}
