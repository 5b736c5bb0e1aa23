import type { LogLine } from '../../base/threads/thread-log.js'
import type { EndRequest } from '../../base/threads/thread.js'
import type { PrivacyOptions } from '../../lookups/privacy/privacy-mode.js'
import type { ClientTable } from '../../policy/tables/client-table.js'
import type { BindingsConfig } from '../../sources/settings/bindings-config.js'

/** Where the history is written, and whose bindings are in it. */
export interface BindingRecording {
  /** Folder of the query log; undefined: there is no log, and no history. */
  readonly folder: string | undefined
  readonly privacy: PrivacyOptions
}

export interface BindingsInit extends BindingRecording {
  readonly config: BindingsConfig
  /** For `DeviceTableWriter`. */
  readonly devices: SharedArrayBuffer
  readonly clients: ClientTable | undefined
}

/** JSON lines for a feed, received over HTTP. */
export interface PushedBindings {
  /** Name of the feed. */
  readonly feed: string
  /** UTF-8. */
  readonly body: Uint8Array<SharedArrayBuffer>
  /** Whether these are all bindings of the feed. */
  readonly isWhole: boolean
}

/** What became of pushed lines: all of them count, or none. */
export type PushResult =
  | {
      readonly lines: number
      /** Above the limit. */
      readonly refused: number
      /** Older than the binding in force. */
      readonly late: number
    }
  | {
      /** The first ones. */
      readonly errors: readonly string[]
      readonly wrong: number
    }

export type ToBindings =
  | { readonly kind: 'rules'; readonly clients: ClientTable }
  | { readonly kind: 'push'; readonly id: number; readonly pushed: PushedBindings }
  | EndRequest

/** State of a feed; its JSON form is public. */
export interface FeedState {
  readonly name: string
  readonly up: boolean
  /** Why it is down, or the first line that it has wrong; null: nothing. */
  readonly error: string | null
}

/** State of the bindings; its JSON form is public. */
export interface BindingsState {
  readonly feeds: readonly FeedState[]
  /** Bindings in force. */
  readonly bindings: number
  /** Refused, above the limit. */
  readonly refused: number
}

export type FromBindings =
  | LogLine
  | { readonly kind: 'state'; readonly state: BindingsState }
  | { readonly kind: 'pushed'; readonly id: number; readonly result: PushResult }
