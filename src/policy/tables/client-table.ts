import type { PrefixTableBuffers } from '../../base/prefix-table.js'

/**
 * Networks and client classes. A client class is a set of clients that are in the same network and
 * in the scope of the same exceptions and list parts; class 0 holds the clients outside every
 * network. Classes to which exactly the same rules apply form a group; group 0 has no rules.
 */
export interface ClientTable {
  /** Ids of the networks. */
  readonly networks: readonly string[]
  /** Client address to client class. */
  readonly prefixes: PrefixTableBuffers
  /** Client class to index in `networks`; -1 for class 0. */
  readonly networkOf: readonly number[]
  /** Client class to group. */
  readonly groupOf: readonly number[]
  /** The group without rules for which special-use names are answered all the same; 0: none. */
  readonly specialUseGroup: number
}

/** Id of the network that a client class is in; undefined: in none. */
export function networkOfClass(clients: ClientTable, clientClass: number): string | undefined {
  return clients.networks[clients.networkOf[clientClass]!]
}
