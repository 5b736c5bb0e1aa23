import type { EchPolicy, RuleSet } from '../rules/model/types.js'
import { compile } from '../compile/compile.js'
import { KeptSource } from '../compile/kept-source.js'
import { echOfClass } from '../tables/client-table.js'
import type { Snapshot } from '../tables/snapshot.js'
import { ChangeCollector, type Change, type DifferenceOptions } from './change-collector.js'
import { clientChanges, type ClientChange } from './client-changes.js'
import {
  byNetworks,
  clientRanges,
  outermost,
  type ClientRange,
  type PrefixSet
} from './client-ranges.js'
import {
  dnssecChanges,
  exceptionChanges,
  trustAnchorChanges,
  type DnssecChange,
  type DnssecExceptionChange,
  type TrustAnchorChange
} from './dnssec-changes.js'
import { resolutionChanges, type ResolutionChange } from './resolution-changes.js'
import { groupAddresses, groupNames, type BeforeAfter } from './name-groups.js'
import { SnapshotView } from './snapshot-view.js'

/** Clients that are in another network than before. */
export interface Move extends PrefixSet {
  readonly networks: BeforeAfter<string | undefined>
}

/** A network's clients that receive HTTPS records otherwise than before. */
export interface EchChange {
  readonly networks: BeforeAfter<string>
  readonly ech: BeforeAfter<EchPolicy>
}

export interface Difference {
  readonly moves: readonly Move[]
  /** Networks with another id and exactly the same clients. */
  readonly renamed: readonly BeforeAfter<string>[]
  readonly ech: readonly EchChange[]
  readonly dnssec: readonly DnssecChange[]
  readonly dnssecExceptions: readonly DnssecExceptionChange[]
  readonly trustAnchors: readonly TrustAnchorChange[]
  /** Networks whose queries are forwarded otherwise. */
  readonly resolution: readonly ResolutionChange[]
  /** Clients that are recognized, and their authorities. */
  readonly recognized: readonly ClientChange[]
  readonly changes: readonly Change[]
}

/** Examples are chosen from so many names of each group. */
const EXAMPLE_POOL = 256

/**
 * The effect of replacing one rule set by another: not how their text differs, but what changes for
 * each name and client from an instant on.
 */
export function difference(
  rules: BeforeAfter<RuleSet>,
  options: DifferenceOptions,
  snapshots = compileBoth(rules)
): Difference {
  const views = {
    before: new SnapshotView(snapshots.before, 'before'),
    after: new SnapshotView(snapshots.after, 'after')
  }
  const policies = { before: views.before.evaluator.policy, after: views.after.evaluator.policy }
  const ranges = clientRanges(rules, policies)
  const { moves, renamed } = movesOf(ranges)
  const collector = new ChangeCollector(views, ranges, options)
  const maxExamples = Math.max(options.examples, EXAMPLE_POOL)
  collector.collect(groupNames(snapshots, maxExamples))
  collector.collect(groupAddresses(snapshots, maxExamples))
  return {
    ...{ moves, renamed },
    ech: echChanges(ranges, snapshots),
    dnssec: dnssecChanges(ranges, snapshots),
    dnssecExceptions: exceptionChanges(rules, options.at),
    trustAnchors: trustAnchorChanges(rules),
    resolution: resolutionChanges(ranges, rules),
    recognized: clientChanges(rules),
    changes: withAsns(collector.changes(), rules)
  }
}

/** Names the autonomous system of each prefix that rules have only by its number. */
function withAsns(
  changes: readonly Change[],
  { before, after }: BeforeAfter<RuleSet>
): readonly Change[] {
  const asns = new Map(
    [...before.sources, ...after.sources].flatMap(source => [...(source.asns ?? [])])
  )
  if (asns.size === 0) return changes
  const named = (example: string): string => {
    const asn = asns.get(example)
    return asn === undefined ? example : `${example} (AS${asn})`
  }
  return changes.map(change => ({ ...change, examples: change.examples.map(named) }))
}

/** The number of changes that do not concern a rule for names or addresses, without renamed networks. */
export function countOtherChanges(found: Omit<Difference, 'renamed' | 'changes'>): number {
  const { moves, ech, dnssec, dnssecExceptions, trustAnchors, resolution, recognized } = found
  const lists = [moves, ech, dnssec, dnssecExceptions, trustAnchors, resolution, recognized]
  return lists.reduce((sum, { length }) => sum + length, 0)
}

/** Compiles both sets of rules, without special-use names. */
export function compileBoth({ before, after }: BeforeAfter<RuleSet>): BeforeAfter<Snapshot> {
  return { before: compiled(before), after: compiled(after) }
}

function compiled(rules: RuleSet): Snapshot {
  // No client queries this snapshot, so the seed need not be secret; on collisions try the next one. Names of a
  // snapshot are copied under its seed.
  const kept = rules.sources.find(source => source instanceof KeptSource)
  const seeds = kept === undefined ? [] : [kept.snapshot.names.seed >>> 0]
  let seed = 0
  return compile(rules, { generation: 1, random: () => seeds.pop() ?? seed++ })
}

/** A network whose clients all have another network id now was renamed; other clients moved. */
function movesOf(ranges: readonly ClientRange[]): Pick<Difference, 'moves' | 'renamed'> {
  const groups = byNetworks(ranges)
  const isSplit = (which: 'before' | 'after', id: string | undefined): boolean =>
    groups.filter(([range]) => range!.networks[which] === id).length > 1
  const ids = (which: 'before' | 'after'): Set<string | undefined> =>
    new Set(groups.map(([range]) => range!.networks[which]))
  const [before, after] = [ids('before'), ids('after')]
  const moves: Move[] = []
  const renamed: BeforeAfter<string>[] = []
  for (const group of groups) {
    const { networks } = group[0]!
    const [was, is] = [networks.before, networks.after]
    if (was === is) continue
    const isWhole = !isSplit('before', was) && !isSplit('after', is)
    if (was !== undefined && is !== undefined && isWhole && !after.has(was) && !before.has(is))
      renamed.push({ before: was, after: is })
    else moves.push({ networks, ...outermost(group, ranges) })
  }
  return { moves, renamed }
}

function echChanges(ranges: readonly ClientRange[], snapshots: BeforeAfter<Snapshot>): EchChange[] {
  return byNetworks(ranges).flatMap(([range]): EchChange[] => {
    const { classes, networks } = range!
    const { before, after } = networks
    if (before === undefined || after === undefined) return []
    const ech = {
      before: echOfClass(snapshots.before.clients, classes.before),
      after: echOfClass(snapshots.after.clients, classes.after)
    }
    return ech.before === ech.after ? [] : [{ networks: { before, after }, ech }]
  })
}
