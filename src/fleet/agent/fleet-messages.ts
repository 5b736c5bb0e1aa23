import type { LogLine } from '../../base/threads/thread-log.js'
import type { FleetConfig } from '../../gateway/config/fleet-config.js'
import type { BundleSource } from '../../sources/bundle/choose-bundle.js'
import type { BootstrapServers } from '../../sources/http/bootstrap-resolver.js'
import type { ChannelState } from '../channel/channel-state.js'
import type { Report } from '../channel/wire.js'
import type { CountersignRequest } from '../channel/nats-channel.js'
import type { Countersignature } from '../../lookups/witness/countersignature.js'
import type { OwnMandates } from '../ship/mandate-sender.js'
import type { ShipState } from '../ship/ship-state.js'

/** The start parameters of the fleet thread. */
export interface FleetInit {
  readonly fleet: FleetConfig
  /** Undefined: no bundles come through a channel. */
  readonly source: BundleSource | undefined
  readonly bootstrap: BootstrapServers
  /** Path of the live query log. */
  readonly log: string
  /** Folder of the history of rules. */
  readonly history: string
  readonly mandates: OwnMandates
}

export type ToFleet =
  /** The state of the gateway, for the hub. */
  | { readonly report: Report }
  /** A line of the chain of the query log, for the hub to sign. */
  | { readonly countersign: CountersignRequest; readonly id: number }

export type FromFleet =
  | LogLine
  | { readonly kind: 'state'; readonly state: ChannelState }
  | { readonly kind: 'logs'; readonly logs: ShipState }
  /** The reply to a request to sign: what the hub has signed, or why it has not. */
  | {
      readonly kind: 'countersigned'
      readonly id: number
      readonly reply: Countersignature | string
    }
