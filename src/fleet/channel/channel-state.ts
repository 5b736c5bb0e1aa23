import type { Milliseconds } from '../../base/units.js'
import type { PublicKey } from '../../base/files/ed25519.js'
import type { ReportedTrust } from './wire.js'

/** What the channel knows, for the status of the gateway. */
export interface ChannelState {
  /** Whether there is a connection to NATS. */
  readonly connected: boolean
  /** NATS server; null: not connected. */
  readonly server: string | null
  /** Wall-clock time of the last message of NATS or the web server about this ring; null: none yet. */
  readonly contact: Milliseconds | null
  readonly wanted: { readonly serial: number; readonly sha256: string; readonly at: string } | null
  /** Serial of the bundle that is on offer because of the channel; null: none since the start. */
  readonly offered: number | null
  /** Why the last attempt to connect, or to get the wanted bundle, failed; null: it did not. */
  readonly error: { readonly code: string; readonly message: string } | null
  /** Malformed and oversized messages. */
  readonly dropped: number
  /** Reports sent. */
  readonly reports: number
  /** What bundles are trusted by; null: not read yet. */
  readonly trust: ReportedTrust | null
  /** Keys of the root of trust with which the hub may countersign. */
  readonly hubKeys: readonly PublicKey[]
}

export const NO_STATE: ChannelState = {
  connected: false,
  server: null,
  contact: null,
  wanted: null,
  offered: null,
  error: null,
  dropped: 0,
  reports: 0,
  trust: null,
  hubKeys: []
}
