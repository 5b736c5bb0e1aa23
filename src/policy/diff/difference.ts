import type { Seconds } from '../../base/units.js'
import { showCanonical, showName } from '../../dns/name/name.js'
import type { RuleSet } from '../../rules/model/types.js'
import { compile } from '../compile/compile.js'
import type { Standing } from '../evaluate/standing.js'
import type { SourceSummary } from '../tables/snapshot.js'
import { areasOf, byNetworks, outermost, placesOf, type Area, type Place } from './areas.js'
import { addressChains, nameChains, type Both, type Chain, type Example } from './chains.js'
import { Side } from './side.js'
import { keyOf, spansOf, subjectsOf, type ChainSpans, type Span } from './spans.js'
import { Steady } from './steady.js'

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
export interface Change extends Span {
  readonly kind: ChangeKind
  readonly places: readonly Place[]
  /** How many names and prefixes of addresses; names below one of them are not counted. */
  readonly names: number
  /** Some of them as rule files have them, short ones first. */
  readonly examples: readonly string[]
  /** Whether it is none of the apps or lists that alone may change. */
  readonly outside: boolean
}

/** Clients that are in another network now. */
export interface Move {
  readonly networks: Both<string | undefined>
  readonly prefixes: readonly string[]
}

export interface Difference {
  readonly moves: readonly Move[]
  /** Networks with another id and the very same clients. */
  readonly renamed: readonly Both<string>[]
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
export function difference(rules: Both<RuleSet>, options: DifferenceOptions): Difference {
  const snapshots = { before: compiled(rules.before, 1), after: compiled(rules.after, 2) }
  const sides = {
    before: new Side(snapshots.before, 'before'),
    after: new Side(snapshots.after, 'after')
  }
  const policies = { before: sides.before.standings.policy, after: sides.after.standings.policy }
  const areas = areasOf(rules, policies)
  const { moves, renamed } = movesOf(areas)
  const changes = new Changes(sides, areas, options)
  const most = Math.max(options.examples, CHOICE)
  changes.look(nameChains(snapshots, most))
  changes.look(addressChains(snapshots, most))
  return { moves, renamed, changes: changes.all() }
}

function compiled(rules: RuleSet, generation: number): ReturnType<typeof compile> {
  // Nobody asks this snapshot, so nobody gains by making names collide; if they do, seeds differ.
  let seed = 0
  return compile(rules, { generation, random: () => seed++ })
}

/** Networks with the very same clients under another id are not moved, but renamed. */
function movesOf(areas: readonly Area[]): Pick<Difference, 'moves' | 'renamed'> {
  const groups = byNetworks(areas)
  const stays = (which: 'before' | 'after', id: string | undefined): boolean =>
    groups.filter(([area]) => area!.networks[which] === id).length > 1
  const ids = (which: 'before' | 'after'): Set<string | undefined> =>
    new Set(groups.map(([area]) => area!.networks[which]))
  const [before, after] = [ids('before'), ids('after')]
  const moves: Move[] = []
  const renamed: Both<string>[] = []
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
interface Peers {
  readonly classes: Both<number>
  /** Apps and lists of which nothing has to be judged for them: see `Steady`. */
  readonly steady: ReadonlySet<string>
  readonly areas: Area[]
}

/** Names with the same change for the same peers. */
interface Gathered {
  readonly span: Span
  readonly peers: Peers
  readonly outside: boolean
  names: number
  examples: string[]
  /** Which chains, and what of them: equal texts stand for equal names. */
  readonly of: string[]
}

class Changes {
  private readonly steady: Steady
  private readonly peers: readonly Peers[]
  private readonly gathered = new Map<string, Gathered>()
  /** How many were looked at: number of the one at hand. */
  private chains = 0

  constructor(
    private readonly sides: Both<Side>,
    private readonly areas: readonly Area[],
    private readonly options: DifferenceOptions
  ) {
    this.steady = new Steady(sides)
    this.peers = peersOf(areas, sides, this.steady)
  }

  /** Looks at all chains from the top one on. */
  look(top: Chain): void {
    const known = new Map<Chain, readonly ChainSpans[]>()
    for (const chain of top.all()) {
      this.chains++
      const sources = this.steady.sourcesOf(chain)
      const moving = this.peers.map(({ steady }) => !isWithin(sources, steady))
      if (!moving.includes(true)) continue
      const above = chain.above === undefined ? undefined : known.get(chain.above)
      const subjects = subjectsOf(chain, this.sides)
      const all = this.peers.map(({ classes }, i) =>
        moving[i]! ? spansOf(chain, subjects, this.sides, classes, this.options.at) : NO_SPANS
      )
      known.set(chain, all)
      // What is said of a name is said of those below it, unless they differ.
      all.forEach((spans, peers) => this.take(chain, spans, above?.[peers]?.below ?? [], peers))
    }
  }

  private take(
    chain: Chain,
    { own, below }: ChainSpans,
    above: readonly Span[],
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

  private gather(chain: Chain, span: Span, sign: Sign, peers: number): void {
    const outside = this.isOutside(chain, sign)
    const key = `${peers} ${outside} ${keyOf(span)}`
    let found = this.gathered.get(key)
    if (found === undefined) {
      found = { span, peers: this.peers[peers]!, outside, names: 0, examples: [], of: [] }
      this.gathered.set(key, found)
    }
    found.names += chain.count
    found.examples.push(...chain.examples.map(example => sign + textOf(example)))
    found.of.push(`${sign}${this.chains}`)
  }

  /** Whether none of the apps or lists that alone may change has these names, before or after. */
  private isOutside(chain: Chain, sign: Sign): boolean {
    const { only } = this.options
    if (only === undefined) return false
    const isOne = ({ kind, id }: SourceSummary): boolean => kind !== 'inline' && only.includes(id)
    const { before, after } = this.sides
    return !before.has(chain, sign === '*.', isOne) && !after.has(chain, sign === '*.', isOne)
  }

  /** Each change once, for all clients to whom it happens. */
  all(): Change[] {
    const together = new Map<string, Gathered[]>()
    for (const gathered of this.gathered.values()) {
      const key = `${gathered.outside} ${keyOf(gathered.span)} ${gathered.of.join(' ')}`
      together.set(key, [...(together.get(key) ?? []), gathered])
    }
    return [...together.values()].map(same => this.change(same)).sort(byImportance)
  }

  private change(same: readonly Gathered[]): Change {
    const [{ span, outside, names, examples }] = same as [Gathered]
    const areas = new Set(same.flatMap(({ peers }) => peers.areas))
    return {
      ...span,
      kind: kindOf(span.standings),
      places: placesOf(this.areas, areas),
      names,
      examples: [...examples].sort(byWeight).slice(0, this.options.examples),
      outside
    }
  }
}

/** What of a name: itself and all below it, itself alone, all below it alone. */
type Sign = '' | '=' | '*.'

const NO_SPANS: ChainSpans = { own: [], below: [] }

function isWithin(some: ReadonlySet<string> | undefined, all: ReadonlySet<string>): boolean {
  return some !== undefined && [...some].every(key => all.has(key))
}

function peersOf(areas: readonly Area[], { before, after }: Both<Side>, steady: Steady): Peers[] {
  const known = new Map<string, Peers>()
  for (const area of areas) {
    const { classes, networks } = area
    // Who is refused altogether has no names to be blocked; that is told as a move.
    if (networks.before === undefined || networks.after === undefined) continue
    const groups = [
      before.snapshot.classGroups[classes.before],
      after.snapshot.classGroups[classes.after]
    ]
    const key = groups.join(' ')
    const peers = known.get(key) ?? { classes, steady: steady.forClients(classes), areas: [] }
    peers.areas.push(area)
    known.set(key, peers)
  }
  return [...known.values()]
}

function kindOf({ before, after }: Both<Standing>): ChangeKind {
  if (before.answer === after.answer) return 'record'
  if (before.what !== 'blocked') return 'blocked'
  return after.what === 'blocked' ? 'answer' : 'lifted'
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
