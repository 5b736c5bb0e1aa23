import type { QueryLogConfig } from '../settings/query-log-config.js'
import type { OutputConfig } from '../settings/output-config.js'
import type { Snapshot } from '../../policy/tables/snapshot.js'
import type { ExporterCounts } from '../export/exporter.js'
import type { NewlyBlockedReport } from '../record/newly-blocked.js'
import type { Observation, QueryEvent } from '../event/query-event.js'
import type { RecorderStatus } from '../record/recorder.js'
import type { EndRequest } from '../../base/threads/thread.js'
import type { LogLine } from '../../base/threads/thread-log.js'

export interface RecorderInit {
  readonly settings: QueryLogConfig
  readonly outputs: readonly OutputConfig[]
  /** One per worker. */
  readonly rings: readonly SharedArrayBuffer[]
  /** Labels of the upstreams, which `QueryEvent.upstream` is an index into. */
  readonly upstreams: readonly string[]
}

export type ToRecorder =
  | EndRequest
  | { readonly kind: 'adopt'; readonly snapshot: Snapshot }
  /** Labels of all upstreams so far; sent before any worker uses a new one. */
  | { readonly kind: 'upstreams'; readonly labels: readonly string[] }
  | {
      readonly kind: 'settings'
      readonly settings: QueryLogConfig
      readonly outputs: readonly OutputConfig[]
    }
  /** An answer was validated after the client had it. */
  | {
      readonly kind: 'observed'
      readonly event: QueryEvent
      readonly observation: Observation
    }
  | { readonly kind: 'reopen' }
  /** Closes the file and begins another one. */
  | { readonly kind: 'rotate' }
  /** Asks for the status; the reply carries the same id. */
  | { readonly kind: 'request'; readonly id: number }
  /** Asks for the names that are newly blocked; likewise. */
  | { readonly kind: 'newly blocked'; readonly id: number }
  | { readonly kind: 'drain' }

export interface OutputStatus extends ExporterCounts {
  readonly name: string
  /** How often the export thread was restarted since the recorder started. */
  readonly restarts: number
}

/** What the export thread itself knows. */
export type OutputReport = Omit<OutputStatus, 'restarts'>

/** No outputs: the export thread did not reply. */
export interface RecorderReply extends RecorderStatus {
  readonly outputs: readonly OutputStatus[]
}

export interface ExportInit {
  readonly outputs: readonly OutputConfig[]
  /** Two words: octets and lines sent to the thread that it has not yet processed. */
  readonly backlog: Int32Array
}

export type ToExport =
  | { readonly kind: 'block'; readonly octets: Uint8Array; readonly lines: number }
  | { readonly kind: 'outputs'; readonly outputs: readonly OutputConfig[] }
  | { readonly kind: 'request'; readonly id: number }
  | { readonly kind: 'drain' }

export type FromExport =
  | { readonly kind: 'drained' }
  | { readonly kind: 'reply'; readonly id: number; readonly reply: readonly OutputReport[] }
  | LogLine

export type FromRecorder =
  | { readonly kind: 'drained' }
  | { readonly kind: 'reply'; readonly id: number; readonly reply: RecorderReply }
  | {
      readonly kind: 'newly blocked'
      readonly id: number
      readonly reply: { readonly names: NewlyBlockedReport | undefined }
    }
  | LogLine
