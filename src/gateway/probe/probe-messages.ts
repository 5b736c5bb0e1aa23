import type { LogLine } from '../../base/threads/thread-log.js'
import type { Snapshot } from '../../policy/tables/snapshot.js'
import type { Endpoint } from '../../wire/sockets/datagram.js'
import type { Config, ListenConfig } from '../config/config.js'
import type { ProbeThreadState } from './probe-status.js'

/** The start parameters of the probe thread. */
export interface ProbeInit {
  /** Of this process: see `encodeProbeOption`. */
  readonly key: Uint8Array
  readonly endpoints: readonly ListenConfig[]
  /** Where the HTTP API listens; undefined: nowhere. */
  readonly http: Endpoint | undefined
  readonly workers: number
  /** Where each round is recorded. */
  readonly folder: string
  readonly config: Config
}

export type ToProbe =
  | { readonly kind: 'rules'; readonly snapshot: Snapshot; readonly packedRules: Uint8Array }
  | { readonly kind: 'settings'; readonly config: Config }

export type FromProbe = LogLine | { readonly kind: 'state'; readonly state: ProbeThreadState }
