import type { Snapshot } from '../../policy/tables/snapshot.js'
import { countedClaims } from '../../policy/tables/claim-table.js'
import {
  allocateCounters,
  CLAIM_MATCHES,
  PROTOCOLS,
  ruleCounterLayout,
  type RuleCounterLayout
} from '../../resolver/context/lookup-counters.js'

/** What is counted together: the claims of one rule that have the same action. */
export interface RuleSeries {
  readonly rule: string
  /** Undefined for an exception, an allow rule and what a list passes. */
  readonly action: string | undefined
  readonly isMonitored: boolean
}

/** A ban or an exception that ends. */
export interface EndingRule {
  readonly rule: string
  readonly kind: 'ban' | 'exception'
  /** Epoch seconds. */
  readonly until: number
}

/** The counters of one snapshot, and what they are about. */
export interface CountedRules {
  readonly generation: number
  /** Ids of the networks. */
  readonly networks: readonly string[]
  /** Client class to index in `networks`; -1: in none. */
  readonly networkOf: Int32Array
  readonly series: readonly RuleSeries[]
  /** Claim to index in `series`. */
  readonly seriesOf: Uint32Array
  readonly ending: readonly EndingRule[]
  readonly layout: RuleCounterLayout
  /** Written by workers. */
  readonly counters: SharedArrayBuffer
  /** What was counted by earlier snapshots, in the order of `Totals`; written by the control thread. */
  readonly carried: SharedArrayBuffer
}

/**
 * Sums over all workers. One array: queries by network and transport, with unknown clients last;
 * blocked lookups by network, likewise; for each of `CLAIM_MATCHES`, lookups by series.
 */
export type Totals = Float64Array

/** Offsets in `Totals`. */
export function totalsLayout({ networks, series }: CountedRules) {
  const groups = networks.length + 1
  const blockedAt = PROTOCOLS * groups
  const seriesAt = blockedAt + groups
  return { groups, blockedAt, seriesAt, size: seriesAt + CLAIM_MATCHES * series.length }
}

/** The series of some rules. Hardly any rule has more than one. */
class SeriesIndex {
  readonly all: RuleSeries[] = []
  /** By rule, the series that was added last. */
  private readonly last = new Map<string, number>()
  /** For each series, the one of the same rule that was added before it; -1: none. */
  private readonly before: number[] = []

  /** @returns its number; -1: unknown */
  find({ rule, action, isMonitored }: RuleSeries): number {
    let number = this.last.get(rule) ?? -1
    while (number !== -1) {
      const known = this.all[number]!
      if (known.action === action && known.isMonitored === isMonitored) break
      number = this.before[number]!
    }
    return number
  }

  /** @returns its number, also if it is known */
  add(series: RuleSeries): number {
    const known = this.find(series)
    if (known !== -1) return known
    this.before.push(this.last.get(series.rule) ?? -1)
    const number = this.all.push(series) - 1
    this.last.set(series.rule, number)
    return number
  }
}

/**
 * What a snapshot's rules are counted by.
 *
 * @param counters memory for all workers
 * @param series none yet
 */
function countedRules(
  snapshot: Snapshot,
  counters: SharedArrayBuffer,
  series: SeriesIndex
): CountedRules {
  const { clients, generation } = snapshot
  const { networks, networkOf } = clients
  const ending = new Map<string, EndingRule>()
  const seriesOf = new Uint32Array(snapshot.claims.list.length)
  let claim = 0
  for (const { ruleId, action, monitor, kind, until } of countedClaims(snapshot.claims)) {
    seriesOf[claim++] = series.add({ rule: ruleId, action, isMonitored: monitor })
    if ((kind === 'ban' || kind === 'exception') && until !== Infinity) {
      if (!ending.has(ruleId)) ending.set(ruleId, { rule: ruleId, kind, until })
    }
  }
  const layout = ruleCounterLayout(snapshot)
  const lists = { series: series.all, seriesOf, ending: [...ending.values()] }
  const rules = { generation, networks, networkOf, ...lists, layout, counters }
  const { size } = totalsLayout({ ...rules, carried: counters })
  return { ...rules, carried: allocateCounters(size) }
}

/**
 * All that was counted by these rules and, as far as they have the same ids, by earlier ones.
 *
 * @param totals to overwrite
 */
