import { addressWords, showAddress, type Address } from '../../base/values/address.js'
import { PrefixTable } from '../../base/values/prefix-table.js'
import { representativeClients } from '../../policy/diff/client-ranges.js'
import type { Policy } from '../../policy/evaluate/policy.js'
import { networkOfClass } from '../../policy/tables/client-table.js'
import type { Snapshot } from '../../policy/tables/snapshot.js'
import type { RuleSet } from '../../policy/rules/model/types.js'

/** A client that stands for all of its class. */
export interface ProbeClient {
  readonly network: string
  readonly address: Address
  readonly clientClass: number
  /** It is in the network by its identity, not by its address. */
  readonly isRecognized: boolean
}

/** `::`, for recognized clients whose address does not matter. */
const ANY: Address = new Uint8Array(16)

/** One client of each class that is in a network. */
export function probeClients(rules: RuleSet, policy: Policy): readonly ProbeClient[] {
  const { snapshot } = policy
  const byClass = new Map<number, ProbeClient>()
  const add = (address: Address, clientClass: number, isRecognized: boolean): void => {
    const network = networkOfClass(snapshot.clients, clientClass)
    if (network !== undefined && !byClass.has(clientClass))
      byClass.set(clientClass, { network, address, clientClass, isRecognized })
  }
  const addresses = representativeClients(rules)
  for (const address of addresses) add(address, policy.classOf(addressWords(address), 0), false)
  for (const network of snapshot.clients.identities?.networks.keys() ?? [])
    for (const address of [ANY, ...addresses])
      add(address, recognizedClass(snapshot, network, address), true)
  return [...byClass.values()]
}

/** The class under other rules; 0: in no network. */
export function classOf(
  policy: Policy,
  { network, address, isRecognized }: Omit<ProbeClient, 'clientClass'>
): number {
  if (!isRecognized) return policy.classOf(addressWords(address), 0)
  const { snapshot } = policy
  return recognizedClass(snapshot, snapshot.clients.networks.indexOf(network), address)
}

/** @param network index in `ClientTable.networks` */
function recognizedClass({ clients }: Snapshot, network: number, address: Address): number {
  const classes = clients.identities?.networks.get(network)?.classes ?? 0
  return typeof classes === 'number'
    ? classes
    : new PrefixTable(classes).find(addressWords(address), 0)
}

/** For messages. */
export function showClient({ address, isRecognized }: ProbeClient): string {
  if (!isRecognized) return showAddress(address)
  return address === ANY ? 'a recognized client' : `a recognized client at ${showAddress(address)}`
}
