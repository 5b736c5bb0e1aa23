import { clientNetworks } from '../clients/clients.js'
import type { NetworksFile } from '../schema/networks-schema.js'

/** The lists that rules of served networks use. */
export function usedLists({ networks, clients }: NetworksFile): ReadonlySet<string> {
  const used = new Set<string>()
  const seen = new Set<string>()
  const identified = clientNetworks({ clients })
  const pending = Object.keys(networks).filter(
    id => networks[id]!.prefixes.length > 0 || identified.has(id)
  )
  for (let id = pending.pop(); id !== undefined; id = pending.pop()) {
    const network = Object.hasOwn(networks, id) ? networks[id] : undefined
    if (network === undefined || seen.has(id)) continue
    seen.add(id)
    pending.push(...network.extends)
    for (const rules of [network.bans, network.exceptions, network.allow, network.block]) {
      for (const rule of rules) if ('lists' in rule) for (const id of rule.lists) used.add(id)
    }
  }
  return used
}