export function totalsOf(
  rules: CountedRules,
  totals: Totals = new Float64Array(totalsLayout(rules).size)
): Totals {
  const { networkOf, seriesOf, layout, counters, series, carried } = rules
  const { groups, blockedAt, seriesAt } = totalsLayout(rules)
  totals.set(new Float64Array(carried))
  const all = new Float64Array(counters)
  for (let start = 0; start < all.length; start += layout.size) {
    for (let i = 0; i < layout.classes; i++) {
      const network = networkOf[i] === -1 ? groups - 1 : networkOf[i]!
      for (let protocol = 0; protocol < PROTOCOLS; protocol++) {
        totals[PROTOCOLS * network + protocol]! += all[start + PROTOCOLS * i + protocol]!
      }
      totals[blockedAt + network]! += all[start + layout.blockedAt + i]!
    }
    for (let match = 0; match < CLAIM_MATCHES; match++) {
      const from = start + layout.claimsAt + match * layout.claims
      const to = seriesAt + match * series.length
      for (let claim = 0; claim < layout.claims; claim++) {
        const count = all[from + claim]!
        if (count !== 0) totals[to + seriesOf[claim]!]! += count
      }
    }
  }
  return totals
}

/** Blocked lookups of all networks: much less to read than all totals. */
export function blockedOf(rules: CountedRules): number {
  const { layout, counters, carried } = rules
  const { blockedAt, groups } = totalsLayout(rules)
  const all = new Float64Array(counters)
  let sum = 0
  for (const count of new Float64Array(carried).subarray(blockedAt, blockedAt + groups))
    sum += count
  for (let start = 0; start < all.length; start += layout.size)
    for (let i = 0; i < layout.classes; i++) sum += all[start + layout.blockedAt + i]!
  return sum
}

interface Counted {
  readonly rules: CountedRules
  readonly series: SeriesIndex
}

/**
 * The counters by rule of all workers, as the control thread sees them. Each snapshot has memory of its own.
 * When no worker counts by it any more, what was counted is carried over to the same networks and rules of
 * the next one, so no counter ever decreases. What is removed from the rules is not counted any more.
 */
export class RuleCounters {
  /** From the oldest that a worker may still count by to the current one. */
  private readonly rules: Counted[] = []

  /**
   * @param onSettled called with the rules to read the counters of, whenever they change; undefined: nobody
   *   reads them, so nothing is carried over
   */
  constructor(
    private readonly workers: number,
    private readonly onSettled: ((rules: CountedRules) => void) | undefined
  ) {}

  /** @returns memory for the counters of all workers */
  adopt(snapshot: Snapshot): SharedArrayBuffer {
    const { rules, onSettled } = this
    const { size } = ruleCounterLayout(snapshot)
    const counters = allocateCounters(this.workers * size)
    if (onSettled === undefined) return counters
    const series = new SeriesIndex()
    const added = rules.push({ rules: countedRules(snapshot, counters, series), series })
    if (added === 1) onSettled(rules[0]!.rules)
    return counters
  }

  /** No worker counts by rules before this generation any more. */
  settle(generation: number): void {
    const { rules } = this
    const before = rules[0]
    while (rules.length > 1 && rules[0]!.rules.generation < generation)
      carryOver(rules.shift()!.rules, rules[0]!)
    if (rules[0] !== undefined && rules[0] !== before) this.onSettled?.(rules[0].rules)
  }
}

/** Adds what was counted by rules to the same networks and rules among later ones. */
function carryOver(from: CountedRules, { rules: to, series }: Counted): void {
  const counts = totalsOf(from)
  const carried = new Float64Array(to.carried)
  const source = totalsLayout(from)
  const target = totalsLayout(to)
  let networks: ReadonlyMap<string, number> | undefined
  const networkNumber = (id: string, before: number): number | undefined => {
    // Most reloads change no network.
    if (to.networks[before] === id) return before
    networks ??= new Map(to.networks.map((id, i) => [id, i]))
    return networks.get(id)
  }
  for (let i = 0; i < source.groups; i++) {
    const group = i === source.groups - 1 ? target.groups - 1 : networkNumber(from.networks[i]!, i)
    if (group === undefined) continue
    for (let protocol = 0; protocol < PROTOCOLS; protocol++) {
      carried[PROTOCOLS * group + protocol]! += counts[PROTOCOLS * i + protocol]!
    }
    carried[target.blockedAt + group]! += counts[source.blockedAt + i]!
  }
  for (let i = 0; i < from.series.length; i++) {
    let number: number | undefined
    for (let match = 0; match < CLAIM_MATCHES; match++) {
      const count = counts[source.seriesAt + match * from.series.length + i]!
      // Most rules have not been counted by, and memory that is not written to costs nothing.
      if (count === 0) continue
      number ??= series.find(from.series[i]!)
      if (number === -1) break
      carried[target.seriesAt + match * to.series.length + number]! += count
    }
  }
}
