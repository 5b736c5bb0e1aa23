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
  const all = clients.clients.map(client => {
    const { id, certificates, labels, tokens, devices, isRevoked } = client
    const network = indexOf.get(client.network)!
    const unknownIn = client.unknownIn.map(one => indexOf.get(one)!)
    return { id, network, certificates, labels, tokens, devices, unknownIn, isRevoked }
  })
  return { authorities: clients.authorities, clients: all, classes }
}
