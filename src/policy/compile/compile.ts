import { failure } from '../../base/errors/error.js'
import type { Octets, Seconds } from '../../base/units.js'
import { showName } from '../../wire/dns/name/name.js'
import {
  isClientPolicy,
  type LocalData,
  type NameSource,
  type Rule,
  type RuleSet
} from '../rules/model/types.js'
import {
  buildClaimIndex,
  CLAIM_CLIENT,
  CLAIM_PASS,
  CLAIM_TCP_ONLY,
  type ClaimIndexBuffers,
  type IndexedClaim
} from '../tables/claim-index.js'
import type { PackedClaims } from '../tables/claim-table.js'
import { LANGUAGES } from '../rules/model/user-explanation.js'
import { DNSSEC, ECH, EGRESS } from '../tables/client-table.js'
import { buildDns64 } from '../tables/dns64-table.js'
import { COMMON_SET, forwarderSets, setOfNetworks } from '../tables/forwarder-sets.js'
import { buildPassTable } from '../tables/pass-table.js'
import type { Pause, Snapshot } from '../tables/snapshot.js'
import { buildRecords, type RecordBuffers } from '../tables/record-table.js'
import { NameTable, type NameTableBuffers } from '../tables/name-table.js'
import { HashedName } from '../../wire/dns/name/hashed-name.js'
import { packSources, type SourceSummary } from '../tables/source-table.js'
import type { SpecialUseName } from '../tables/special-use-names.js'
import { buildNameTables, type BuiltNameTables } from './build-name-tables.js'
import { bannedSources } from './banned-sources.js'
import { ClaimBuilder, removesOwnList } from './claim-builder.js'
import { rulesOnSources, type RuleOnSource } from './claim-order.js'
import { buildClientClasses, type ClientClass } from './client-classes.js'
import { buildIdentityTable } from './build-identity-table.js'
import { withPauses } from './pauses.js'
import { specialUseClaim, specialUseEntries, specialUseSource } from './special-use-source.js'

export interface CompileOptions {
  /** Number of the snapshot: greater than that of the previous one. */
  readonly generation: number
  /** Returns 32 random bits: an integer from 0 to 2^32 - 1. Seeds the name hashes. */
  readonly random: () => number
  /** Longest run of slots to probe when placing a name. */
  readonly maxRun?: number
  /** Special-use names to answer locally where no rule applies; none by default. */
  readonly specialUse?: readonly SpecialUseName[]
  /** None by default. */
  readonly pauses?: readonly Pause[]
  /**
   * Log the lookups of names that bans cover whatever the decision, and of these names, which no ban covers any
   * more. Undefined: log nothing but decisions of rules.
   */
  readonly formerBans?: readonly NameSource[] | undefined
}

/**
 * In a table loaded to 0.6 a run reaches 256 slots once in 10^5 tables of 10M names, so a longer
 * one means names that were made to collide.
 */
const MAX_RUN = 256
/** How many seeds to try: names that collide under all of them do not do so by chance. */
const MAX_SEEDS = 8

/**
 * Compiles a rule set to an immutable snapshot in shared memory.
 *
 * @throws InterdictError POLICY_CROWDED, POLICY_BOUNDS, and whatever a source throws while it
 *   writes its names
 */
