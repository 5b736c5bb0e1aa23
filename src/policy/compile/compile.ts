import { failure } from '../../base/error.js'
import type { Seconds } from '../../base/units.js'
import type { LocalData, NameSource, Rule, RuleSet } from '../../rules/model/types.js'
import { isTimed } from '../evaluate/active-claims.js'
import {
  buildClaimIndex,
  CLAIM_TIMED,
  CLAIM_MONITOR,
  CLAIM_PASS,
  CLAIM_SHIFT,
  CLAIM_TYPED,
  type ClaimIndexBuffers,
  type ClaimToIndex
} from '../tables/claim-index.js'
import type { Claim, Snapshot, SourceSummary } from '../tables/snapshot.js'
import type { SpecialUseName } from '../tables/special-use-names.js'
import { buildTables, type BuiltTables } from './build-tables.js'
import { ClaimBuilder, isPass } from './claim-builder.js'
import { claimsInOrder, type RuleOnSource } from './claim-order.js'
import { buildClientClasses, type ClientClass } from './client-classes.js'
import { specialUseClaim, specialUseSource, specialUseEntries } from './special-use-source.js'

export interface CompileOptions {
  /** Number of the snapshot: greater than that of the one before. */
  readonly generation: number
  /** Gives 32 random bits: a whole number from 0 to 2^32 - 1. Seeds the name hashes. */
  readonly random: () => number
  /** Most slots looked at to place a name. */
  readonly maxRun?: number
  /** Special-use names that are answered where no rule speaks; none if not given. */
  readonly specialUse?: readonly SpecialUseName[]
}

/**
 * In a table loaded to 0.6 a run reaches 256 slots once in 10^5 tables of 10M names, so a longer
 * one means names that were made to collide.
 */
const MAX_RUN = 256
/** How many seeds are tried: names that crowd under all of them are beyond chance. */
const MAX_SEEDS = 8

/**
 * Compiles a rule set to an immutable snapshot in shared memory.
 *
 * @throws InterdictError POLICY_CROWDED, POLICY_BOUNDS, and what sources throw when poured
 */
export function compile(ruleSet: RuleSet, options: CompileOptions): Snapshot {
  const { networks, sha256, filesSha256, zones, bundle } = ruleSet
  const { specialUse: local = [] } = options
  const sources = usedSources(ruleSet)
  if (local.length > 0) sources.push(specialUseSource(local))
  const { seed, poured } = pour(sources, options)
  const { classes, clients } = buildClientClasses(networks)
  const { claims, groups, localGroup, cells } = compileClaims(classes, sources, poured.sources)
  const rules = new Map(networks.flatMap(({ rules }) => rules.map(rule => [rule.id, rule])))
  const data = dataOf(sources)
  const tables = { names: poured.names, clients, addresses: poured.addresses, cells }
  return {
    generation: options.generation,
    sha256,
    bundle,
    filesSha256,
    zones,
    seed,
    claims,
    sources: poured.sources,
    locals: specialUseEntries(local, poured.names, seed),
    data,
    networks: networks.map(({ id }) => id),
    classNetworks: classes.map(({ network }) => network),
    classGroups: groups,
    localGroup,
    tables,
    counts: {
      names: poured.count,
      rules: rules.size,
      networks: networks.length,
      sources: new Set(poured.sources.filter(it => it.kind !== 'local').map(({ id }) => id)).size
    },
    octets: poured.used + sharedMemoryOf([clients, poured.addresses, cells, ...data.values()]),
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
  const all = [...listed, ...pointedAt.values()]
  return all.toSorted(
    (a, b) => Number(b.part?.effect === 'pass') - Number(a.part?.effect === 'pass')
  )
}

/** The records that lists have for their names, by source. */
function dataOf(sources: readonly NameSource[]): ReadonlyMap<number, LocalData> {
  const all = sources.map(({ part }) =>
    typeof part?.effect === 'object' ? part.effect.data : undefined
  )
  return new Map(all.flatMap((data, index) => (data === undefined ? [] : [[index, data]])))
}

function pour(
  sources: readonly NameSource[],
  { random, maxRun = MAX_RUN }: CompileOptions
): { seed: number; poured: BuiltTables } {
  for (let attempt = 0; attempt < MAX_SEEDS; attempt++) {
    const seed = random() | 0
    const poured = buildTables(sources, seed, maxRun)
    if (poured !== undefined) return { seed, poured }
  }
  throw failure('POLICY_CROWDED', maxRun, MAX_SEEDS)
}

/** Claims, and their order of precedence for each group of classes with the same rules. */
function compileClaims(
  classes: readonly ClientClass[],
  sources: readonly NameSource[],
  summaries: readonly SourceSummary[]
): {
  claims: readonly Claim[]
  groups: readonly number[]
  localGroup: number
  cells: ClaimIndexBuffers
} {
  const book = new ClaimBuilder()
  const summaryOf = new Map(sources.map((source, index) => [source, summaries[index]!]))
  const rank = ({ rule, source, step }: RuleOnSource): ClaimToIndex => {
    const summary = summaryOf.get(source)!
    const number = book.numberOf(rule, source, summary)
    const claim = book.claims[number]!
    const pass = isPass(rule, source) ? CLAIM_PASS : 0
    return { source: summary.index, word: entryOf(number, claim) | pass, tier: claim.tier + step }
  }
  const ranked = (source: SourceSummary): ClaimToIndex => {
    const claim = specialUseClaim(source)
    const entry = entryOf(book.claims.push(claim) - 1, claim)
    return { source: source.index, word: entry, tier: claim.tier }
  }

  const local = summaries.filter(({ kind }) => kind === 'local').map(source => ranked(source))
  const known = new Map<string, number>(local.length === 0 ? [['', 0]] : [])
  const ranks: ClaimToIndex[][] = []
  const groups = classes.map(({ network, rules, excluded: without }) => {
    if (network === -1) return 0
    const spoken = claimsInOrder(rules, without)
    const key = spoken.map(({ rule, source }) => `${rule.id}\n${source.id}`).join('\n')
    const group = known.get(key) ?? ranks.push([...spoken.map(rank), ...local])
    known.set(key, group)
    return group
  })
  return {
    claims: book.claims,
    groups,
    localGroup: known.get('') ?? 0,
    cells: buildClaimIndex(ranks)
  }
}

function entryOf(number: number, claim: Claim): number {
  const flags = (isTimed(claim) ? CLAIM_TIMED : 0) | (claim.monitor ? CLAIM_MONITOR : 0)
  return (number << CLAIM_SHIFT) | flags | (claim.qtypes === undefined ? 0 : CLAIM_TYPED)
}

function switchesOf(rules: Iterable<Rule>): Seconds[] {
  const instants = [...rules].flatMap(({ from, until }) => [from, until])
  return [...new Set(instants.filter(Number.isFinite))].sort((a, b) => a - b)
}

function sharedMemoryOf(value: unknown): number {
  if (value instanceof SharedArrayBuffer) return value.byteLength
  if (typeof value !== 'object' || value === null) return 0
  return Object.values(value).reduce((sum: number, part) => sum + sharedMemoryOf(part), 0)
}
