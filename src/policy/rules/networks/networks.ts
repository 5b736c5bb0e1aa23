import { containsPrefix, isMapped, showPrefix, type Prefix } from '../../../base/values/address.js'
import { showPosition } from '../../../base/errors/position.js'
import type { Seconds } from '../../../base/units.js'
import { readName } from '../../../wire/dns/name/name.js'
import { AsnRegistry } from '../asn/asn-prefixes.js'
import type { App } from '../apps/app-file.js'
import { buildClients, clientNetworks } from '../clients/clients.js'
import { checkBlanketExceptions } from './blanket-exceptions.js'
import type { ClientAuthority, ClientRules } from '../model/client-types.js'
import type { Location } from '../model/location.js'
import { declaredScopes } from './declared-scopes.js'
import { MisleadingRules } from './misleading-rules.js'
import { RuleIds } from './rule-ids.js'
import { SourceResolver } from './source-resolver.js'
import type {
  DnssecException,
  DeclaredScope,
  NameSource,
  NetworkRules,
  Rule,
  RuleSet,
  MustResolve
} from '../model/types.js'
import {
  hasRecords,
  readRecords,
  recordRule,
  type LocalRecords,
  type RecordFile
} from '../records/record-rules.js'
import type { AnsweredZone } from '../records/local-zones.js'
import { warnAboutMeetings, type WrittenRecords } from '../records/meeting-rules.js'
import { buildDnssecExceptions } from './dnssec-exceptions.js'
import { RuleBuilder } from './rule-builder.js'
import type { MatchEntry, NetworkEntry, NetworksFile } from '../schema/networks-schema.js'
import { Dates } from '../time/dates.js'
import { withAncestors } from './extends.js'
import { warnAboutWidePrefixes } from './wide-prefixes.js'

export interface Networks {
  readonly networks: readonly NetworkRules[]
  /** Sources of names written into the rules. */
  readonly inline: readonly NameSource[]
  readonly scopes: readonly DeclaredScope[]
  readonly clients: ClientRules | undefined
  /** IANA name of the time zone of its dates. */
  readonly timeZone: string
  readonly site: NonNullable<RuleSet['site']>
  readonly mustResolve: readonly MustResolve[]
  readonly dnssecExceptions: readonly DnssecException[]
  readonly trustAnchors: readonly string[]
}

/** What a network takes from the nearest network that it extends. */
type InheritedKey = 'ech' | 'dnssec' | 'egress' | 'dns64' | 'forward' | 'language'
/** The networks of a file by id. */
type NetworkEntries = readonly (readonly [id: string, entry: NetworkEntry])[]

/**
 * Builds the networks of a file, with their own rules and the rules of the networks they extend. Errors are
 * added to `top`, the location of the whole file.
 *
 * @param now for warnings of rules that have expired
 */