export function compile(given: RuleSet, options: CompileOptions): Snapshot {
  const { specialUse = [], pauses = [], formerBans } = options
  const ruleSet = withPauses(given, pauses)
  const { networks, clients, sha256, filesSha256, zones, bundle, asns } = ruleSet
  const mustResolve = ruleSet.mustResolve?.map(({ name }) => showName(name)) ?? []
  const dnssecExceptions = (ruleSet.dnssecExceptions ?? []).map(
    ({ name, purpose, approvedBy, from, until }) => {
      return { name, text: showName(name), purpose, approvedBy, from, until }
    }
  )
  const { trustAnchors = [] } = ruleSet
  const sources = [...usedSources(ruleSet), ...(formerBans ?? [])]
  if (specialUse.length > 0) sources.push(specialUseSource(specialUse))
  const built = buildWithSomeSeed(sources, options)
  const { names, addresses, summaries } = built
  const identified = new Set(clients?.clients.map(({ network }) => network))
  const { classes, prefixes, identityClasses } = buildClientClasses(networks, identified)
  const identities = buildIdentityTable(clients, networks, identityClasses)
  const { packed, groupOf, specialUseGroup, index } = compileClaims(classes, sources, summaries)
  const forwarders = forwarderSets(networks)
  const setOf = setOfNetworks(networks, forwarders)
  const dns64 = buildDns64(networks)
  const rules = new Set<Rule>()
  for (const network of networks) for (const rule of network.rules) rules.add(rule)
  const localData = localDataOf(sources)
  const records = recordsOf(sources, names)
  const sourceList = packSources(summaries)
  return {
    generation: options.generation,
    origin: {
      ...{ sha256, filesSha256, zones, bundle, pauses },
      ...(asns && { asns }),
      ...(mustResolve.length > 0 && { mustResolve }),
      ...(dnssecExceptions.length > 0 && { dnssecExceptions }),
      ...(trustAnchors.length > 0 && { trustAnchors })
    },
    clients: {
      networks: networks.map(({ id }) => id),
      prefixes,
      networkOf: Int32Array.from(classes, ({ network }) => network),
      ech: Uint8Array.from(classes, ({ network }) => ECH[networks[network]?.ech ?? 'pass']),
      dnssec: Uint8Array.from(classes, ({ network }) => DNSSEC[networks[network]?.dnssec ?? 'off']),
      egress: Uint8Array.from(classes, ({ network }) => EGRESS[networks[network]?.egress ?? 'off']),
      forwarders: Int32Array.from(classes, ({ network }) => setOf[network] ?? COMMON_SET),
      dns64: Int32Array.from(classes, ({ network }) => dns64.ofNetworks[network] ?? -1),
      languages: Uint8Array.from(classes, ({ network }) =>
        LANGUAGES.indexOf(networks[network]?.language ?? LANGUAGES[0])
      ),
      groupOf: Int32Array.from(groupOf),
      ...(identities && { identities }),
      specialUseGroup
    },
    forwarders,
    dns64: dns64.all,
    names,
    addresses,
    sources: {
      list: sourceList,
      passes: buildPassTable(summaries),
      localData,
      records,
      logged: loggedOf(sources, formerBans === undefined ? new Set() : bannedSources(ruleSet))
    },
    claims: { ...packed, index, changeTimes: changeTimesOf(rules, sources) },
    specialUse: specialUseEntries(specialUse, names),
    counts: {
      names: built.ruleNames,
      rules: rules.size,
      bans: [...rules].filter(({ kind }) => kind === 'ban').length,
      networks: networks.length,
      sources: new Set(summaries.filter(isOfRules).map(({ id }) => id)).size
    },
    octets:
      built.used +
      sharedMemoryOf([
        ...[prefixes, addresses, index, sourceList, packed.list],
        ...localData.values(),
        ...records.values()
      ])
  }
}

/**
 * Sources that some rule refers to: an app that nobody bans takes no memory. Pass parts come first,
 * since `Policy` has to see what a list passes before the rest of that list; enclosers come last,
 * since they exclude what a zone has for shorter names only.
 */
export function usedSources({ sources, networks }: RuleSet): NameSource[] {
  const used = new Set<NameSource>()
  for (const { rules } of networks) {
    for (const rule of rules) for (const source of rule.sources) used.add(source)
  }
  const all = [...new Set([...sources.filter(source => used.has(source)), ...used])]
  return all.toSorted((a, b) => positionOf(a) - positionOf(b))
}

function positionOf({ part }: NameSource): number {
  if (part?.effect === 'pass') return 0
  return part?.effect === 'encloser' ? 2 : 1
}

function isOfRules({ kind }: Pick<NameSource, 'kind'>): boolean {
  return kind !== 'local' && kind !== 'logged' && kind !== 'record'
}

/** `SourceTable.logged` */
function loggedOf(sources: readonly NameSource[], banned: ReadonlySet<NameSource>): Uint8Array {
  return Uint8Array.from(sources, source =>
    source.kind === 'logged' || banned.has(source) ? 1 : 0
  )
}

