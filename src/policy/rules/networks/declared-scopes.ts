import { didYouMean } from '../../yaml/closest.js'
import type { Location } from '../model/location.js'
import type { DeclaredScope, NetworkRules } from '../model/types.js'
import type { NetworksFile } from '../schema/networks-schema.js'

/**
 * Reads `scope`.
 *
 * @param known ids of apps and lists
 * @param served networks that have clients
 * @param location of the section
 */
export function declaredScopes(
  { scope, networks }: Pick<NetworksFile, 'scope' | 'networks'>,
  known: ReadonlySet<string>,
  served: readonly NetworkRules[],
  location: Location
): DeclaredScope[] {
  const ids = served.map(({ id }) => id)
  return Object.entries(scope).map(([id, meant]) => {
    const at = location.at(id)
    if (!known.has(id)) at.error('RULES_UNKNOWN_SCOPE', at.pathText, id, didYouMean(id, known))
    if (meant === 'all') return { id, networks: ids, position: at.keyPosition }
    for (const [i, network] of meant.entries()) {
      const there = at.at(i)
      if (!Object.hasOwn(networks, network)) {
        const hint = didYouMean(network, Object.keys(networks))
        there.error('RULES_UNKNOWN_NETWORK', there.pathText, network, hint)
      } else if (!ids.includes(network)) {
        there.error('RULES_SCOPE_UNSERVED', there.pathText, network)
      }
    }
    return { id, networks: [...new Set(meant)], position: at.keyPosition }
  })
}
