import type { AlertMessage, Hook } from '../../gateway/alerts/post-alert.js'
import type { Milliseconds, Octets } from '../units.js'
import type { Config, ListenConfig } from '../../gateway/config/config.js'
import type { FleetConfig } from '../../gateway/config/fleet-config.js'
import type { Snapshot } from '../../policy/tables/snapshot.js'
import type { ChannelState } from '../../fleet/channel/channel-state.js'
import type { ShipState } from '../../fleet/ship/ship-state.js'
import type { Report } from '../../fleet/channel/wire.js'
import type { LogFields, ServiceLog } from '../log/service-log.js'
import type { ZoneJob } from '../../sources/axfr/update-zone.js'
import type { BundleSource } from '../../sources/bundle/choose-bundle.js'
import type { BootstrapServers } from '../../sources/http/bootstrap-resolver.js'
import type { Endpoint } from '../../wire/sockets/datagram.js'
import type { AdminReply, ControlRequest } from '../../gateway/socket/admin-protocol.js'
import type { ProbeThreadState } from '../../gateway/probe/probe-status.js'
import type { CountedRules } from '../../gateway/workers/rule-counters.js'
import type { SerializedError } from '../errors/serialized-error.js'
import type { RemoteListSet } from '../../gateway/compiler/compiler-messages.js'

/** A line of the service log, which only the control thread writes. */
export interface LogLine {
  readonly kind: 'log'
  readonly level: 'info' | 'warn' | 'error'
  readonly fields: LogFields
  readonly message: string
}

/** The start parameters of a fetcher thread, which reports on each list and exits. */
export interface FetcherInit extends RemoteListSet {
  readonly copiesFolder: string
  readonly bootstrap: BootstrapServers
  readonly caFile: string | undefined
  readonly timeout: Milliseconds
}

/** The start parameters of an alert thread, which reports on each message and exits. */
export interface AlertInit {
  readonly hook: Hook
  readonly bootstrap: BootstrapServers
  readonly messages: readonly AlertMessage[]
}

export type FromAlert =
  | { readonly kind: 'sent'; readonly delivery: string }
  /** No further message is tried. */
  | { readonly kind: 'failed'; readonly delivery: string; readonly error: SerializedError }

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

/** The start parameters of the probe thread. */
export interface ProbeInit {
  /** Of this process: see `encodeProbeOption`. */
  readonly key: Uint8Array
  readonly endpoints: readonly ListenConfig[]
  readonly workers: number
  /** Where each round is recorded. */
  readonly folder: string
  readonly config: Config
}

export type ToProbe =
  | { readonly kind: 'rules'; readonly snapshot: Snapshot; readonly described: Uint8Array }
  | { readonly kind: 'settings'; readonly config: Config }

export type FromProbe = LogLine | { readonly kind: 'state'; readonly state: ProbeThreadState }

/** The start parameters of a transfer thread, which reports its result and exits. */
export interface TransferInit {
  readonly job: ZoneJob
  readonly copiesFolder: string
  readonly maxSize: Octets
  readonly maxTime: Milliseconds
}

export interface HttpInit {
  /** Path of the program, for commands that read the query log. */
  readonly program: string
  readonly config: Config
  readonly endpoint: Endpoint
  /** Of all workers, and the control thread behind them: see `LookupCounters`. */
  readonly counters: SharedArrayBuffer
}

export type ToHttp =
  | { readonly kind: 'reply'; readonly id: number; readonly reply: AdminReply<unknown> }
  | { readonly kind: 'rules'; readonly rules: CountedRules }
  | { readonly kind: 'settings'; readonly config: Config }

export type FromHttp =
  | { readonly kind: 'listening'; readonly endpoint: Endpoint }
  | { readonly kind: 'failed'; readonly error: SerializedError }
  /** The reply carries the same id. */
  | { readonly kind: 'request'; readonly id: number; readonly request: ControlRequest }
  | LogLine

/** The service log of any other thread: sends its lines to the control thread. */
export function createThreadLog(post: (line: LogLine) => void): ServiceLog {
  const at =
    (level: LogLine['level']) =>
    (fields: LogFields, message: string): void =>
      post({ kind: 'log', level, fields, message })
  return { info: at('info'), warn: at('warn'), error: at('error') }
}