export function buildNetworks(
  file: NetworksFile,
  apps: ReadonlyMap<string, App>,
  lists: ReadonlyMap<string, readonly NameSource[]>,
  top: Location,
  now: Seconds,
  authorities: readonly ClientAuthority[] = [],
  recordFiles: ReadonlyMap<string, RecordFile> = new Map(),
  asns = new AsnRegistry()
): Networks {
  const location = top.at('networks')
  const entries = Object.entries(file.networks)
  const ids = new RuleIds(explicitIds(entries, location))
  const sources = new SourceResolver(apps, lists, asns)
  const timeZone = file.defaults['time-zone']
  const dates = new Dates(timeZone, now)
  const builder = new RuleBuilder(sources, ids, dates, file)
  const own = new Map(
    entries.map(([id, entry]) => [id, builder.rulesOf(id, entry, location.at(id))])
  )
  checkDuplicatePrefixes(entries, location)

  const lineage = new Map(entries.map(([id]) => [id, withAncestors(id, file.networks, location)]))
  const local = buildLocalRecords(file, recordFiles, lineage, ids, top)
  for (const [id, rule] of local.rules) own.set(id, [...own.get(id)!, rule])
  const networks = entries.map(([id, { prefixes, title: titles }]) => {
    const ancestors = lineage.get(id)!
    const inherited =
      ancestors.length === 1 ? own.get(id)! : ancestors.flatMap(name => own.get(name) ?? [])
    const rules = local.ofAll === undefined ? inherited : [...inherited, local.ofAll]
    const first = <K extends InheritedKey>(key: K) =>
      ancestors.map(name => file.networks[name]?.[key]).find(it => it !== undefined)
    const language = first('language') ?? file.defaults.language
    const position = location.at(id).keyPosition
    const [ech, dnssec, egress] = [first('ech'), first('dnssec'), first('egress')]
    const forward = forwardedNames(first('forward'))
    const given = first('dns64') ?? file.defaults.dns64
    const dns64 = given === 'off' ? undefined : given
    const answers = { ech, dnssec, egress, dns64, forward, language }
    return { id, position, prefixes, ...answers, titles, rules }
  })
  const identified = clientNetworks(file)
  const served = networks.filter(({ id, prefixes }) => prefixes.length > 0 || identified.has(id))
  if (served.length === 0) top.error('RULES_NO_NETWORK')
  const holders = networksByException(served)
  checkExceptionPrefixes(entries, own, holders, location)
  const { 'max-share': maxShare } = file.exceptions
  checkBlanketExceptions(entries, own, served, holders, location, maxShare, now)
  for (const network of served) warnAboutMissingPairs(network, apps, location)
  for (const [id, entry] of entries) warnAboutWidePrefixes(entry, location.at(id))
  warnAboutMeetings(served, local.written, location.warnings)
  new MisleadingRules(entries, apps, own, lineage, served, location, now).warn()
  const { language, register } = file.defaults
  const site = { language, register }
  const clients = buildClients(file, authorities, served, top)
  const known = new Set([...apps.keys(), ...lists.keys()])
  const scopes = declaredScopes(file, known, served, top.at('scope'))
  const mustResolve = file['must-resolve'].map(({ name, text }, i) => {
    const { messagePosition, pathText } = top.at('must-resolve', i)
    return { name, text, path: pathText, position: messagePosition }
  })
  const dnssecExceptions = buildDnssecExceptions(file, dates, top)
  const { inline } = sources
  const names = { mustResolve, dnssecExceptions, trustAnchors: file.dnssec['trust-anchors'] }
  return { networks: served, inline, scopes, clients, timeZone, site, ...names }
}

function forwardedNames(forward: NetworkEntry['forward']): NetworkRules['forward'] {
  if (forward === undefined) return undefined
  return Object.entries(forward).map(([domain, servers]) => ({
    domain,
    name: readName(domain),
    servers
  }))
}

/** The rules made of the records of each network that has any, and of those for all networks. */
function buildLocalRecords(
  { networks, defaults }: NetworksFile,
  files: ReadonlyMap<string, RecordFile>,
  lineage: ReadonlyMap<string, readonly string[]>,
  ids: RuleIds,
  top: Location
): {
  readonly rules: ReadonlyMap<string, Rule>
  readonly ofAll: Rule | undefined
  readonly written: readonly WrittenRecords[]
} {
  const shared = top.at('defaults')
  const ofAll = hasRecords(defaults) ? readRecords(defaults, files, shared) : undefined
  const holders = Object.entries(networks).filter(([, entry]) => hasRecords(entry))
  const read = new Map(
    holders.map(([id, entry]) => [id, readRecords(entry, files, top.at('networks', id))])
  )
  const ruleOf = (
    id: string,
    records: LocalRecords,
    inherited: readonly AnsweredZone[],
    at: Location
  ): Rule => {
    ids.startNetwork()
    return recordRule(ids.unique(`${id}/records`), id, records, inherited, at)
  }
  const rules = [...read].map(([id, records]): [string, Rule] => {
    const parents = lineage.get(id)!.slice(1)
    const zones = parents.flatMap(parent => read.get(parent)?.zones ?? [])
    const inherited = [...zones, ...(ofAll?.zones ?? [])]
    return [id, ruleOf(id, records, inherited, top.at('networks', id, 'records'))]
  })
  const rule = ofAll && ruleOf('defaults', ofAll, [], shared.at('records'))
  const written = rules.map(([id, own]) => ({ rule: own, ...read.get(id)! }))
  if (rule !== undefined) written.push({ rule, ...ofAll! })
  return { rules: new Map(rules), ofAll: rule, written }
}

