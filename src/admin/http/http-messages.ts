import type { SerializedError } from '../../base/errors/serialized-error.js'
import type { LogLine } from '../../base/threads/thread-log.js'
import type { Config } from '../../gateway/config/config.js'
import type {
  AdminReply,
  ControlRequest,
  PauseRequest
} from '../../gateway/socket/admin-protocol.js'
import type { CountedRules } from '../../gateway/workers/rule-counters.js'
import type { Endpoint } from '../../wire/sockets/datagram.js'

/** The start parameters of the HTTP thread. */
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
  /** Of a client of the admin socket. */
  | { readonly kind: 'paused'; readonly request: PauseRequest }

export type FromHttp =
  | { readonly kind: 'listening'; readonly endpoint: Endpoint }
  | { readonly kind: 'failed'; readonly error: SerializedError }
  /** The reply carries the same id. */
  | { readonly kind: 'request'; readonly id: number; readonly request: ControlRequest }
  | LogLine
