import type { PrefixTableBuffers } from '../../base/values/prefix-table.js'
import type { DeviceMatch } from '../bindings/match-device.js'
import type { CertificateMatch, ClientAuthority } from '../rules/model/client-types.js'

/** Clients that are recognized by what they present when they connect, whatever their address. */
export interface IdentityTable {
  readonly authorities: readonly ClientAuthority[]
  readonly clients: readonly IdentityEntry[]
  /** By index in `ClientTable.networks`, for the networks into which clients are put. */
  readonly classes: ReadonlyMap<number, IdentityClasses>
}

/** A client, or a group of clients: see `ClientRule`. */
export interface IdentityEntry {
  readonly id: string
  /** Index in `ClientTable.networks`. */
  readonly network: number
  readonly certificates: readonly CertificateMatch[]
  readonly labels: readonly string[]
  readonly tokens: readonly string[]
  readonly devices: readonly DeviceMatch[]
  /** Indexes in `ClientTable.networks`. */
  readonly unknownIn: readonly number[]
  readonly isRevoked: boolean
}

/** Client class of clients in a network, or, where exceptions have prefixes, by their address. */
export type IdentityClasses = number | PrefixTableBuffers
