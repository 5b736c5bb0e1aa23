import type { Seconds } from '../../base/units.js'
import { showCanonical, showName } from '../../dns/name/name.js'
import type { RuleSet } from '../../rules/model/types.js'
import { compile } from '../compile/compile.js'
import type { Decision } from '../evaluate/decision.js'
import type { SourceSummary } from '../tables/source-table.js'
import {
  clientRanges,
  byNetworks,
  outermost,
  affectedClients,
  type ClientRange,
  type AffectedClients
} from './client-ranges.js'
import {
  keyOf,
  periodsOf,
  subjectsOf,
  type GroupPeriods,
  type DifferencePeriod
} from './difference-periods.js'
import {
  groupAddresses,
  groupNames,
  type BeforeAfter,
  type NameGroup,
  type Example
} from './name-groups.js'
import { SnapshotView } from './snapshot-view.js'
import { UnchangedSources } from './unchanged-sources.js'

/**
 * What a change does to names.
 *
 * `blocked` they were not, and are now
 * `lifted`  they were blocked, and are not now
 * `answer`  they are blocked, and clients receive something else
 * `record`  clients receive the same, and the query log says something else of it: who decides, by
 *           whose authority, or what would be blocked in monitor mode
 */
export type ChangeKind = 'blocked' | 'lifted' | 'answer' | 'record'

/** The same change of some names for some clients, in a stretch of time. */
export interface Change extends DifferencePeriod {
  readonly kind: ChangeKind
  readonly clients: readonly AffectedClients[]
  /** How many names and prefixes of addresses; names below one of them are not counted. */
  readonly names: number
  /** Some of them as rule files have them, short ones first. */
  readonly examples: readonly string[]
  /** Whether it is none of the apps or lists that alone may change. */
  readonly outside: boolean
}

/** Clients that are in another network now. */
export interface Move {
  readonly networks: BeforeAfter<string | undefined>
  readonly prefixes: readonly string[]
}

export interface Difference {
  readonly moves: readonly Move[]
  /** Networks with another id and the very same clients. */
  readonly renamed: readonly BeforeAfter<string>[]
  readonly changes: readonly Change[]
}

export interface DifferenceOptions {
  /** From when on it is looked at what changes. */
  readonly at: Seconds
  /** Most examples of each change. */
  readonly examples: number
  /** Ids of the apps and lists that alone may change. */
  readonly only?: readonly string[]
}

/** Of how many names of one kind examples are chosen. */
const CHOICE = 256

/**
 * What it does to put one rule set in place of another: not how they are written, but what becomes
 * of each name, for each client, from an instant on.
 */
export function difference(rules: BeforeAfter<RuleSet>, options: DifferenceOptions): Difference {
  const snapshots = { before: compiled(rules.before, 1), after: compiled(rules.after, 2) }
  const sides = {
    before: new SnapshotView(snapshots.before, 'before'),
    after: new SnapshotView(snapshots.after, 'after')
  }
  const policies = { before: sides.before.evaluator.policy, after: sides.after.evaluator.policy }
  const areas = clientRanges(rules, policies)
  const { moves, renamed } = movesOf(areas)
  const changes = new ChangeCollector(sides, areas, options)
  const most = Math.max(options.examples, CHOICE)
  changes.collect(groupNames(snapshots, most))
  changes.collect(groupAddresses(snapshots, most))
  return { moves, renamed, changes: changes.all() }
}

function compiled(rules: RuleSet, generation: number): ReturnType<typeof compile> {
  // Nobody asks this snapshot, so nobody gains by making names collide; if they do, seeds differ.
  let seed = 0
  return compile(rules, { generation, random: () => seed++ })
}

