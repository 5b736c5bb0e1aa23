import type { Position } from '../base/position.js'
import type { Milliseconds } from '../base/units.js'

/** How this gateway learns which signed bundle it should run, and reports what it runs. Paths are absolute. */
export interface FleetConfig {
  /** Name of this gateway in the fleet. */
  readonly name: string
  /** Group of gateways that get new bundles at the same time. */
  readonly ring: string
  /** Undefined: no NATS. */
  readonly nats: FleetNatsConfig | undefined
  /** Undefined: no pull. */
  readonly pull: FleetPullConfig | undefined
  /** How often this gateway reports its state. */
  readonly report: Milliseconds
  /** Of the section. */
  readonly position: Position
}

export interface FleetNatsConfig {
  /** URLs: `tls://host:port` or `nats://host:port`. */
  readonly servers: readonly string[]
  /** File with the JWT and the nkey seed of this gateway. */
  readonly credentials: string
  /** CA certificates (PEM) trusted in addition to the built-in ones. */
  readonly caFile: string | undefined
  /** Client certificate and key (PEM); undefined: none. */
  readonly certificate: { readonly certificate: string; readonly key: string } | undefined
}

export interface FleetPullConfig {
  /** URL of `channel.json`. */
  readonly url: string
  readonly interval: Milliseconds
  readonly caFile: string | undefined
}
