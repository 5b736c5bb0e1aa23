import { failure } from '../base/error.js'
import type { Seconds } from '../base/units.js'
import type { NameSource, Rule, RuleSet } from '../rules/types.js'
import {
  compileCells,
  ENTRY_DATED,
  ENTRY_MONITOR,
  ENTRY_SHIFT,
  type CellBuffers,
  type Ranked
} from './cells.js'
import { ClaimBook } from './claims.js'
import { localClaim, localSource, placed } from './local-source.js'
import type { LocalName } from './local-names.js'
import { compileClasses, type ClientClass } from './client-classes.js'
import { pourSources, type Poured } from './pour.js'
import { TIER, type Claim, type Snapshot, type SourceSummary } from './snapshot.js'

export interface CompileOptions {
  /** Number of the snapshot: greater than that of the one before. */
  readonly generation: number
  /** Gives 32 random bits: a whole number from 0 to 2^32 - 1. Seeds the name hashes. */
  readonly random: () => number
  /** Most slots looked at to place a name. */
  readonly maxRun?: number
  /** Special-use names that are answered where no rule speaks; none if not given. */
  readonly local?: readonly LocalName[]
}

/**
 * In a table loaded to 0.6 a run reaches 256 slots once in 10^5 tables of 10M names, so a longer
 * one means names that were made to collide.
 */
const MAX_RUN = 256
/** How many seeds are tried: names that crowd under all of them are beyond chance. */
const MAX_TRIES = 8

/**
 * Compiles a rule set to an immutable snapshot in shared memory.
 *
 * @throws InterdictError POLICY_CROWDED, POLICY_BOUNDS, and what sources throw when poured
 */
export function compile(ruleSet: RuleSet, options: CompileOptions): Snapshot {
  const { networks, sha256 } = ruleSet
  const { local = [] } = options
  const sources = usedSources(ruleSet)
  if (local.length > 0) sources.push(localSource(local))
  const { seed, poured } = pour(sources, options)
  const { classes, clients } = compileClasses(networks)
  const { claims, groups, localGroup, cells } = compileClaims(classes, poured.sources)
  const rules = new Map(networks.flatMap(({ rules }) => rules.map(rule => [rule.id, rule])))
  const tables = { names: poured.names, clients, addresses: poured.addresses, cells }
  return {
    generation: options.generation,
    sha256,
    seed,
    claims,
    sources: poured.sources,
    locals: placed(local, poured.names, seed),
    networks: networks.map(({ id }) => id),
    classNetworks: classes.map(({ network }) => network),
    classGroups: groups,
    localGroup,
    tables,
    counts: {
      names: poured.count,
      rules: rules.size,
      networks: networks.length,
      sources: poured.sources.filter(({ kind }) => kind !== 'local').length
    },
    octets: poured.used + octetsOf([clients, poured.addresses, cells]),
    switches: switchesOf(rules.values())
  }
}

/** Sources that some rule points at; an app that nobody bans takes no memory. */
function usedSources({ sources, networks }: RuleSet): NameSource[] {
  const pointedAt = new Map<string, NameSource>()
  for (const rule of new Set(networks.flatMap(({ rules }) => rules))) {
    for (const source of rule.sources) pointedAt.set(source.id, source)
  }
  const listed = sources.filter(({ id }) => pointedAt.has(id))
  for (const { id } of listed) pointedAt.delete(id)
  return [...listed, ...pointedAt.values()]
}

function pour(
  sources: readonly NameSource[],
  { random, maxRun = MAX_RUN }: CompileOptions
): { seed: number; poured: Poured } {
  for (let attempt = 0; attempt < MAX_TRIES; attempt++) {
    const seed = random() | 0
    const poured = pourSources(sources, seed, maxRun)
    if (poured !== undefined) return { seed, poured }
  }
  throw failure('POLICY_CROWDED', maxRun, MAX_TRIES)
}

/** Claims, and their order of precedence for each group of classes with the same rules. */
function compileClaims(
  classes: readonly ClientClass[],
  sources: readonly SourceSummary[]
): { claims: readonly Claim[]; groups: readonly number[]; localGroup: number; cells: CellBuffers } {
  const book = new ClaimBook()
  const sourceOf = new Map(sources.map(source => [source.id, source]))
  const rank = (rule: Rule): Ranked[] =>
    rule.sources.map(({ id }) => {
      const source = sourceOf.get(id)!
      const claim = book.claimOf(rule, source)
      return { source: source.index, entry: entryOf(claim, book.claims[claim]!) }
    })
  const ranked = (source: SourceSummary): Ranked => {
    const claim = localClaim(source)
    return { source: source.index, entry: entryOf(book.claims.push(claim) - 1, claim) }
  }

  const local = sources.filter(({ kind }) => kind === 'local').map(source => ranked(source))
  const known = new Map<string, number>(local.length === 0 ? [['', 0]] : [])
  const ranks: Ranked[][] = []
  const groups = classes.map(({ network, rules }) => {
    if (network === -1) return 0
    const key = rules.map(({ id }) => id).join('\n')
    const group = known.get(key) ?? ranks.push([...byTier(rules).flatMap(rank), ...local])
    known.set(key, group)
    return group
  })
  return { claims: book.claims, groups, localGroup: known.get('') ?? 0, cells: compileCells(ranks) }
}

/**
 * Order between the rules of one source: exceptions before the bans that they take away, then by
 * tier; in a tier as the network has them.
 */
function byTier(rules: readonly Rule[]): Rule[] {
  return rules.toSorted((a, b) => TIER[a.kind] - TIER[b.kind])
}

function entryOf(claim: number, { from, until, monitor }: Claim): number {
  const dated = from !== -Infinity || until !== Infinity
  return (claim << ENTRY_SHIFT) | (dated ? ENTRY_DATED : 0) | (monitor ? ENTRY_MONITOR : 0)
}

function switchesOf(rules: Iterable<Rule>): Seconds[] {
  const instants = [...rules].flatMap(({ from, until }) => [from, until])
  return [...new Set(instants.filter(Number.isFinite))].sort((a, b) => a - b)
}

function octetsOf(value: unknown): number {
  if (value instanceof SharedArrayBuffer) return value.byteLength
  if (typeof value !== 'object' || value === null) return 0
  return Object.values(value).reduce((sum: number, part) => sum + octetsOf(part), 0)
}
