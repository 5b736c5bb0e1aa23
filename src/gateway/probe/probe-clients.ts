import { addressWords, showAddress, type Address } from '../../base/values/address.js'
import { PrefixTable } from '../../base/values/prefix-table.js'
import { representativeClients } from '../../policy/diff/client-ranges.js'
import { addressClassOf } from '../../policy/evaluate/client-pair.js'
import type { Policy } from '../../policy/evaluate/policy.js'
import { networkOfClass } from '../../policy/tables/client-table.js'
import type { Snapshot } from '../../policy/tables/snapshot.js'
import type { Ban, NetworkRules, RuleSet } from '../../policy/rules/model/types.js'

/** A client that stands for all of its class. */
export interface ProbeClient {
  readonly network: string
  readonly address: Address
  readonly clientClass: number
  /** It is in the network by its identity, not by its address. */
  readonly isRecognized: boolean
  /** Class of its address, whose bans apply as well: see `addressClassOf`; 0: none does. */
  readonly addressClass: number
}

/** `::`, for recognized clients whose address does not matter. */
const ANY: Address = new Uint8Array(16)

/** Networks that recognized clients are looked for in. */
const MAX_OTHERS = 100

/**
 * One client of each class that is in a network; and for each network into which clients are put, one that is
 * recognized in another network, with bans of its own.
 */
export function probeClients(rules: RuleSet, policy: Policy): readonly ProbeClient[] {
  const { snapshot } = policy
  const byClass = new Map<number, ProbeClient>()
  const add = (address: Address, clientClass: number, isRecognized: boolean): void => {
    if (byClass.has(clientClass)) return
    const client = clientOf(policy, address, clientClass, isRecognized)
    if (client !== undefined) byClass.set(clientClass, client)
  }
  const addresses = representativeClients(rules)
  for (const address of addresses) add(address, policy.classOf(addressWords(address), 0), false)
  const identified = [...(snapshot.clients.identities?.classes.keys() ?? [])]
  for (const network of identified)
    for (const address of [ANY, ...addresses])
      add(address, recognizedClass(snapshot, network, address), true)
  const others = identified.length === 0 ? [] : addressesOf([...byClass.values()], rules)
  const elsewhere = identified.flatMap(network => {
    const own = rules.networks[network]!
    const other = others.find(({ bans }) => bans.some(ban => !own.rules.includes(ban)))
    if (other === undefined) return []
    const { address } = other
    return clientOf(policy, address, recognizedClass(snapshot, network, address), true) ?? []
  })
  return [...byClass.values(), ...elsewhere]
}

/** @returns undefined: it is in no network */
export function clientOf(
  policy: Policy,
  address: Address,
  clientClass: number,
  isRecognized: boolean
): ProbeClient | undefined {
  const { clients } = policy.snapshot
  const network = networkOfClass(clients, clientClass)
  if (network === undefined) return undefined
  const ofAddress = isRecognized ? policy.classOf(addressWords(address), 0) : clientClass
  const addressClass = addressClassOf(clients, clientClass, ofAddress)
  return { network, address, clientClass, isRecognized, addressClass }
}

/** An address in each of the first networks with enforced bans. */
function addressesOf(
  clients: readonly ProbeClient[],
  { networks }: RuleSet
): { readonly address: Address; readonly bans: readonly Ban[] }[] {
  const bansOf = new Map(networks.map(network => [network.id, enforcedBans(network)]))
  const found = new Map(
    clients
      .filter(({ isRecognized, network }) => !isRecognized && bansOf.get(network)!.length > 0)
      .map(({ network, address }) => [network, { address, bans: bansOf.get(network)! }])
  )
  return [...found.values()].slice(0, MAX_OTHERS)
}

export const enforcedBans = ({ rules }: NetworkRules): Ban[] =>
  rules.filter((rule): rule is Ban => rule.kind === 'ban' && rule.mode === 'enforce')

/** The client under other rules; undefined: it is in no network. */
export function underRules(
  policy: Policy,
  { network, address, isRecognized }: ProbeClient
): ProbeClient | undefined {
  const { snapshot } = policy
  const clientClass = isRecognized
    ? recognizedClass(snapshot, snapshot.clients.networks.indexOf(network), address)
    : policy.classOf(addressWords(address), 0)
  return clientOf(policy, address, clientClass, isRecognized)
}

/** @param network index in `ClientTable.networks` */
function recognizedClass({ clients }: Snapshot, network: number, address: Address): number {
  const classes = clients.identities?.classes.get(network) ?? 0
  return typeof classes === 'number'
    ? classes
    : new PrefixTable(classes).find(addressWords(address), 0)
}

/** For messages. */
export function showClient({ address, isRecognized }: ProbeClient): string {
  if (!isRecognized) return showAddress(address)
  return address === ANY ? 'a recognized client' : `a recognized client at ${showAddress(address)}`
}
