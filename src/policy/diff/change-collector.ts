import type { Seconds } from '../../base/units.js'
import { showCanonical, showName } from '../../wire/dns/name/name.js'
import type { RuleVerdict } from '../evaluate/evaluator.js'
import type { SourceSummary } from '../tables/source-table.js'
import { affectedClients, type AffectedClients, type ClientRange } from './client-ranges.js'
import {
  keyOf,
  periodsOf,
  subjectsOf,
  type DifferencePeriod,
  type GroupPeriods
} from './difference-periods.js'
import type { BeforeAfter, Example, NameGroup } from './name-groups.js'
import type { SnapshotView } from './snapshot-view.js'
import { UnchangedSources } from './unchanged-sources.js'

/**
 * What a change does to names.
 *
 * - `blocked`: they were not blocked before and are now
 * - `lifted`: they were blocked before and are not now
 * - `answer`: clients receive another reply: that of another block, or of local records
 * - `record`: clients receive the same, but the query log differs: another rule or authority
 *   decides, or another name would be blocked in monitor mode
 */
export type ChangeKind = 'blocked' | 'lifted' | 'answer' | 'record'

/** The same change of some names for some clients in one period. */
export interface Change extends DifferencePeriod {
  readonly kind: ChangeKind
  readonly clients: readonly AffectedClients[]
  /** Number of names and address prefixes; names below one of them do not count. */
  readonly names: number
  /** Some of them as in rule files, short ones first. */
  readonly examples: readonly string[]
  /** Whether it concerns none of the apps and lists in `DifferenceOptions.only`. */
  readonly outside: boolean
}

export interface DifferenceOptions {
  /** Compare from this instant on. */
  readonly at: Seconds
  /** Largest number of examples per change. */
  readonly examples: number
  /** Ids of the only apps and lists that are meant to change. */
  readonly only?: readonly string[]
}

/** Clients with the same rules in both snapshots, which are evaluated once. */
interface ClientGroup {
  readonly classes: BeforeAfter<number>
  /** Apps and lists that need no evaluation for these clients: see `UnchangedSources`. */
  readonly unchanged: ReadonlySet<string>
  readonly ranges: ClientRange[]
}

/** Names with the same change for the same clients. */
interface PendingChange {
  readonly period: DifferencePeriod
  readonly clients: ClientGroup
  readonly outside: boolean
  names: number
  examples: string[]
  /** The name groups, and which part of them: equal lists stand for equal names. */
  readonly groups: string[]
}

/** Finds what changes, group of names by group of names. */
export class ChangeCollector {
  private readonly unchanged: UnchangedSources
  private readonly clientGroups: readonly ClientGroup[]
  private readonly pending = new Map<string, PendingChange>()
  /** Number of the current name group. */
  private groupNumber = 0

  constructor(
    private readonly views: BeforeAfter<SnapshotView>,
    private readonly ranges: readonly ClientRange[],
    private readonly options: DifferenceOptions
  ) {
    this.unchanged = new UnchangedSources(views)
    this.clientGroups = clientGroupsOf(ranges, views, this.unchanged)
  }

  /** Collects the changes of all groups from the top one down. */
  collect(top: NameGroup): void {
    const known = new Map<NameGroup, readonly GroupPeriods[]>()
    for (const group of top.all()) {
      this.groupNumber++
      const sources = this.unchanged.sourcesOf(group)
      const mayChange = this.clientGroups.map(({ unchanged }) => !isWithin(sources, unchanged))
      if (!mayChange.includes(true)) continue
      const inherited = group.parent === undefined ? undefined : known.get(group.parent)
      const subjects = subjectsOf(group, this.views)
      const all = this.clientGroups.map(({ classes }, i) =>
        mayChange[i]!
          ? periodsOf(group, subjects, this.views, classes, this.options.at)
          : NO_PERIODS
      )
      known.set(group, all)
      // A change of a name includes the names below it, unless they change differently.
      all.forEach((periods, i) => this.take(group, periods, inherited?.[i]?.below ?? [], i))
    }
  }

  private take(
    group: NameGroup,
    { own, below }: GroupPeriods,
    inherited: readonly DifferencePeriod[],
    clients: number
  ): void {
    if (own.length + below.length === 0) return
    const implied = new Set(inherited.map(keyOf))
    const isAddress = group.examples[0]?.kind === 'address'
    const belowKeys = new Set(below.map(keyOf))
    const ownKeys = new Set(own.map(keyOf))
    for (const period of own) {
      const key = keyOf(period)
      if (implied.has(key)) continue
      const sign = belowKeys.has(key) || isAddress ? '' : '='
      this.add(group, period, sign, clients)
    }
    for (const period of isAddress ? [] : below) {
      const key = keyOf(period)
      if (!implied.has(key) && !ownKeys.has(key)) this.add(group, period, '*.', clients)
    }
  }

