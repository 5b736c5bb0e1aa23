import type { Seconds } from '../../base/units.js'
import { prefixesBetween } from '../../base/values/address-map.js'
import {
  addressOf,
  addressWords,
  isMapped,
  readAddress,
  showAddress,
  showPrefix,
  type Address
} from '../../base/values/address.js'
import { PrefixTable } from '../../base/values/prefix-table.js'
import type { EgressPorts } from '../../policy/egress/egress-addresses.js'
import { isBanned } from '../../policy/evaluate/client-pair.js'
import { Policy } from '../../policy/evaluate/policy.js'
import type { NameSource, RuleSet } from '../../policy/rules/model/types.js'
import { AddressTable } from '../../policy/tables/address-table.js'
import { EGRESS, networkOfClass } from '../../policy/tables/client-table.js'
import { Decision } from '../../policy/tables/decision.js'
import type { Snapshot } from '../../policy/tables/snapshot.js'
import { HashedName } from '../../wire/dns/name/hashed-name.js'
import { readName } from '../../wire/dns/name/name.js'
import { RRTYPE } from '../../wire/dns/registry/rrtype.js'
import { namesOf } from '../probe/ban-names.js'
import { enforcedBans } from '../probe/probe-clients.js'
import { MAX_GROUPS, type DenyGroup } from './helper-protocol.js'

/** Clients to whom the same rules apply, in a network with `egress`. */
export interface EgressGroup {
  /** The network and the first address: it stays the same when other rules change. */
  readonly key: string
  readonly network: string
  readonly clientClass: number
  /** First and last addresses. */
  readonly ranges: readonly (readonly [string, string])[]
  /** Whether connections are denied, not observed alone. */
  readonly denies: boolean
  /** `ForwarderSet.id` */
  readonly forwarders: number
}

/** A name that is looked up, and for whom. */
export interface PlannedName {
  readonly text: string
  /** Wire form. */
  readonly name: Uint8Array
  /** The app of the catalogue that has it, if no rule bans it anywhere; undefined: some ban has it. */
  readonly app: string | undefined
}

/** Why a name is banned. */
export interface BannedBy {
  readonly app: string | undefined
  readonly kind: NameSource['kind']
  readonly ports: EgressPorts
}

/** Names that are looked up in all; further ones of long lists are left out. */
export const MAX_NAMES = 20_000
/** Main names of apps that no rule bans: each shows that an address is shared. */
const MAX_OTHERS = 4_000
/** The apps whose names are resolvers: their addresses are denied on the ports of resolvers alone. */
const RESOLVER_APPS: ReadonlySet<string> = new Set(['encrypted-dns'])

const LAST4 = 2n ** 32n
const LAST6 = 2n ** 128n
const MAPPED_BASE = 0xffffn << 32n

/** What of the rules matters for connections. */
export class DenyPlan {
  readonly groups: readonly EgressGroup[]
  /** Groups of clients that are left out, since there are too many. */
  readonly omittedGroups: number
  readonly names: readonly PlannedName[]
  /** Names that are left out, since there are too many. */
  readonly omitted: number
  private readonly policy: Policy
  private readonly decision = new Decision()
  private readonly hashed = new HashedName()
  private readonly byClass: ReadonlyMap<number, EgressGroup>
  /** Names of the catalogue by text. */
  private readonly catalogue: ReadonlyMap<string, string>

  /** @param rules with names of their sources, of large ones some */
  constructor(rules: RuleSet, snapshot: Snapshot) {
    this.policy = new Policy(snapshot)
    const groups = groupsOf(snapshot)
    this.groups = groups.slice(0, MAX_GROUPS)
    this.omittedGroups = groups.length - this.groups.length
    this.byClass = new Map(this.groups.map(group => [group.clientClass, group]))
    const wanted = new Set(this.groups.map(({ network }) => network))
    const networks = rules.networks.filter(({ id }) => wanted.has(id))
    const banned = new Set(networks.flatMap(enforcedBans).flatMap(({ sources }) => sources))
    const apps = rules.sources.filter(({ kind }) => kind === 'app')
    this.catalogue = new Map(
      apps.flatMap(source => namesOf(source).map(({ text }) => [text, source.id] as const))
    )
    const own = [...banned].map(source => ({ source, found: namesOf(source) }))
    const all = new Map(own.flatMap(({ found }) => found).map(name => [name.text, name.name]))
    // Of a large list, the rules have some names only.
    const unknown = own.map(({ source, found }) => Math.max(0, source.bounds.names - found.length))
    const others = apps.filter(source => !banned.has(source)).flatMap(mainNames)
    const planned = Array.from(all, ([text, name]) => ({ text, name, app: undefined }))
    this.omitted =
      unknown.reduce((sum, one) => sum + one, 0) + Math.max(0, planned.length - MAX_NAMES)
    this.names = [
      ...planned.slice(0, MAX_NAMES),
      ...others.filter(({ text }) => !all.has(text)).slice(0, MAX_OTHERS)
    ]
  }

