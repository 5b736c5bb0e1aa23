import type { PrefixTableBuffers } from '../../base/values/prefix-table.js'
import type { CertificateMatch, ClientAuthority } from '../rules/model/client-types.js'

/** Clients that are recognized by what they present when they connect, whatever their address. */
export interface IdentityTable {
  readonly authorities: readonly ClientAuthority[]
  readonly clients: readonly IdentifiedClient[]
  /** By index in `ClientTable.networks`, for the networks into which clients are put. */
  readonly networks: ReadonlyMap<number, IdentityNetwork>
}

/** A client, or a group of clients: see `ClientRule`. */
export interface IdentifiedClient {
  readonly id: string
  /** Index in `ClientTable.networks`. */
  readonly network: number
  readonly certificates: readonly CertificateMatch[]
  readonly labels: readonly string[]
  readonly tokens: readonly string[]
  /** Indices in `ClientTable.networks`. */
  readonly fewerBansThan: readonly number[]
  readonly isRevoked: boolean
}

/** A network into which clients are put. */
export interface IdentityNetwork {
  /** Client class of clients in this network, or, where exceptions have prefixes, by their address. */
  readonly classes: number | PrefixTableBuffers
  /** Networks that have more bans, by index, with the id of a rule that shows it: see `lackingRule`. */
  readonly fewerBans: ReadonlyMap<number, string>
}
