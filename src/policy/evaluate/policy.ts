import { extractIpv4 } from '../../base/values/address.js'
import { PrefixTable } from '../../base/values/prefix-table.js'
import type { Seconds } from '../../base/units.js'
import type { HashedName } from '../../wire/dns/name/hashed-name.js'
import { AddressTable } from '../tables/address-table.js'
import { allClaims } from '../tables/claim-table.js'
import { TIER, type Claim } from '../tables/claim.js'
import { RecordTable } from '../tables/record-table.js'
import { LocalDataTable } from '../tables/local-data-table.js'
import { NameTable } from '../tables/name-table.js'
import type { PackedList } from '../tables/packed-list.js'
import type { Snapshot } from '../tables/snapshot.js'
import type { SpecialUseEntry } from '../tables/special-use-names.js'
import type { Decision } from '../tables/decision.js'
import { Dns64 } from './dns64.js'
import { ActiveClaims } from './active-claims.js'
import { ClassPairs } from './class-pairs.js'
import { EntryEvaluator } from './entry-evaluator.js'
import { DNSSEC, EGRESS, type EchCode } from '../tables/client-table.js'
import { COMMON_SET } from '../tables/forwarder-sets.js'

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
  readonly claims: PackedList<Claim>
  /** For `HashedName.set`. */
  readonly seed: number
  /** Of clients that are in another network by their identity than by their address. */
  readonly pairs: ClassPairs
  private readonly clients: PrefixTable
  private readonly names: NameTable
  private readonly addresses: AddressTable
  /** The IPv4 address inside an IPv6 address, in mapped form. */
  private readonly embedded = new Uint32Array(4)
  private readonly groups: Int32Array
  private readonly ech: Uint8Array
  private readonly dnssec: Uint8Array
  private readonly egress: Uint8Array
  private readonly forwarders: Int32Array
  private readonly dns64: readonly (Dns64 | undefined)[]
  private readonly languages: Uint8Array
  private readonly specialUseGroup: number
  private readonly specialUse: ReadonlyMap<number, SpecialUseEntry>
  private readonly activeClaims: ActiveClaims
  private readonly localData: LocalDataTable
  private readonly records: RecordTable
  private readonly entries: EntryEvaluator
  /** Whether lookups of some names are logged, also for clients to whom no rule applies. */
  private readonly hasLogged: boolean
  /** Whether a name above one that an exception opens may still matter. */
  private readonly needsAll: boolean

  constructor(snapshot: Snapshot) {
    const { names, clients } = snapshot
    this.snapshot = snapshot
    this.claims = allClaims(snapshot)
    this.seed = names.seed
    this.clients = new PrefixTable(clients.prefixes)
    this.names = new NameTable(names)
    this.addresses = new AddressTable(snapshot.addresses)
    this.groups = clients.groupOf
    this.pairs = new ClassPairs(clients.networkOf.length)
    this.ech = clients.ech
    this.dnssec = clients.dnssec
    this.egress = clients.egress
    this.forwarders = clients.forwarders
    const dns64 = snapshot.dns64.map(one => new Dns64(one))
    this.dns64 = Array.from(clients.dns64, place => dns64[place])
    this.languages = clients.languages
    this.specialUseGroup = clients.specialUseGroup
    this.specialUse = new Map(snapshot.specialUse.map(name => [name.entry, name]))
    this.activeClaims = new ActiveClaims(snapshot)
    this.entries = new EntryEvaluator(snapshot, this.claims, this.activeClaims)
    this.localData = new LocalDataTable(snapshot)
    this.records = new RecordTable(snapshot.sources)
    this.hasLogged = snapshot.sources.logged.includes(1)
    this.needsAll = this.hasLogged || snapshot.sources.records.size > 0
  }

  /**
   * Client class of the address in `words[at, at + 4)`, as in `DatagramBatch.peers`. 0: in no
   * network.
   */
  classOf(words: Uint32Array, at: number): number {
    return this.clients.find(words, at)
  }

  echFor(clientClass: number): EchCode {
    return this.ech[clientClass] as EchCode
  }

  /** Whether a sample of the answers for clients of this class is validated. */
  observesDnssec(clientClass: number): boolean {
    return this.dnssec[clientClass] === DNSSEC.observe
  }

  /** Whether clients of this class get only answers that were validated. Of class 0, none. */
  enforcesDnssec(clientClass: number): boolean {
    return this.dnssec[clientClass] === DNSSEC.enforce
  }

  /** Whether connections of clients of this class are observed. */
  observesEgress(clientClass: number): boolean {
    return this.egress[clientClass] !== EGRESS.off
  }

  /** Whether addresses of banned names are not reachable for clients of this class. */
  deniesEgress(clientClass: number): boolean {
    return this.egress[clientClass] === EGRESS.deny
  }

  /** `ForwarderSet.id` */
  forwardersFor(clientClass: number): number {
    return this.forwarders[clientClass]!
  }

  /**
   * Whether the network of clients of this class forwards the name by an entry of its own, other than that for all names:
   * such a name belongs to the site, so it is not a special-use name, and may have private addresses.
   */
  forwardsDomain(name: HashedName, clientClass: number): boolean {
    const id = this.forwarders[clientClass]!
    if (id === COMMON_SET) return false
    const { domains } = this.snapshot.forwarders.find(set => set.id === id)!
    return domains.some(({ name: domain }) => domain.length > 1 && isWithin(name, domain))
  }

  /** Undefined: no AAAA records are made for clients of this class. */
  dns64For(clientClass: number): Dns64 | undefined {
    return this.dns64[clientClass]
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
   * Evaluates a name and adds the result to `decision`; see `Decision`. Looks up its suffixes from the
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
    decision: Decision,
    overTcp = false,
    isTarget = false
  ): void {
    const group = this.groups[clientClass]!
    name.hashSuffixes(this.seed)
    const { labels } = name
    const { root } = this.names
    const mayBeSpecialUse = this.names.mayBeSpecialUse(name)
    const hasNoRules = group === 0 || (group === this.specialUseGroup && !mayBeSpecialUse)
    if (hasNoRules && !this.hasLogged) return
    const { entries } = this
    entries.begin(qtype, overTcp, isTarget)
    const { has, most } = mayBeSpecialUse ? this.names.allLabelCounts : this.names.labelCounts
    for (let label = labels > most ? labels - most : 0; label < labels; label++) {
      if (has[labels - label] === 0) continue
      const entry = this.names.find(name, label)
      if (entry === 0) continue
      entries.evaluate(entry, label === 0, label, group, now, decision)
      // No rule can change that any more; but a shorter name may be one whose lookups are logged, or have records.
      if (decision.tier === TIER.exception && !this.needsAll) return
    }
    if (root !== 0) entries.evaluate(root, labels === 0, labels, group, now, decision)
  }

  /**
   * Evaluates an address in an answer against the prefixes of sources, the longest first, and adds
   * the result to `decision`; its `label` is 0. An IPv6 address that embeds an IPv4 address is also
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
    decision: Decision,
    overTcp = false
  ): void {
    const group = this.groups[clientClass]!
    if (group === 0 && !this.hasLogged) return
    this.entries.begin(qtype, overTcp, false)
    this.evaluatePrefixes(words, at, group, now, decision)
    if (!extractIpv4(words, at, this.embedded)) return
    this.entries.begin(qtype, overTcp, false)
    this.evaluatePrefixes(this.embedded, 0, group, now, decision)
  }

  private evaluatePrefixes(
    words: Uint32Array,
    at: number,
    group: number,
    now: Seconds,
    decision: Decision
  ): void {
    const { lists } = this.addresses
    const list = this.addresses.find(words, at)
    const last = list + lists[list]!
    for (let next = list + 1; next <= last; next++) {
      this.entries.evaluate(lists[next]!, true, 0, group, now, decision)
    }
  }

  /** How to answer a special-use name. @param entry of a decision with the tier `specialUse` */
  specialUseOf(entry: number): SpecialUseEntry {
    return this.specialUse.get(entry)!
  }

  /**
   * Finds the DNS records that a list has for the name of a decision whose reply is `data`. In the
   * result they are in `octets` from `from` to `to`, in the format of `LocalData.octets`.
   */
  findLocalData({ claim, entry, label }: Decision): LocalDataTable {
    this.localData.find(this.claims.at(claim)!.source.index, entry, label === 0)
    return this.localData
  }

  /**
   * Finds the node of the local records in a decision. Clears them from the decision if they leave the
   * name to an upstream.
   *
   * @returns undefined: there are none
   */
  findRecords(decision: Decision): RecordTable | undefined {
    const { recordClaim, recordEntry, recordIsExact } = decision
    if (recordClaim === -1) return undefined
    const { records } = this
    records.find(this.claims.at(recordClaim)!.source.index, recordEntry, recordIsExact)
    if (!records.isPass) return records
    decision.recordClaim = -1
    return undefined
  }

  /**
   * A number that changes whenever some rule becomes active or inactive, and with every snapshot: a
   * decision is valid as long as the epoch stays the same.
   */
  epochAt(now: Seconds): number {
    return this.activeClaims.epochAt(now)
  }
}

/** @param domain in lower-cased wire form */
function isWithin({ octets, length, labels, starts }: HashedName, domain: Uint8Array): boolean {
  const start = length - domain.length
  for (let label = 0; label < labels; label++)
    if (starts[label] === start) return domain.every((octet, i) => octets[start + i] === octet)
  return false
}