/** Networks with the very same clients under another id are not moved, but renamed. */
function movesOf(areas: readonly ClientRange[]): Pick<Difference, 'moves' | 'renamed'> {
  const groups = byNetworks(areas)
  const stays = (which: 'before' | 'after', id: string | undefined): boolean =>
    groups.filter(([area]) => area!.networks[which] === id).length > 1
  const ids = (which: 'before' | 'after'): Set<string | undefined> =>
    new Set(groups.map(([area]) => area!.networks[which]))
  const [before, after] = [ids('before'), ids('after')]
  const moves: Move[] = []
  const renamed: BeforeAfter<string>[] = []
  for (const group of groups) {
    const { networks } = group[0]!
    const [was, is] = [networks.before, networks.after]
    if (was === is) continue
    const alone = !stays('before', was) && !stays('after', is)
    if (was !== undefined && is !== undefined && alone && !after.has(was) && !before.has(is))
      renamed.push({ before: was, after: is })
    else moves.push({ networks, prefixes: outermost(group) })
  }
  return { moves, renamed }
}

/** Clients that have the same rules in both, so that they are judged once. */
interface ClientGroup {
  readonly classes: BeforeAfter<number>
  /** Apps and lists of which nothing has to be judged for them: see `Steady`. */
  readonly unchanged: ReadonlySet<string>
  readonly ranges: ClientRange[]
}

/** Names with the same change for the same peers. */
interface PendingChange {
  readonly period: DifferencePeriod
  readonly clients: ClientGroup
  readonly outside: boolean
  names: number
  examples: string[]
  /** Which chains, and what of them: equal texts stand for equal names. */
  readonly groups: string[]
}

class ChangeCollector {
  private readonly steady: UnchangedSources
  private readonly peers: readonly ClientGroup[]
  private readonly gathered = new Map<string, PendingChange>()
  /** How many were looked at: number of the one at hand. */
  private chains = 0

  constructor(
    private readonly sides: BeforeAfter<SnapshotView>,
    private readonly areas: readonly ClientRange[],
    private readonly options: DifferenceOptions
  ) {
    this.steady = new UnchangedSources(sides)
    this.peers = clientGroups(areas, sides, this.steady)
  }

  /** Looks at all chains from the top one on. */
  collect(top: NameGroup): void {
    const known = new Map<NameGroup, readonly GroupPeriods[]>()
    for (const chain of top.all()) {
      this.chains++
      const sources = this.steady.sourcesOf(chain)
      const moving = this.peers.map(({ unchanged: steady }) => !isWithin(sources, steady))
      if (!moving.includes(true)) continue
      const above = chain.parent === undefined ? undefined : known.get(chain.parent)
      const subjects = subjectsOf(chain, this.sides)
      const all = this.peers.map(({ classes }, i) =>
        moving[i]! ? periodsOf(chain, subjects, this.sides, classes, this.options.at) : NO_SPANS
      )
      known.set(chain, all)
      // What is said of a name is said of those below it, unless they differ.
      all.forEach((spans, peers) => this.take(chain, spans, above?.[peers]?.below ?? [], peers))
    }
  }

  private take(
    chain: NameGroup,
    { own, below }: GroupPeriods,
    above: readonly DifferencePeriod[],
    peers: number
  ): void {
    if (own.length + below.length === 0) return
    const implied = new Set(above.map(keyOf))
    const isAddress = chain.examples[0]?.kind === 'address'
    const belowKeys = new Set(below.map(keyOf))
    const ownKeys = new Set(own.map(keyOf))
    for (const span of own) {
      const key = keyOf(span)
      if (implied.has(key)) continue
      const sign = belowKeys.has(key) || isAddress ? '' : '='
      this.gather(chain, span, sign, peers)
    }
    for (const span of isAddress ? [] : below) {
      const key = keyOf(span)
      if (!implied.has(key) && !ownKeys.has(key)) this.gather(chain, span, '*.', peers)
    }
  }

