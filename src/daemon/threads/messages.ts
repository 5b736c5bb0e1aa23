import type { Prefix } from '../../base/address.js'
import type { Milliseconds, Octets } from '../../base/units.js'
import type { Config, QueryLogConfig } from '../../config/config.js'
import type { OutputConfig } from '../../config/output-config.js'
import type { SnapshotChanges } from '../../policy/diff/compare.js'
import type { Snapshot } from '../../policy/tables/snapshot.js'
import type { SpecialUseName } from '../../policy/tables/special-use-names.js'
import type { ExporterCounts } from '../../querylog/export/exporter.js'
import type { RecorderStatus } from '../../querylog/record/recorder.js'
import type { LogFields, ServiceLog } from '../../querylog/record/service-log.js'
import type { NotifyRules } from '../../resolver/notify-handler.js'
import type { RemoteList } from '../../rules/lists/remote-list.js'
import type { TransferList } from '../../rules/lists/transfer-list.js'
import type { ZoneJob } from '../../sources/axfr/update-zone.js'
import type { BootstrapServers } from '../../sources/http/bootstrap-resolver.js'
import type { Endpoint } from '../../udp/datagram.js'
import type { WorkerStatus } from '../admin/worker-status.js'
import type { RulesLocation } from '../reload/rules-location.js'
import type { WatchState } from '../reload/watch-state.js'
import type { JournalUpdate } from '../reload/zone-journals.js'
import type { CookieSecrets } from '../workers/cookie-secrets.js'
import type { SerializedError } from './serialized-error.js'

/** A line for the service log, which only the control thread writes. */
export interface LogLine {
  readonly kind: 'log'
  readonly level: 'info' | 'warn' | 'error'
  readonly fields: LogFields
  readonly message: string
}

/** What a worker is started with. Sockets are opened only when the first snapshot arrives. */
export interface WorkerInit {
  readonly config: Config
  readonly upstreams: readonly Endpoint[]
  /** What probes for loops are known by: 16 hexadecimal digits. */
  readonly probeKey: string
  /** Upstreams that lead back here: see `LoopWatch`. */
  readonly disabledRoutes: ReadonlySet<number>
  /** Undefined: clients get no cookies. */
  readonly cookieSecrets: CookieSecrets | undefined
  readonly notify: NotifyRules
  readonly ring: SharedArrayBuffer
  /** Its descriptors: closed by the control thread if it dies. */
  readonly ledger: SharedArrayBuffer
}

/** What a worker is asked, and answers when it can. */
export type WorkerRequest =
  /** Drop what is held of a name in lower-cased wire form, or also of all below it. */
  | { readonly kind: 'flush'; readonly name: Uint8Array; readonly below: boolean }
  /** Tell what you have done until now. */
  | { readonly kind: 'status' }

/** What it answers, by the kind of question. */
export interface WorkerReplies {
  /** So many entries. */
  readonly flush: { readonly dropped: number }
  readonly status: WorkerStatus
}

export type WorkerReply = WorkerReplies[WorkerRequest['kind']]

export type ToWorker =
  | {
      readonly kind: 'listen'
      readonly endpoints: readonly Endpoint[]
      readonly snapshot: Snapshot
    }
  | { readonly kind: 'adopt'; readonly snapshot: Snapshot }
  /** Cookies are made with these from now on. */
  | { readonly kind: 'secrets'; readonly secrets: CookieSecrets }
  /** These may say from now on that zones have changed. */
  | { readonly kind: 'hear-from'; readonly rules: NotifyRules }
  /** To be answered with the ticket; other messages may be dealt with before it. */
  | { readonly kind: 'ask'; readonly ticket: number; readonly question: WorkerRequest }
  /** These routes lead back here, and no others. */
  | { readonly kind: 'leave-out'; readonly routes: ReadonlySet<number> }
  | { readonly kind: 'drain' }
  /** Close everything at once, and end. */
  | { readonly kind: 'end' }

export type FromWorker =
  | { readonly kind: 'listening' }
  | { readonly kind: 'drained' }
  | { readonly kind: 'said'; readonly ticket: number; readonly reply: WorkerReply }
  /** A probe for loops has come back. */
  | { readonly kind: 'probe'; readonly token: string }
  /** A primary says that a zone, told by its canonical text, has changed. */
  | { readonly kind: 'notified'; readonly zone: string; readonly primary: string }
  /** It cannot go on, and ends. */
  | { readonly kind: 'failed'; readonly trouble: SerializedError }
  | LogLine

/** Lists that are fetched, and what has to be known to read them. */
export interface RemoteListSet {
  readonly lists: readonly RemoteList[]
  /** Prefixes by id of network. */
  readonly prefixesByNetwork: ReadonlyMap<string, readonly Prefix[]>
}

