import type { Milliseconds, Octets } from '../../base/units.js'
import type { Position } from '../../base/errors/position.js'
import type { Endpoint } from '../../wire/sockets/datagram.js'
import type { HttpProxy } from '../../wire/http/http-proxy.js'
import type { UpstreamServer } from '../../wire/sockets/upstream-server.js'

/** The proxy for outgoing HTTP, of which each part that sends requests has a copy. */
export interface ProxyConfig {
  readonly http: HttpProxy
  /** Of the section, for errors of its files. */
  readonly position: Position
}

/** How lists are downloaded. */
export interface RemoteListsConfig {
  /** DNS servers that resolve the host names of list servers; empty: the upstreams. */
  readonly bootstrap: readonly UpstreamServer[]
  /** CA certificates trusted in addition to the built-in ones. */
  readonly caFile: string | undefined
  /** Per list. */
  readonly timeout: Milliseconds
  /** Files with HTTP headers, by the host (`feeds.example` or `feeds.example:8443`) that gets them. */
  readonly headerFiles?: Readonly<Record<string, string>> | undefined
  readonly proxy?: HttpProxy | undefined
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
