import { splitAddressSpace } from '../../base/address-ranges.js'
import {
  addressWords,
  isMapped,
  showPrefix,
  type Address,
  type Prefix
} from '../../base/address.js'
import type { RuleSet } from '../../rules/model/types.js'
import type { Policy } from '../evaluate/policy.js'
import { networkOfClass } from '../tables/client-table.js'
import type { BeforeAfter } from './name-groups.js'

/** The clients in a prefix, but for those in longer prefixes. */
export interface ClientRange {
  readonly prefix: string
  /** The area of the next shorter prefix. */
  readonly parent: ClientRange | undefined
  /** Client class in each snapshot. */
  readonly classes: BeforeAfter<number>
  /** Network in each; undefined: in none. */
  readonly networks: BeforeAfter<string | undefined>
}

/** Of all prefixes of networks, exceptions and parts of lists. Areas without clients are none. */
export function clientRanges(
  rules: BeforeAfter<RuleSet>,
  policies: BeforeAfter<Policy>
): readonly ClientRange[] {
  const prefixes = [...new Map([...prefixesOf(rules.before), ...prefixesOf(rules.after)]).values()]
  const own = ownParts(prefixes)
  const areas = new Map<number, ClientRange>()
  // The wider first: they are around the others.
  for (const index of [...own.keys()].sort((a, b) => prefixes[a]!.length - prefixes[b]!.length)) {
    const { address, wider } = own.get(index)!
    const around = wider.map(other => areas.get(other)).find(area => area !== undefined)
    const area = rangeOf(showPrefix(prefixes[index]!), around, addressWords(address), policies)
    if (area.networks.before !== undefined || area.networks.after !== undefined)
      areas.set(index, area)
  }
  return [...areas.keys()].sort((a, b) => a - b).map(index => areas.get(index)!)
}

/** For each prefix an address that is in no longer one, and which prefixes are around it. */
function ownParts(
  prefixes: readonly Prefix[]
): Map<number, { readonly address: Address; readonly wider: readonly number[] }> {
  const is4 = ({ address, length }: Prefix): boolean => length >= 96 && isMapped(address)
  const indices = [...prefixes.keys()]
  const own = new Map<number, { address: Address; wider: readonly number[] }>()
  for (const bits of [32, 128] as const) {
    const some = indices.filter(index => is4(prefixes[index]!) === (bits === 32))
    for (const { start, covering } of splitAddressSpace(prefixes, some, bits)) {
      const [index, ...wider] = covering
      if (index === undefined || own.has(index)) continue
      own.set(index, { address: addressOf(start, bits), wider })
    }
  }
  return own
}

function rangeOf(
  prefix: string,
  around: ClientRange | undefined,
  words: Uint32Array,
  policies: BeforeAfter<Policy>
): ClientRange {
  const { before, after } = policies
  const classes = { before: before.classOf(words, 0), after: after.classOf(words, 0) }
  const networks = {
    before: networkOf(before, classes.before),
    after: networkOf(after, classes.after)
  }
  return { prefix, parent: around, classes, networks }
}

function networkOf({ snapshot }: Policy, clientClass: number): string | undefined {
  return networkOfClass(snapshot.clients, clientClass)
}

function prefixesOf({ networks }: RuleSet): [string, Prefix][] {
  return networks
    .flatMap(({ prefixes, rules }) => [
      ...prefixes,
      ...rules.flatMap(rule => (rule.kind === 'exception' ? rule.prefixes : [])),
      ...rules.flatMap(({ sources }) => sources.flatMap(({ part }) => part?.prefixes ?? []))
    ])
    .map(prefix => [showPrefix(prefix), prefix])
}

function addressOf(start: bigint, bits: 32 | 128): Address {
  const whole = bits === 32 ? start | (0xffffn << 32n) : start
  return Uint8Array.from(Buffer.from(whole.toString(16).padStart(32, '0'), 'hex'))
}

/** Some of the clients of a network. */
export interface AffectedClients {
  /** In which network they are; undefined: in none. Two where they move. */
  readonly networks: BeforeAfter<string | undefined>
  /** Undefined: all clients that are in these networks. */
  readonly prefixes?: readonly string[]
  /** Not the clients in these, although they are in `prefixes`. */
  readonly except?: readonly string[]
}

/** Areas as people say them: by network, and by prefix where it is not all of a network. */
export function affectedClients(
  all: readonly ClientRange[],
  some: ReadonlySet<ClientRange | undefined>
): AffectedClients[] {
  const places: AffectedClients[] = []
  for (const areas of byNetworks(all)) {
    const chosen = areas.filter(area => some.has(area))
    if (chosen.length === 0) continue
    const { networks } = areas[0]!
    if (chosen.length === areas.length && networks.before === networks.after) {
      places.push({ networks })
      continue
    }
    const prefixes = outermost(chosen)
    const except = areas
      .filter(area => !some.has(area) && some.has(parentInSameNetworks(area)))
      .map(({ prefix }) => prefix)
    places.push({ networks, prefixes, ...(except.length > 0 && { except }) })
  }
  return places
}

/** Prefixes of areas of the same networks, but those within another of them. */
export function outermost(areas: readonly ClientRange[]): string[] {
  const chosen = new Set<ClientRange | undefined>(areas)
  return areas.filter(area => !chosen.has(parentInSameNetworks(area))).map(({ prefix }) => prefix)
}

/** The next area around one whose clients are in the same networks, whatever is in between. */
function parentInSameNetworks({ parent: around, networks }: ClientRange): ClientRange | undefined {
  let area = around
  while (area !== undefined && !isSame(area.networks, networks)) area = area.parent
  return area
}

function isSame(one: ClientRange['networks'], other: ClientRange['networks']): boolean {
  return one.before === other.before && one.after === other.after
}

/** Areas with the same two networks together. */
export function byNetworks(areas: readonly ClientRange[]): ClientRange[][] {
  const groups = new Map<string, ClientRange[]>()
  for (const area of areas) {
    const { before = '', after = '' } = area.networks
    const key = `${before} ${after}`
    const group = groups.get(key)
    if (group === undefined) groups.set(key, [area])
    else group.push(area)
  }
  return [...groups.values()]
}
