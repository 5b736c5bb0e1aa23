import { lackingRule } from '../rules/clients/fewer-bans.js'
import type { ClientRules } from '../rules/model/client-types.js'
import type { NetworkRules } from '../rules/model/types.js'
import type { IdentityNetwork, IdentityTable } from '../tables/identity-table.js'

/**
 * Compiles the clients of a rule set.
 *
 * @param classesOf the client classes of a network, by its index, for clients at any address
 */
export function buildIdentityTable(
  clients: ClientRules | undefined,
  networks: readonly NetworkRules[],
  classesOf: (network: number) => IdentityNetwork['classes']
): IdentityTable | undefined {
  if (clients === undefined) return undefined
  const indexOf = new Map(networks.map(({ id }, index) => [id, index]))
  const used = new Map<number, IdentityNetwork>()
  const all = clients.clients.map(client => {
    const { id, network: name, certificates, labels, tokens, isRevoked } = client
    const network = indexOf.get(name)!
    if (!used.has(network)) {
      const fewerBans = fewerBansOf(networks, network)
      used.set(network, { classes: classesOf(network), fewerBans })
    }
    const fewerBansThan = client.fewerBansThan.flatMap(other => indexOf.get(other) ?? [])
    return { id, network, certificates, labels, tokens, fewerBansThan, isRevoked }
  })
  return { authorities: clients.authorities, clients: all, networks: used }
}

function fewerBansOf(networks: readonly NetworkRules[], network: number): Map<number, string> {
  return new Map(
    networks.flatMap((than, other): [number, string][] => {
      const lacking = other === network ? undefined : lackingRule(networks[network]!, than)
      return lacking === undefined ? [] : [[other, lacking.id]]
    })
  )
}
