import type { LogLine } from '../../base/threads/thread-log.js'
import type { FleetConfig } from '../../gateway/config/fleet-config.js'
import type { BundleSource } from '../../sources/bundle/choose-bundle.js'
import type { BootstrapServers } from '../../sources/http/bootstrap-resolver.js'
import type { ChannelState } from '../channel/channel-state.js'
import type { Report } from '../channel/wire.js'
import type { ShipState } from '../ship/ship-state.js'

/** The start parameters of the fleet thread. */
export interface FleetInit {
  readonly fleet: FleetConfig
  readonly source: BundleSource
  readonly bootstrap: BootstrapServers
  /** Path of the live query log. */
  readonly log: string
}

/** The state of the gateway, for the hub. */
export interface ToFleet {
  readonly report: Report
}

export type FromFleet =
  | LogLine
  | { readonly kind: 'state'; readonly state: ChannelState }
  | { readonly kind: 'logs'; readonly logs: ShipState }