/** What a fetcher is started with; it tells of each list, and ends. */
export interface FetcherInit extends RemoteListSet {
  readonly copies: string
  readonly servers: BootstrapServers
  readonly caFile: string | undefined
  readonly timeout: Milliseconds
}

/** What a transfer thread is started with; it tells what came of it, and ends. */
export interface TransferInit {
  readonly job: ZoneJob
  /** Of the copies. */
  readonly folder: string
  readonly maxSize: Octets
  readonly maxTime: Milliseconds
}

export interface CompileRequest {
  readonly location: RulesLocation
  readonly generation: number
  /** What is watched, and so known to be read, inside the folder and elsewhere. */
  readonly watchedPaths: readonly string[]
  /** As they looked when the rules in force were read. */
  readonly watchState: WatchState
  /** Whether all is to be read, even if nothing has changed since. */
  readonly isFull: boolean
  /** Special-use names that are answered here. */
  readonly localNames: readonly SpecialUseName[]
  /** The snapshot in force, for a thread that has not made it. */
  readonly active: Snapshot | undefined
}

export type ToCompiler =
  | { readonly kind: 'settings'; readonly file: string | undefined }
  | (CompileRequest & { readonly kind: 'compile' })

export type FromCompiler =
  | { readonly kind: 'settings'; readonly config: Config }
  | {
      readonly kind: 'compiled'
      /** Undefined: the files say what they said before. */
      readonly snapshot: Snapshot | undefined
      /** Against the snapshot before, for the log; undefined for the first. */
      readonly changes: SnapshotChanges | undefined
      readonly warnings: readonly SerializedError[]
      /** Why these are not the rules of the bundle that is offered, but those of the last good one. */
      readonly refused: readonly SerializedError[]
      readonly fetched: RemoteListSet
      /** Lists that are zones of primaries. */
      readonly zones: readonly TransferList[]
      /** Of everything read or looked for, as it was when it was read. */
      readonly marks: WatchState
      readonly took: Milliseconds
      /** As below, of what was refused. */
      readonly passing: boolean
    }
  /** Nothing but the journals of zones has changed. */
  | (JournalUpdate & { readonly kind: 'amended'; readonly took: Milliseconds })
  | {
      readonly kind: 'refused'
      readonly errors: readonly SerializedError[]
      /** As above; undefined: it did not come to reading. */
      readonly marks: WatchState | undefined
      /** Whether it may pass with the files as they are: there was no descriptor, no thread. */
      readonly passing: boolean
    }

/** What comes of reading rules. */
export type CompileResult = Exclude<FromCompiler, { readonly kind: 'settings' }>

export interface RecorderInit {
  readonly settings: QueryLogConfig
  readonly outputs: readonly OutputConfig[]
  /** One per worker. */
  readonly rings: readonly SharedArrayBuffer[]
  /** What `QueryEvent.upstream` is an index in, as shown to people. */
  readonly upstreams: readonly string[]
}

export type ToRecorder =
  | { readonly kind: 'adopt'; readonly snapshot: Snapshot }
  | { readonly kind: 'reopen' }
  /** To be answered with the ticket: what it has done until now. */
  | { readonly kind: 'ask'; readonly ticket: number }
  | { readonly kind: 'drain' }

/** How an output is. */
export interface OutputStatus extends ExporterCounts {
  readonly name: string
  /** How often the thread of all outputs was started anew, since the recorder was. */
  readonly restarts: number
}

/** What the thread itself knows. */
export type OutputReport = Omit<OutputStatus, 'restarts'>

/** Outputs: none where their thread does not answer. */
export interface RecorderReply extends RecorderStatus {
  readonly outputs: readonly OutputStatus[]
}

export interface ExportInit {
  readonly outputs: readonly OutputConfig[]
  /** Two words: octets, and lines, that were sent to it and that it has not taken yet. */
  readonly backlog: Int32Array
}

export type ToExport =
  | { readonly kind: 'block'; readonly octets: Uint8Array; readonly lines: number }
  | { readonly kind: 'ask'; readonly ticket: number }
  | { readonly kind: 'drain' }

export type FromExport =
  | { readonly kind: 'drained' }
  | { readonly kind: 'said'; readonly ticket: number; readonly reply: readonly OutputReport[] }
  | LogLine

export type FromRecorder =
  | { readonly kind: 'drained' }
  | { readonly kind: 'said'; readonly ticket: number; readonly reply: RecorderReply }
  | LogLine

/** The service log of a thread other than control: sends its lines there. */
export function createThreadLog(tell: (line: LogLine) => void): ServiceLog {
  const at =
    (level: LogLine['level']) =>
    (fields: LogFields, message: string): void =>
      tell({ kind: 'log', level, fields, message })
  return { info: at('info'), warn: at('warn'), error: at('error') }
}
