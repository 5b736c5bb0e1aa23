import type { Milliseconds, Octets } from '../../base/units.js'
import type { Endpoint } from '../../wire/sockets/datagram.js'
import type { UpstreamServer } from '../../resolver/upstream/upstream-server.js'

/** How lists are downloaded. */
export interface RemoteListsConfig {
  /** DNS servers that resolve the host names of list servers; empty: the upstreams. */
  readonly bootstrap: readonly UpstreamServer[]
  /** CA certificates trusted in addition to the built-in ones. */
  readonly caFile: string | undefined
  /** Per list. */
  readonly timeout: Milliseconds
}

/** How zones are transferred from primaries. */
export interface TransfersConfig {
  /** In the order in which they are tried. */
  readonly primaries: readonly PrimaryConfig[]
  readonly keys: readonly TransferKeyConfig[]
  /** Per transfer, as received. */
  readonly maxSize: Octets
  readonly maxTime: Milliseconds
}

export interface PrimaryConfig {
  readonly id: string
  readonly endpoint: Endpoint
  /** Name of a key, as written in `keys`; undefined: no TSIG. */
  readonly key: string | undefined
}

/** A TSIG key shared with a primary. Its secret is read later. */
export interface TransferKeyConfig {
  /** As written in the settings. */
  readonly key: string
  /** Lower-cased wire form. */
  readonly name: Uint8Array
  readonly algorithm: 'hmac-sha256' | 'hmac-sha512'
  readonly secretFile: string
}
