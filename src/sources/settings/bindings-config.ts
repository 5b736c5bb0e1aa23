import type { Prefix } from '../../base/values/address.js'
import type { Endpoint } from '../../wire/sockets/datagram.js'
import type { Position } from '../../base/errors/position.js'
import type { Milliseconds } from '../../base/units.js'

/** Where the gateway learns which device has an address. */
export interface BindingsConfig {
  readonly feeds: readonly BindingFeed[]
  /** By how much the clocks of feeds may be wrong. */
  readonly skew: Milliseconds
  /** Bindings in force at most. */
  readonly limit: number
}

/** `socket` of `kea` is its control socket; that of `json` is opened by the gateway. */
export interface BindingFeed {
  readonly name: string
  readonly type: 'kea' | 'dnsmasq' | 'json' | 'radius'
  readonly file: string | undefined
  readonly socket: string | undefined
  /** Whether JSON lines are taken from the HTTP API. */
  readonly http: boolean
  /** Address family of the leases that the control socket is asked for. */
  readonly family: 4 | 6
  /** Between two questions to the control socket. */
  readonly every: Milliseconds
  /** How long a binding without an end lasts. */
  readonly lifetime: Milliseconds
  /** Where RADIUS accounting is received. */
  readonly listen: Endpoint | undefined
  readonly nas: readonly NasConfig[]
  /** Whether requests without Message-Authenticator are refused. */
  readonly needsMessageAuthenticator: boolean
  readonly position: Position
}

/** Servers that send accounting, and the file with the secret that they share with the gateway. */
export interface NasConfig {
  readonly prefix: Prefix
  readonly secretFile: string
}