  /** The group of a client; undefined: its network has no `egress`. */
  groupOf(client: string): EgressGroup | undefined {
    return this.byClass.get(this.policy.classOf(addressWords(readAddress(client)), 0))
  }

  /** Whether a ban in force has the name for these clients. @param name in wire form */
  judge({ clientClass }: EgressGroup, name: Uint8Array, now: Seconds): BannedBy | undefined {
    const { policy, decision, hashed } = this
    policy.epochAt(now)
    hashed.set(name, 0, policy.seed)
    decision.clear()
    policy.evaluateName(hashed, RRTYPE.A, clientClass, now, decision)
    return this.decided()
  }

  /** The app of the catalogue that has a name or a domain above it. */
  appOf(name: string): string | undefined {
    for (let text = name; text !== ''; text = text.slice(text.indexOf('.') + 1)) {
      const app = this.catalogue.get(text)
      if (app !== undefined) return app
      if (!text.includes('.')) return undefined
    }
    return undefined
  }

  /** Changes when a rule begins or ends: prefixes are those of one epoch. */
  epochAt(now: Seconds): number {
    return this.policy.epochAt(now)
  }

  /** Prefixes that bans in force list for these clients. */
  prefixes({ clientClass }: EgressGroup, now: Seconds): DenyGroup['prefixes'] {
    const { policy, decision } = this
    policy.epochAt(now)
    const found: DenyGroup['prefixes'] = []
    const ranges = [...new AddressTable(policy.snapshot.addresses).ranges()]
    for (const [i, { start, entries }] of ranges.entries()) {
      if (entries.length === 0) continue
      const is4 = isMapped(start)
      decision.clear()
      const type = is4 ? RRTYPE.A : RRTYPE.AAAA
      policy.evaluateAddress(addressWords(start), 0, type, clientClass, now, decision)
      const banned = this.decided()
      if (banned === undefined) continue
      for (const prefix of prefixesBetween(
        valueOf(start),
        endOf(ranges[i + 1]?.start, is4),
        is4 ? 32 : 128
      ))
        found.push({ prefix: showPrefix(prefix), ports: banned.ports })
    }
    return found
  }

  private decided(): BannedBy | undefined {
    const { policy, decision } = this
    if (!isBanned(policy, decision)) return undefined
    const { source } = policy.claims.at(decision.claim)!
    const app = source.kind === 'app' ? source.id : undefined
    return {
      app,
      kind: source.kind,
      ports: app !== undefined && RESOLVER_APPS.has(app) ? 'dns' : 'all'
    }
  }
}

/** The prefixes that make up a range. @param range first and last address */
export function prefixesOfRange([first, last]: readonly [string, string]): string[] {
  const [start, end] = [readAddress(first), readAddress(last)]
  const bits = isMapped(start) ? 32 : 128
  return prefixesBetween(valueOf(start), valueOf(end) + 1n, bits).map(showPrefix)
}

/** Wire form of a name. */
export const nameOf = (text: string): Uint8Array => Uint8Array.from(readName(text))

function mainNames(source: NameSource): PlannedName[] {
  const names = namesOf(source)
  const main = names.filter(({ isMain }) => isMain)
  return (main.length > 0 ? main : names.slice(0, 3)).map(({ text, name }) => {
    return { text, name, app: source.id }
  })
}

/** One for each client class with `egress` that has addresses. */
function groupsOf(snapshot: Snapshot): EgressGroup[] {
  const { clients } = snapshot
  const byClass = new Map<number, [string, string][]>()
  const ranges = [...new PrefixTable(clients.prefixes).ranges()]
  for (const [i, { start, value }] of ranges.entries()) {
    if (value === 0 || clients.egress[value] === EGRESS.off) continue
    const is4 = isMapped(start)
    const last = endOf(ranges[i + 1]?.start, is4) - 1n
    const own = byClass.get(value) ?? []
    byClass.set(value, own)
    own.push([showAddress(start), showAddress(addressAt(last, is4))])
  }
  return [...byClass].map(([clientClass, own]) => {
    const network = networkOfClass(clients, clientClass)!
    return {
      ...{ key: `${network} ${own[0]![0]}`, network, clientClass, ranges: own },
      denies: clients.egress[clientClass] === EGRESS.deny,
      forwarders: clients.forwarders[clientClass]!
    }
  })
}

/** Where a range ends: at the start of the next one of its family. */
function endOf(next: Address | undefined, is4: boolean): bigint {
  if (next === undefined || isMapped(next) !== is4) return is4 ? LAST4 : LAST6
  return valueOf(next)
}

/** IPv4 as 32 bits, IPv6 as 128. */
function valueOf(address: Address): bigint {
  const whole = BigInt(`0x${Buffer.from(address).toString('hex')}`)
  return isMapped(address) ? whole - MAPPED_BASE : whole
}

function addressAt(value: bigint, is4: boolean): Address {
  const whole = is4 ? value + MAPPED_BASE : value
  const words = [96n, 64n, 32n, 0n].map(shift => Number((whole >> shift) & 0xffffffffn))
  return addressOf(words)
}