  private gather(chain: NameGroup, span: DifferencePeriod, sign: Sign, peers: number): void {
    const outside = this.isOutside(chain, sign)
    const key = `${peers} ${outside} ${keyOf(span)}`
    let found = this.gathered.get(key)
    if (found === undefined) {
      found = {
        period: span,
        clients: this.peers[peers]!,
        outside,
        names: 0,
        examples: [],
        groups: []
      }
      this.gathered.set(key, found)
    }
    found.names += chain.count
    found.examples.push(...chain.examples.map(example => sign + textOf(example)))
    found.groups.push(`${sign}${this.chains}`)
  }

  /** Whether none of the apps or lists that alone may change has these names, before or after. */
  private isOutside(chain: NameGroup, sign: Sign): boolean {
    const { only } = this.options
    if (only === undefined) return false
    const isOne = ({ kind, id }: SourceSummary): boolean => kind !== 'inline' && only.includes(id)
    const { before, after } = this.sides
    return !before.has(chain, sign === '*.', isOne) && !after.has(chain, sign === '*.', isOne)
  }

  /** Each change once, for all clients to whom it happens. */
  all(): Change[] {
    const together = new Map<string, PendingChange[]>()
    for (const gathered of this.gathered.values()) {
      const key = `${gathered.outside} ${keyOf(gathered.period)} ${gathered.groups.join(' ')}`
      together.set(key, [...(together.get(key) ?? []), gathered])
    }
    return [...together.values()].map(same => this.change(same)).sort(byImportance)
  }

  private change(same: readonly PendingChange[]): Change {
    const [{ period: span, outside, names, examples }] = same as [PendingChange]
    const areas = new Set(same.flatMap(({ clients: peers }) => peers.ranges))
    return {
      ...span,
      kind: kindOf(span.decisions),
      clients: affectedClients(this.areas, areas),
      names,
      examples: [...examples].sort(byWeight).slice(0, this.options.examples),
      outside
    }
  }
}

/** What of a name: itself and all below it, itself alone, all below it alone. */
type Sign = '' | '=' | '*.'

const NO_SPANS: GroupPeriods = { own: [], below: [] }

function isWithin(some: ReadonlySet<string> | undefined, all: ReadonlySet<string>): boolean {
  return some !== undefined && [...some].every(key => all.has(key))
}

function clientGroups(
  areas: readonly ClientRange[],
  { before, after }: BeforeAfter<SnapshotView>,
  steady: UnchangedSources
): ClientGroup[] {
  const known = new Map<string, ClientGroup>()
  for (const area of areas) {
    const { classes, networks } = area
    // Who is refused altogether has no names to be blocked; that is told as a move.
    if (networks.before === undefined || networks.after === undefined) continue
    const groups = [
      before.snapshot.clients.groupOf[classes.before],
      after.snapshot.clients.groupOf[classes.after]
    ]
    const key = groups.join(' ')
    const peers = known.get(key) ?? { classes, unchanged: steady.forClients(classes), ranges: [] }
    peers.ranges.push(area)
    known.set(key, peers)
  }
  return [...known.values()]
}

function kindOf({ before, after }: BeforeAfter<Decision>): ChangeKind {
  if (before.answerKey === after.answerKey) return 'record'
  if (before.verdict !== 'blocked') return 'blocked'
  return after.verdict === 'blocked' ? 'answer' : 'lifted'
}

function textOf(example: Example): string {
  return example.kind === 'address' ? example.text : showCanonical(showName(example.octets))
}

const KINDS: readonly ChangeKind[] = ['blocked', 'lifted', 'answer', 'record']

/** By kind, by when, then the most names first. */
function byImportance(a: Change, b: Change): number {
  const when = a.from === b.from ? 0 : a.from - b.from
  return KINDS.indexOf(a.kind) - KINDS.indexOf(b.kind) || when || b.names - a.names
}

/** Those that say most come first: with all below them, and short ones. */
function byWeight(a: string, b: string): number {
  const isPart = (text: string): number => (/^[=*]/.test(text) ? 1 : 0)
  return isPart(a) - isPart(b) || a.length - b.length || (a < b ? -1 : 1)
}
