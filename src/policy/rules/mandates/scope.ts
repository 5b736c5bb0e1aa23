import { AddressMap, intersectPrefixes } from '../../../base/values/address-map.js'
import { readPrefix, showPrefix, type Prefix } from '../../../base/values/address.js'
import type { Position } from '../../../base/errors/position.js'
import type { NetworkRules } from '../model/types.js'
import type { MandatedBan } from './mandate.js'

/** Clients for whom a mandate orders a ban. */
export interface MandateScope {
  /** Undefined: no rules apply to them. */
  readonly network: NetworkRules | undefined
  /** As written in the mandate: the id of a network, or a prefix. */
  readonly text: string
  /** Only these clients of the network; undefined: all of its clients, including recognized ones. */
  readonly prefixes: readonly Prefix[] | undefined
  /** Position of the scope in the mandate; undefined: `all`. */
  readonly position: Position | undefined
}

/** The addresses that mandated networks had under the rules in force, by network. */
export type KnownPrefixes = Readonly<Record<string, readonly string[]>>

/** Finds the clients of the rules for whom mandates order bans. */
export class ScopeResolver {
  private readonly byId: ReadonlyMap<string, NetworkRules>
  private readonly map: AddressMap
  /** The network of each prefix. */
  private readonly owners: readonly NetworkRules[]

  constructor(private readonly networks: readonly NetworkRules[]) {
    this.byId = new Map(networks.map(network => [network.id, network]))
    this.map = new AddressMap(networks.flatMap(({ prefixes }) => prefixes))
    this.owners = networks.flatMap(network => network.prefixes.map(() => network))
  }

  /**
   * @param known clients that were removed from a network are in scope as well, unless they are in no network
   *   now and therefore refused
   */
  resolve({ networks, prefixes }: MandatedBan, known: KnownPrefixes): MandateScope[] {
    const byPrefix = prefixes.flatMap(({ value, position }) => this.ofPrefix(value, position))
    if (networks === 'all') return [...this.networks.map(wholeNetwork), ...byPrefix]
    const named = networks.flatMap(({ value: id, position }) => {
      const network = this.byId.get(id)
      const whole = { network, text: id, prefixes: undefined, position }
      const before = (known[id] ?? []).flatMap(text => this.ofPrefix(readPrefix(text), position))
      const moved = before.filter(({ network: now }) => now !== undefined && now !== network)
      return [whole, ...moved]
    })
    return [...named, ...byPrefix]
  }

  /** The addresses of a network, without those of networks within it. */
  addressesOf(id: string): readonly string[] {
    const network = this.byId.get(id)
    const own = (network?.prefixes ?? []).flatMap(prefix => this.map.split(prefix))
    const parts = own.filter(({ by }) => by !== undefined && this.owners[by] === network)
    return [...new Set(parts.flatMap(({ prefixes }) => prefixes.map(showPrefix)))]
  }

  /** True if any address of a prefix is in a network. */
  isServed(prefix: Prefix): boolean {
    return this.map.split(prefix).some(({ by }) => by !== undefined)
  }

  /** The networks to which the addresses of a prefix belong, by the longest match. */
  private ofPrefix(prefix: Prefix, position: Position): MandateScope[] {
    const parts = new Map<NetworkRules | undefined, Prefix[]>()
    for (const { by, prefixes } of this.map.split(prefix)) {
      const network = by === undefined ? undefined : this.owners[by]
      parts.set(network, [...(parts.get(network) ?? []), ...prefixes])
    }
    const text = showPrefix(prefix)
    return [...parts].map(([network, prefixes]) => ({ network, text, prefixes, position }))
  }
}

const wholeNetwork = (network: NetworkRules): MandateScope => ({
  network,
  text: network.id,
  prefixes: undefined,
  position: undefined
})

/**
 * The clients of a scope that are in some of the prefixes to which a rule is limited.
 *
 * @param prefixes empty: the rule is not limited
 * @returns undefined: none; no prefixes: the whole network
 */
export function clientsWithin(
  { prefixes: scope }: MandateScope,
  prefixes: readonly Prefix[]
): readonly Prefix[] | undefined {
  if (scope === undefined) return prefixes
  const both = prefixes.length === 0 ? scope : intersectPrefixes(scope, prefixes)
  return both.length === 0 ? undefined : both
}
