import type { Milliseconds } from '../../base/units.js'

/** A client by its address, and the network around it: texts, as `ConnectionLimit` has them. */
export interface ClientKeys {
  readonly client: string
  readonly network: string
}

/** A network counts as one client for each so many of its connections: it may have many clients. */
export const NETWORK_SHARE = 4

interface Network {
  connections: number
}

interface Client<Connection> {
  readonly keys: ClientKeys
  readonly network: Network
  /** In the order in which they were added. */
  readonly connections: Set<Connection>
}

/**
 * Connections by client, to find out which client makes room for another one when a limit for all clients is reached:
 * the one with most connections, or the one with most in the network with most. A network's connections count a
 * quarter, so that an attacker with many addresses outweighs a large client, and a large client does not outweigh an
 * attacker with few addresses.
 */
export class ConnectionsByClient<Connection> {
  private readonly clients = new Map<string, Client<Connection>>()
  private readonly networks = new Map<string, Network>()
  private readonly clientOf = new Map<Connection, Client<Connection>>()

  get size(): number {
    return this.clientOf.size
  }

  add(connection: Connection, keys: ClientKeys): void {
    const client = this.clients.get(keys.client) ?? this.addClient(keys)
    client.connections.add(connection)
    client.network.connections++
    this.clientOf.set(connection, client)
  }

  /** @returns false: it is not there */
  delete(connection: Connection): boolean {
    const client = this.clientOf.get(connection)
    if (client === undefined) return false
    this.clientOf.delete(connection)
    const { keys, network, connections } = client
    connections.delete(connection)
    if (connections.size === 0) this.clients.delete(keys.client)
    if (--network.connections === 0) this.networks.delete(keys.network)
    return true
  }

  /**
   * The connections of the heaviest client, oldest first, if it stays heavier than a newcomer with one connection more.
   *
   * @param newcomer undefined: not known yet
   */
  heaviest(newcomer: ClientKeys | undefined): ReadonlySet<Connection> | undefined {
    let heaviest: Client<Connection> | undefined
    let weight = this.weightWithOneMore(newcomer)
    for (const client of this.clients.values()) {
      const own = client.connections.size
      const its = Math.max(own, client.network.connections / NETWORK_SHARE)
      const isHeavier =
        its > weight ||
        (heaviest !== undefined && its === weight && own > heaviest.connections.size)
      if (!isHeavier) continue
      heaviest = client
      weight = its
    }
    return heaviest?.connections
  }

  private weightWithOneMore(newcomer: ClientKeys | undefined): number {
    if (newcomer === undefined) return 1
    const own = this.clients.get(newcomer.client)?.connections.size ?? 0
    const network = this.networks.get(newcomer.network)?.connections ?? 0
    return Math.max(own + 1, (network + 1) / NETWORK_SHARE)
  }

  private addClient(keys: ClientKeys): Client<Connection> {
    const network = this.networks.get(keys.network) ?? { connections: 0 }
    this.networks.set(keys.network, network)
    const client = { keys, network, connections: new Set<Connection>() }
    this.clients.set(keys.client, client)
    return client
  }
}

/**
 * The connection that has been quiet for longest, and for so long at least.
 *
 * @param open those that serve queries, with how long ago the last one was; negative: one is in flight
 */
export function quietest<Connection>(
  connections: readonly Connection[],
  open: ReadonlyMap<Connection, { readonly quietFor: Milliseconds }>,
  atLeast: Milliseconds
): Connection | undefined {
  let found: Connection | undefined
  let longest = atLeast
  for (const connection of connections) {
    const quiet = open.get(connection)?.quietFor ?? -1
    if (quiet < longest) continue
    found = connection
    longest = quiet
  }
  return found
}
