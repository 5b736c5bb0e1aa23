import { createHash } from 'node:crypto'
import { showServer } from '../../wire/sockets/upstream-server.js'
import type { ForwardedNames, NetworkRules } from '../rules/model/types.js'

/** Number of the upstreams of the settings, which all networks use that have no `forward`. */
export const COMMON_SET = 0

/** The resolvers that some networks forward their names to. Networks with the same resolvers share one set. */
export interface ForwarderSet {
  /**
   * Part of the key of answers and of queries in flight, so never that of other resolvers: a digest of the set, not its
   * place among the others, which a change of the rules would move.
   */
  readonly id: number
  /** Ids of the networks. */
  readonly networks: readonly string[]
  readonly domains: readonly ForwardedNames[]
}

/** The sets of all networks. */
export function forwarderSets(networks: readonly NetworkRules[]): readonly ForwarderSet[] {
  const sets = new Map<string, { networks: string[]; domains: readonly ForwardedNames[] }>()
  for (const { id, forward } of networks) {
    if (forward === undefined) continue
    const content = contentOf(forward)
    const known = sets.get(content)
    if (known === undefined) sets.set(content, { networks: [id], domains: forward })
    else known.networks.push(id)
  }
  const taken = new Set<number>([COMMON_SET])
  return [...sets].map(([content, set]) => {
    let id = digestOf(content)
    for (let salt = 1; taken.has(id); salt++) id = digestOf(`${content} ${salt}`)
    taken.add(id)
    return { id, ...set }
  })
}

/** For each network, the number of its set. */
export function setOfNetworks(
  networks: readonly NetworkRules[],
  sets: readonly ForwarderSet[]
): readonly number[] {
  const ids = new Map(sets.flatMap(set => set.networks.map(network => [network, set.id])))
  return networks.map(({ id }) => ids.get(id) ?? COMMON_SET)
}

/** Labels of the upstreams in the sets. */
export function setLabels(sets: readonly ForwarderSet[]): readonly string[] {
  const servers = sets.flatMap(({ domains }) => domains.flatMap(domain => domain.servers))
  return [...new Set(servers.map(showServer))]
}

/** The same for the same resolvers, in whatever order they are written. */
function contentOf(forward: readonly ForwardedNames[]): string {
  const domains = forward.map(({ name, servers }) => {
    const all = servers.map(server => JSON.stringify(server))
    return [Buffer.from(name).toString('hex'), [...new Set(all)].sort()] as const
  })
  return JSON.stringify(domains.sort(([a], [b]) => (a < b ? -1 : 1)))
}

function digestOf(content: string): number {
  return createHash('sha256').update(content).digest().readInt32LE()
}
