import type { PrefixTableBuffers } from '../../base/values/prefix-table.js'
import type { DnssecPolicy, EchPolicy, EgressPolicy } from '../rules/model/types.js'
import type { IdentityTable } from './identity-table.js'
import type { Code } from '../../base/code.js'

export type EchCode = Code<'ECH policy'>

/** `EchPolicy` as a number. */
export const ECH: Readonly<Record<EchPolicy, EchCode>> = {
  pass: 0 as EchCode,
  strip: 1 as EchCode,
  'hide-https': 2 as EchCode
}

/** `DnssecPolicy` as a number. */
export const DNSSEC: Readonly<Record<DnssecPolicy, number>> = {
  off: 0,
  observe: 1,
  enforce: 2
}

/** `EgressPolicy` as a number. */
export const EGRESS: Readonly<Record<EgressPolicy, number>> = {
  off: 0,
  observe: 1,
  deny: 2
}

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
  readonly networkOf: Int32Array
  /** Client class to `EchCode`. */
  readonly ech: Uint8Array
  /** Client class to a number of `DNSSEC`. */
  readonly dnssec: Uint8Array
  /** Client class to a number of `EGRESS`. */
  readonly egress: Uint8Array
  /** Client class to `ForwarderSet.id`. */
  readonly forwarders: Int32Array
  /** Client class to its place in `Snapshot.dns64`; -1: none. */
  readonly dns64: Int32Array
  /** Client class to index in `LANGUAGES`. */
  readonly languages: Uint8Array
  /** Client class to group. */
  readonly groupOf: Int32Array
  /** Undefined: clients are identified by their addresses alone. */
  readonly identities?: IdentityTable | undefined
  /** The group without rules for which special-use names are answered all the same; 0: none. */
  readonly specialUseGroup: number
}

/** Id of the network that a client class is in; undefined: in none. */
export function networkOfClass(clients: ClientTable, clientClass: number): string | undefined {
  return clients.networks[clients.networkOf[clientClass]!]
}

/** The `ech` of the network that a client class is in; `pass` in none. */
export function echOfClass(clients: ClientTable, clientClass: number): EchPolicy {
  const number = clients.ech[clientClass]
  return (Object.keys(ECH) as EchPolicy[]).find(policy => ECH[policy] === number)!
}

/** The `dnssec` of the network that a client class is in; `off` in none. */
export function dnssecOfClass(clients: ClientTable, clientClass: number): DnssecPolicy {
  const number = clients.dnssec[clientClass]
  return (Object.keys(DNSSEC) as DnssecPolicy[]).find(policy => DNSSEC[policy] === number)!
}