/** Ids given in the file; rejects duplicates. */
function explicitIds(networks: NetworkEntries, location: Location): Iterable<string> {
  const seen = new Map<string, Location>()
  for (const [id, network] of networks) {
    for (const kind of ['exceptions', 'bans', 'allow', 'block'] as const) {
      const entries = network[kind]
      for (let i = 0; i < entries.length; i++) {
        const { id: given } = entries[i]! as Partial<MatchEntry>
        if (given === undefined) continue
        const at = location.at(id, kind, i, 'id')
        const other = seen.get(given)
        if (other)
          at.error('RULES_ID_TWICE', at.pathText, given, showPosition(other.messagePosition))
        else seen.set(given, at)
      }
    }
  }
  return seen.keys()
}

/** A prefix in two networks would leave it undefined which rules apply to its clients. */
function checkDuplicatePrefixes(networks: NetworkEntries, location: Location): void {
  const seen = new Map<string | number, { readonly id: string; readonly index: number }>()
  for (const [id, { prefixes }] of networks) {
    for (let index = 0; index < prefixes.length; index++) {
      const key = keyOf(prefixes[index]!)
      const other = seen.get(key)
      if (other === undefined) {
        seen.set(key, { id, index })
        continue
      }
      const at = location.at(id, 'prefixes', index)
      const { messagePosition } = location.at(other.id, 'prefixes', other.index)
      const text = showPrefix(prefixes[index]!)
      at.error('RULES_PREFIX_TWICE', at.pathText, text, showPosition(messagePosition))
    }
  }
}

/** Unique. Numbers, since nearly all prefixes are of IPv4, and there may be 100,000. */
function keyOf({ address, length }: Prefix): string | number {
  if (!isMapped(address)) return String.fromCharCode(length, ...address)
  let ipv4 = 0
  for (let i = 12; i < 16; i++) ipv4 = 256 * ipv4 + address[i]!
  return length * 2 ** 32 + ipv4
}

/** The networks that have each exception: its own, and those that extend it. */
function networksByException(
  served: readonly NetworkRules[]
): ReadonlyMap<Rule, readonly NetworkRules[]> {
  const holders = new Map<Rule, NetworkRules[]>()
  for (const network of served) {
    for (const rule of network.rules) {
      if (rule.kind !== 'exception') continue
      const known = holders.get(rule)
      if (known === undefined) holders.set(rule, [network])
      else known.push(network)
    }
  }
  return holders
}

/** The prefixes of an exception must lie within a network that has it, its own or an extending one. */
function checkExceptionPrefixes(
  networks: NetworkEntries,
  own: ReadonlyMap<string, readonly Rule[]>,
  holders: ReadonlyMap<Rule, readonly NetworkRules[]>,
  location: Location
): void {
  for (const [id, { exceptions }] of networks) {
    for (const [i, { prefixes = [] }] of exceptions.entries()) {
      // The rules of a network begin with its exceptions, in order.
      const rule = own.get(id)![i]!
      const room = (holders.get(rule) ?? []).flatMap(it => it.prefixes)
      for (const [j, prefix] of prefixes.entries()) {
        if (room.some(outer => containsPrefix(outer, prefix))) continue
        const at = location.at(id, 'exceptions', i, 'prefixes', j)
        at.error('RULES_PREFIX_OUTSIDE', at.pathText, showPrefix(prefix), id)
      }
    }
  }
}

/**
 * Warns of each app that is banned in a network without its successor, or without the shared names
 * that its file pairs with it. Paired apps are left to the operator.
 */
function warnAboutMissingPairs(
  network: NetworkRules,
  apps: ReadonlyMap<string, App>,
  location: Location
): void {
  const banned = new Set<string>()
  for (const { kind, sources } of network.rules) {
    if (kind !== 'ban') continue
    for (const source of sources) if (source.kind === 'app') banned.add(source.id)
  }
  for (const id of banned) {
    const { successor, pairsWith = [] } = apps.get(id) ?? {}
    if (successor !== undefined && apps.has(successor) && !banned.has(successor)) {
      const at = location.at(network.id)
      at.warn('RULES_SUCCESSOR_MISSING', at.pathText, id, successor)
    }
    for (const pair of pairsWith) {
      if (banned.has(pair) || apps.get(pair)?.kind !== 'shared') continue
      const at = location.at(network.id)
      at.warn('RULES_PAIR_MISSING', at.pathText, id, pair)
    }
  }
}