  private add(group: NameGroup, period: DifferencePeriod, sign: Sign, clients: number): void {
    const outside = this.isOutside(group, sign)
    const key = `${clients} ${outside} ${keyOf(period)}`
    let found = this.pending.get(key)
    if (found === undefined) {
      const clientGroup = this.clientGroups[clients]!
      found = { period, clients: clientGroup, outside, names: 0, examples: [], groups: [] }
      this.pending.set(key, found)
    }
    found.names += group.count
    found.examples.push(...group.examples.map(example => sign + textOf(example)))
    found.groups.push(`${sign}${this.groupNumber}`)
  }

  /** Whether none of the apps and lists meant to change covers these names, before or after. */
  private isOutside(group: NameGroup, sign: Sign): boolean {
    const { only } = this.options
    if (only === undefined) return false
    const isMeant = ({ kind, id }: SourceSummary): boolean => kind !== 'inline' && only.includes(id)
    const { before, after } = this.views
    return !before.has(group, sign === '*.', isMeant) && !after.has(group, sign === '*.', isMeant)
  }

  /** Each change once, for all clients that it affects. */
  changes(): Change[] {
    const merged = new Map<string, PendingChange[]>()
    for (const pending of this.pending.values()) {
      const key = `${pending.outside} ${keyOf(pending.period)} ${pending.groups.join(' ')}`
      merged.set(key, [...(merged.get(key) ?? []), pending])
    }
    return [...merged.values()].map(same => this.change(same)).sort(byImportance)
  }

  private change(same: readonly PendingChange[]): Change {
    const [{ period, outside, names, examples }] = same as [PendingChange]
    const affected = new Set(same.flatMap(({ clients }) => clients.ranges))
    return {
      ...period,
      kind: kindOf(period.verdicts),
      clients: affectedClients(this.ranges, affected),
      names,
      examples: [...examples].sort(byWeight).slice(0, this.options.examples),
      outside
    }
  }
}

/** Which names: a name and all below it, the name only, or only those below it. */
type Sign = '' | '=' | '*.'

const NO_PERIODS: GroupPeriods = { own: [], below: [] }

function isWithin(some: ReadonlySet<string> | undefined, all: ReadonlySet<string>): boolean {
  return some !== undefined && [...some].every(key => all.has(key))
}

function clientGroupsOf(
  ranges: readonly ClientRange[],
  { before, after }: BeforeAfter<SnapshotView>,
  unchanged: UnchangedSources
): ClientGroup[] {
  const known = new Map<string, ClientGroup>()
  for (const range of ranges) {
    const { classes, networks } = range
    // Clients outside every network are refused, so no name is blocked for them: a move.
    if (networks.before === undefined || networks.after === undefined) continue
    const groups = [
      before.snapshot.clients.groupOf[classes.before],
      after.snapshot.clients.groupOf[classes.after]
    ]
    const key = groups.join(' ')
    const group = known.get(key) ?? {
      classes,
      unchanged: unchanged.forClients(classes),
      ranges: []
    }
    group.ranges.push(range)
    known.set(key, group)
  }
  return [...known.values()]
}

function kindOf({ before, after }: BeforeAfter<RuleVerdict>): ChangeKind {
  if (before.answerKey === after.answerKey) return 'record'
  if (before.verdict === after.verdict) return 'answer'
  if (after.verdict === 'blocked') return 'blocked'
  return before.verdict === 'blocked' ? 'lifted' : 'answer'
}

function textOf(example: Example): string {
  return example.kind === 'address' ? example.text : showCanonical(showName(example.octets))
}

const KINDS: readonly ChangeKind[] = ['blocked', 'lifted', 'answer', 'record']

/** By kind, then by time, then by number of names, the largest first. */
function byImportance(a: Change, b: Change): number {
  const when = a.from === b.from ? 0 : a.from - b.from
  return KINDS.indexOf(a.kind) - KINDS.indexOf(b.kind) || when || b.names - a.names
}

/** Names that include those below them first, then short ones. */
function byWeight(a: string, b: string): number {
  const isPart = (text: string): number => (/^[=*]/.test(text) ? 1 : 0)
  return isPart(a) - isPart(b) || a.length - b.length || (a < b ? -1 : 1)
}
