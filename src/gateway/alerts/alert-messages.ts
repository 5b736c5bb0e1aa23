import type { SerializedError } from '../../base/errors/serialized-error.js'
import type { BootstrapServers } from '../../sources/http/bootstrap-resolver.js'
import type { AlertMessage, Hook } from './post-alert.js'

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