/** The DNS records that lists have for their names, by source. */
function localDataOf(sources: readonly NameSource[]): ReadonlyMap<number, LocalData> {
  const all = sources.map(({ part }) =>
    typeof part?.effect === 'object' ? part.effect.data : undefined
  )
  return new Map(all.flatMap((data, index) => (data === undefined ? [] : [[index, data]])))
}

/** The local records of networks, by source. */
function recordsOf(
  sources: readonly NameSource[],
  names: NameTableBuffers
): ReadonlyMap<number, RecordBuffers> {
  const table = new NameTable(names)
  const hashed = new HashedName()
  const entryOf = (name: Uint8Array): number => {
    hashed.set(name, 0, names.seed)
    return hashed.labels === 0 ? table.root : table.find(hashed, 0)
  }
  return new Map(
    sources.flatMap(({ nodes }, index) =>
      nodes === undefined ? [] : [[index, buildRecords(nodes, entryOf)]]
    )
  )
}

function buildWithSomeSeed(
  sources: readonly NameSource[],
  { random, maxRun = MAX_RUN }: CompileOptions
): BuiltNameTables {
  for (let attempt = 0; attempt < MAX_SEEDS; attempt++) {
    const built = buildNameTables(sources, random() | 0, maxRun)
    if (built !== undefined) return built
  }
  throw failure('POLICY_CROWDED', maxRun, MAX_SEEDS)
}

type ClaimToIndex = Omit<IndexedClaim, 'order'>

interface CompiledClaims {
  readonly packed: PackedClaims
  readonly index: ClaimIndexBuffers
  readonly groupOf: readonly number[]
  readonly specialUseGroup: number
}

/** Claims, and their order of precedence for each group of classes with the same rules. */
function compileClaims(
  classes: readonly ClientClass[],
  sources: readonly NameSource[],
  summaries: readonly SourceSummary[]
): CompiledClaims {
  const builder = new ClaimBuilder()
  const summaryOf = new Map(sources.map((source, index) => [source, summaries[index]!]))
  const toIndex = ({ rule, source, nth, step, phase }: RuleOnSource): ClaimToIndex => {
    const summary = summaryOf.get(source)!
    const built = builder.claimOf(rule, nth, summary, phase)
    const flags =
      built.flags |
      (removesOwnList(rule, source) ? CLAIM_PASS : 0) |
      (source.part?.overTcp === true ? CLAIM_TCP_ONLY : 0) |
      (isClientPolicy(source) ? CLAIM_CLIENT : 0)
    return { source: summary.index, claim: built.claim, flags, tier: built.tier + step }
  }
  const specialUse = summaries
    .filter(({ kind }) => kind === 'local')
    .map((source): ClaimToIndex => {
      return { source: source.index, ...builder.add(specialUseClaim(source)) }
    })

  const groupByRules = new Map<string, number>(specialUse.length === 0 ? [['', 0]] : [])
  const groups: ClaimToIndex[][] = []
  const groupOf = classes.map(({ network, rules, excluded }) => {
    if (network === -1) return 0
    const claims = rulesOnSources(rules, excluded).map(toIndex)
    const key = claims.map(({ claim }) => claim).join()
    const known = groupByRules.get(key)
    if (known !== undefined) return known
    const group = groups.push(specialUse.length === 0 ? claims : [...claims, ...specialUse])
    groupByRules.set(key, group)
    return group
  })
  const specialUseGroup = groupByRules.get('') ?? 0
  return { packed: builder.finish(), index: buildClaimIndex(groups), groupOf, specialUseGroup }
}

function changeTimesOf(rules: Iterable<Rule>, sources: readonly NameSource[]): Seconds[] {
  const instants = new Set(sources.flatMap(({ monitoredUntil = [] }) => monitoredUntil))
  for (const { from, until } of rules) instants.add(from).add(until)
  return [...instants].filter(Number.isFinite).sort((a, b) => a - b)
}

/** Size of all shared memory in a value. */
function sharedMemoryOf(value: unknown): Octets {
  if (value instanceof SharedArrayBuffer) return value.byteLength
  if (typeof value !== 'object' || value === null) return 0
  return Object.values(value).reduce((sum: number, part) => sum + sharedMemoryOf(part), 0)
}
