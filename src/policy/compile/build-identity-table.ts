import type { ClientRules } from '../rules/model/client-types.js'
import type { NetworkRules } from '../rules/model/types.js'
import type { IdentityClasses, IdentityTable } from '../tables/identity-table.js'

/**
 * Compiles the clients of a rule set.
 *
 * @param classes for each network into which clients are put, by its index
 */
export function buildIdentityTable(
  clients: ClientRules | undefined,
  networks: readonly NetworkRules[],
  classes: ReadonlyMap<number, IdentityClasses>
): IdentityTable | undefined {
  if (clients === undefined) return undefined
  const indexOf = new Map(networks.map(({ id }, index) => [id, index]))
  const all = clients.clients.map(({ id, network, certificates, labels, tokens, isRevoked }) => {
    return { id, network: indexOf.get(network)!, certificates, labels, tokens, isRevoked }
  })
  return { authorities: clients.authorities, clients: all, classes }
}
