import { splitAddressSpace } from '../../base/values/address-ranges.js'
import {
  addressWords,
  isMapped,
  showPrefix,
  type Address,
  type Prefix
} from '../../base/values/address.js'
import type { RuleSet } from '../rules/model/types.js'
import type { Policy } from '../evaluate/policy.js'
import { networkOfClass } from '../tables/client-table.js'
import type { BeforeAfter } from './name-groups.js'

/** The clients in a prefix, without those in longer prefixes. */
export interface ClientRange {
  readonly prefix: string
  /** The range of the next shorter prefix. */
  readonly parent: ClientRange | undefined
  /** Client class in each snapshot. */
  readonly classes: BeforeAfter<number>
  /** Network in each; undefined: in none. */
  readonly networks: BeforeAfter<string | undefined>
}

/**
 * A range for each prefix of a network, exception or list part. Ranges without clients in any
 * network are left out.
 */
export function clientRanges(
  rules: BeforeAfter<RuleSet>,
  policies: BeforeAfter<Policy>
): readonly ClientRange[] {
  const prefixes = [...new Map([...prefixesOf(rules.before), ...prefixesOf(rules.after)]).values()]
  const representatives = representativesOf(prefixes)
  const ranges = new Map<number, ClientRange>()
  // Shorter prefixes first: their ranges are the parents of the others.
  const order = [...representatives.keys()].sort(
    (a, b) => prefixes[a]!.length - prefixes[b]!.length
  )
  for (const index of order) {
    const { address, wider } = representatives.get(index)!
    const parent = wider.map(other => ranges.get(other)).find(range => range !== undefined)
    const range = rangeOf(showPrefix(prefixes[index]!), parent, addressWords(address), policies)
    if (range.networks.before !== undefined || range.networks.after !== undefined)
      ranges.set(index, range)
  }
  const sorted = [...ranges.keys()].sort((a, b) => a - b).map(index => ranges.get(index)!)
  return [...sorted, ...recognizedRanges(rules, policies)]
}

/** What stands for the prefix of networks that only have clients that are recognized. */
const RECOGNIZED = 'recognized clients'

/** One range for each network that has clients, but no prefixes. */
function recognizedRanges(
  { before, after }: BeforeAfter<RuleSet>,
  policies: BeforeAfter<Policy>
): ClientRange[] {
  const all = [...before.networks, ...after.networks]
  const withPrefixes = new Set(
    all.filter(({ prefixes }) => prefixes.length > 0).map(({ id }) => id)
  )
  const ids = new Set(all.map(({ id }) => id).filter(id => !withPrefixes.has(id)))
  return [...ids].map(id => {
    const classes = {
      before: recognizedClass(policies.before, id),
      after: recognizedClass(policies.after, id)
    }
    const networks = {
      before: classes.before === 0 ? undefined : id,
      after: classes.after === 0 ? undefined : id
    }
    return { prefix: RECOGNIZED, parent: undefined, classes, networks }
  })
}

/** The class of recognized clients at any address; 0: no such network. */
function recognizedClass({ snapshot }: Policy, id: string): number {
  const { networks, identities } = snapshot.clients
  const found = identities?.classes.get(networks.indexOf(id))
  // Without prefixes of its own, a network has no exceptions with prefixes.
  return typeof found === 'number' ? found : 0
}

/** An address for each prefix of a network, exception or list part, which is in no longer one of them. */
export function representativeClients(rules: RuleSet): readonly Address[] {
  const prefixes = [...new Map(prefixesOf(rules)).values()]
  return [...representativesOf(prefixes).values()].map(({ address }) => address)
}

/** For each prefix: an address that is in no longer prefix, and the shorter prefixes around it. */
function representativesOf(
  prefixes: readonly Prefix[]
): Map<number, { readonly address: Address; readonly wider: readonly number[] }> {
  const is4 = ({ address, length }: Prefix): boolean => length >= 96 && isMapped(address)
  const indices = [...prefixes.keys()]
  const found = new Map<number, { address: Address; wider: readonly number[] }>()
  for (const bits of [32, 128] as const) {
    const some = indices.filter(index => is4(prefixes[index]!) === (bits === 32))
    for (const { start, covering } of splitAddressSpace(prefixes, some, bits)) {
      const [index, ...wider] = covering
      if (index === undefined || found.has(index)) continue
      found.set(index, { address: addressOf(BigInt(start), bits), wider })
    }
  }
  return found
}

function rangeOf(
  prefix: string,
  parent: ClientRange | undefined,
  words: Uint32Array,
  policies: BeforeAfter<Policy>
): ClientRange {
  const { before, after } = policies
  const classes = { before: before.classOf(words, 0), after: after.classOf(words, 0) }
  const networks = {
    before: networkOfClass(before.snapshot.clients, classes.before),
    after: networkOfClass(after.snapshot.clients, classes.after)
  }
  return { prefix, parent, classes, networks }
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

/** Prefixes, without some that are within them: the longest one decides. */
export interface PrefixSet {
  readonly prefixes: readonly string[]
  readonly except?: readonly string[] | undefined
}

/** Clients of a network: all of them, if there are no prefixes. */
export interface AffectedClients extends Partial<PrefixSet> {
  /** Their network before and after; undefined: in none. */
  readonly networks: BeforeAfter<string | undefined>
}

/** Ranges by network, and by prefix where they are not all of a network. */
export function affectedClients(
  all: readonly ClientRange[],
  affected: ReadonlySet<ClientRange | undefined>
): AffectedClients[] {
  return byNetworks(all).flatMap((ranges): AffectedClients[] => {
    const chosen = ranges.filter(range => affected.has(range))
    if (chosen.length === 0) return []
    const { networks } = ranges[0]!
    if (networks.before !== networks.after) return [{ networks, ...outermost(chosen, all) }]
    return chosen.length === ranges.length
      ? [{ networks }]
      : [{ networks, ...outermost(chosen, ranges, parentInSameNetworks) }]
  })
}

/**
 * The prefixes of some ranges, without those inside another of them.
 *
 * @param all ranges that have to be excepted if they are inside one of `ranges`, and not one of them
 */
export function outermost(
  ranges: readonly ClientRange[],
  all: readonly ClientRange[],
  parentOf = ({ parent }: ClientRange): ClientRange | undefined => parent
): PrefixSet {
  const chosen = new Set<ClientRange | undefined>(ranges)
  const isInside = (range: ClientRange): boolean => chosen.has(parentOf(range))
  const textOf = ({ prefix }: ClientRange): string => prefix
  const except = all.filter(range => !chosen.has(range) && isInside(range)).map(textOf)
  const prefixes = ranges.filter(range => !isInside(range)).map(textOf)
  return { prefixes, ...(except.length > 0 && { except }) }
}

/** The nearest surrounding range whose clients are in the same networks. */
function parentInSameNetworks({ parent, networks }: ClientRange): ClientRange | undefined {
  let range = parent
  while (range !== undefined && !isSame(range.networks, networks)) range = range.parent
  return range
}

function isSame(one: ClientRange['networks'], other: ClientRange['networks']): boolean {
  return one.before === other.before && one.after === other.after
}

/** Ranges grouped by their two networks. */
export function byNetworks(ranges: readonly ClientRange[]): ClientRange[][] {
  const groups = new Map<string, ClientRange[]>()
  for (const range of ranges) {
    const { before = '', after = '' } = range.networks
    const key = `${before} ${after}`
    const group = groups.get(key)
    if (group === undefined) groups.set(key, [range])
    else group.push(range)
  }
  return [...groups.values()]
}
