import type { PublicKey } from '../../base/files/ed25519.js'
import type { Countersignature } from '../../lookups/witness/countersignature.js'
import type { NewlyBlockedReport } from '../../lookups/record/newly-blocked.js'
import type { Checkpoint } from '../../lookups/witness/receipts.js'
import type { SerializedError } from '../../base/errors/serialized-error.js'
import type { ServiceLog } from '../../base/log/service-log.js'
import type { StartThread } from '../../base/threads/thread.js'
import type { BootstrapServers } from '../../sources/http/bootstrap-resolver.js'
import type { Endpoint } from '../../wire/sockets/datagram.js'
import type { Config } from '../config/config.js'
import type { ControlRequest, PauseRequest } from '../socket/admin-protocol.js'
import type { FleetStatus } from '../status/fleet-status.js'
import type { StatusReply } from '../status/health.js'
import type { CountedRules } from '../workers/rule-counters.js'

/*
 * Services that know the gateway, and that the gateway starts by these interfaces without knowing them: the HTTP
 * service (district `admin`) and the agent of a fleet (district `fleet`).
 */

export interface AdminServiceOptions {
  readonly startThread: StartThread
  readonly config: Config
  /** Of all workers, and the control thread behind them: see `LookupCounters`. */
  readonly counters: SharedArrayBuffer
  /** Runs a request of the service. */
  readonly handle: (request: ControlRequest) => Promise<unknown>
  readonly log: ServiceLog
}

/** A change of settings that may have failed, until it is in force. */
export interface PreparedStep {
  /** Why it is not possible; nothing has changed. */
  readonly errors: readonly SerializedError[]
  /** Cannot fail. */
  commit(): void
  discard(): void
}

/** The HTTP service: health, metrics, API and dashboard. */
export interface AdminService {
  /** Where it listens, with the port chosen for port 0. */
  readonly endpoint: Endpoint | undefined
  /** Starts to listen, if the settings say so. @returns the errors that prevent it */
  open(): Promise<readonly SerializedError[]>
  close(): Promise<void>
  /** Listens as other settings say. What the service is made of, as its address, is closed and opened again. */
  prepare(next: Config): Promise<PreparedStep>
  /** Replaces the settings. */
  configure(config: Config): void
  /** Replaces the rules whose counters are shown. */
  setRules(rules: CountedRules): void
  /** Records a pause, or its end, that did not come through the API. */
  recordPause(request: PauseRequest): void
}

export interface FleetAgentOptions {
  readonly startThread: StartThread
  readonly log: ServiceLog
  readonly status: () => Promise<StatusReply>
  /** The fixed counters of all workers. */
  readonly counters: SharedArrayBuffer
  /** Names that are blocked since the rules changed. Undefined: not known. */
  readonly newlyBlocked: () => Promise<NewlyBlockedReport | undefined>
}

/** Gets the bundles that the fleet wants, and reports the state of the gateway to its hub. */
export interface FleetAgent {
  /** Null: the gateway belongs to no fleet. */
  readonly status: FleetStatus | null
  /** Keys of the root of trust with which the hub may countersign. */
  readonly hubKeys: readonly PublicKey[]
  /** Applies settings, the first ones and changed ones. */
  configure(config: Config, bootstrap: BootstrapServers): void
  /**
   * Waits until there is a bundle, at the first start of a gateway, which has none: without rules it would not
   * start.
   */
  fetchFirst(): Promise<void>
  /** Starts to report; the rules are active. */
  start(): void
  close(): void
  /** The rules whose counters are reported. */
  setRules(rules: CountedRules): void
  /** The rules in force have changed, or were refused: the hub is to know at once. */
  onChange(): void
  /** Asks the hub to sign a line of the query log's chain. Rejects with an error that says why not. */
  countersign(checkpoint: Checkpoint): Promise<Countersignature>
}

/** How the gateway creates them. */
export interface GatewayServices {
  readonly admin: (options: AdminServiceOptions) => AdminService
  readonly fleet: (options: FleetAgentOptions) => FleetAgent
}
