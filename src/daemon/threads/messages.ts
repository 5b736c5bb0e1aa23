import type { AlertMessage, Hook } from '../../alerts/post-alert.js'
import type { Prefix } from '../../base/address.js'
import type { Milliseconds, Octets } from '../../base/units.js'
import type { Config, ListenConfig } from '../../config/config.js'
import type { QueryLogConfig } from '../../config/query-log-config.js'
import type { FleetConfig } from '../../config/fleet-config.js'
import type { SettingsFile } from '../../config/load.js'
import type { OutputConfig } from '../../config/output-config.js'
import type { Pause } from '../../policy/tables/snapshot.js'
import type { SnapshotChanges } from '../../policy/diff/compare.js'
import type { Snapshot } from '../../policy/tables/snapshot.js'
import type { SpecialUseName } from '../../policy/tables/special-use-names.js'
import type { ChannelState } from '../../fleet/channel/channel-state.js'
import type { Report } from '../../fleet/wire.js'
import type { ExporterCounts } from '../../querylog/export/exporter.js'
import type { RecorderStatus } from '../../querylog/record/recorder.js'
import type { LogFields, ServiceLog } from '../../querylog/record/service-log.js'
import type { NotifyRules } from '../../resolver/notify-handler.js'
import type { ListState } from '../../rules/lists/load-list.js'
import type { RemoteList } from '../../rules/lists/remote-list.js'
import type { TransferList } from '../../rules/lists/transfer-list.js'
import type { ZoneJob } from '../../sources/axfr/update-zone.js'
import type { BundleSource } from '../../sources/bundle/choose-bundle.js'
import type { BootstrapServers } from '../../sources/http/bootstrap-resolver.js'
import type { TlsMaterial } from '../../tls/certificate-contexts.js'
import type { Endpoint } from '../../udp/datagram.js'
import type { ListeningSocket } from '../../udp/listening-sockets.js'
import type { AdminReply, ControlRequest } from '../admin/admin-protocol.js'
import type { WorkerStatus } from '../admin/worker-status.js'
import type { RulesLocation } from '../reload/rules-location.js'
import type { WatchState } from '../reload/watch-state.js'
import type { JournalUpdate } from '../reload/zone-journals.js'
import type { ProbeThreadState } from '../probe/probe-status.js'
import type { CookieSecrets } from '../workers/cookie-secrets.js'
import type { CountedRules } from '../workers/rule-counters.js'
import type { SharedCacheMemory } from '../workers/shared-cache.js'
import type { SerializedError } from './serialized-error.js'

/** A line of the service log, which only the control thread writes. */
export interface LogLine {
  readonly kind: 'log'
  readonly level: 'info' | 'warn' | 'error'
  readonly fields: LogFields
  readonly message: string
}

/** What of the settings a worker needs, and may be replaced while it runs. */
export interface WorkerSettings {
  readonly config: Config
  /** The default upstreams. */
  readonly upstreams: readonly Endpoint[]
  /** Labels of all upstreams so far: see `ForwarderSettings.labels`. */
  readonly labels: readonly string[]
  /** Routes that form a forwarding loop: see `LoopDetector`. */
  readonly disabledRoutes: ReadonlySet<number>
  /** Undefined: server cookies are off. */
  readonly cookieSecrets: CookieSecrets | undefined
}

/** The start parameters of a worker. It opens no socket before the `listen` message. */
export interface WorkerInit {
  readonly settings: WorkerSettings
  /** From 0; a restarted worker has the number of the dead one. */
  readonly number: number
  /** Shared by all workers. */
  readonly cache: SharedCacheMemory
  /** UDP sockets in each address family for upstreams without cookies. */
  readonly upstreamSockets: number
  /** 16 hexadecimal digits by which workers recognize loop detection probes. */
  readonly probeKey: string
  /** By which workers recognize probes of the probe thread. */
  readonly ownKey: Uint8Array
  /** By listen endpoint; undefined: without TLS. */
  readonly certificates: readonly (TlsMaterial | undefined)[]
  readonly notify: NotifyRules
  readonly ring: SharedArrayBuffer
  /** For `LookupCounters`, of all workers. */
  readonly counters: SharedArrayBuffer
  /** The worker's open file descriptors, which the control thread closes if the worker dies. */
  readonly descriptors: SharedArrayBuffer
}

/** A request from the control thread to a worker. */
export type WorkerRequest =
  /** The cache was flushed, of which the shelf has copies. */
  | { readonly kind: 'clear-shelf' }
  | { readonly kind: 'status' }
  /** On which sockets it listens. */
  | { readonly kind: 'sockets' }

/** The reply to each kind of request. */
export interface WorkerReplies {
  readonly 'clear-shelf': { readonly cleared: true }
  readonly status: WorkerStatus
  readonly sockets: { readonly sockets: readonly ListeningSocket[] }
}

export type WorkerReply = WorkerReplies[WorkerRequest['kind']]

/** A snapshot, with memory for what all workers count by its rules. */
export interface CountedSnapshot {
  readonly snapshot: Snapshot
  readonly counters: SharedArrayBuffer
}

export type ToWorker =
  | (CountedSnapshot & {
      readonly kind: 'listen'
      readonly endpoints: readonly ListenConfig[]
      /** Its share of the sockets inherited from another process. */
      readonly sockets: readonly ListeningSocket[]
    })
  | (CountedSnapshot & { readonly kind: 'adopt' })
  | { readonly kind: 'settings'; readonly settings: WorkerSettings }
  /** Replaces certificates and ticket keys, by listen endpoint. */
  | { readonly kind: 'certificates'; readonly certificates: WorkerInit['certificates'] }
  | { readonly kind: 'cookie-secrets'; readonly secrets: CookieSecrets }
  /** Primaries whose NOTIFY is accepted, and for which zones. */
  | { readonly kind: 'notify-sources'; readonly rules: NotifyRules }
  /** The reply carries the same id; it may come after replies to later messages. */
  | { readonly kind: 'request'; readonly id: number; readonly request: WorkerRequest }
  /** Replaces the set of routes disabled because of a forwarding loop. */
  | { readonly kind: 'disable-routes'; readonly routes: ReadonlySet<number> }
  /** @param leaves see `UdpService.drain` */
  | { readonly kind: 'drain'; readonly leaves: boolean }
  /** Close every socket at once, and exit. */
  | { readonly kind: 'end' }

export type FromWorker =
  | { readonly kind: 'listening' }
  /** From now on it answers by this snapshot, and counts nothing by an earlier one. */
  | { readonly kind: 'adopted'; readonly generation: number }
  | { readonly kind: 'drained' }
  | { readonly kind: 'reply'; readonly id: number; readonly reply: WorkerReply }
  /** A loop detection probe was received as a query. */
  | { readonly kind: 'probe'; readonly token: string }
  /** A primary sent NOTIFY for a zone, named by its canonical text. */
  | { readonly kind: 'notified'; readonly zone: string; readonly primary: string }
  /** The worker cannot continue, and exits. */
  | { readonly kind: 'failed'; readonly error: SerializedError }
  | LogLine

/** Lists to download, with what is needed to parse them. */
export interface RemoteListSet {
  readonly lists: readonly RemoteList[]
  /** Prefixes by network id. */
  readonly prefixesByNetwork: ReadonlyMap<string, readonly Prefix[]>
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

export type FromFleet = LogLine | { readonly kind: 'state'; readonly state: ChannelState }

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

export interface CompileRequest {
  readonly location: RulesLocation
  readonly generation: number
  /** Every path that the file watcher follows: files read last time, inside and outside the folder. */
  readonly watchedPaths: readonly string[]
  /** The state of the files when the active rules were read. */
  readonly watchState: WatchState
  /** Read and compile everything, even if no file has changed. */
  readonly isFull: boolean
  /** Compile even if the rules are the same: `localNames` are not. */
  readonly isForced: boolean
  /** Special-use names that are answered locally. */
  readonly localNames: readonly SpecialUseName[]
  readonly pauses: readonly Pause[]
  /** The active snapshot, for a thread that did not compile it. */
  readonly active: Snapshot | undefined
  /** The lists in the active snapshot. */
  readonly lists: readonly ListState[]
  /** Whether the result is to contain a description of the rules. */
  readonly describe: boolean
  /** How many names of each source it is to contain. */
  readonly sampled: number
}

/** A list that is being compiled. */
export interface PendingList {
  readonly id: string
  /** Wall-clock time. */
  readonly since: Milliseconds
}

export type ToCompiler =
  | { readonly kind: 'settings'; readonly file: string | undefined }
  | (CompileRequest & { readonly kind: 'compile' })

export type FromCompiler =
  | {
      readonly kind: 'settings'
      readonly file: SettingsFile
      /** The file as it was when it was read. */
      readonly watchState: WatchState
      /** Undefined: the settings have errors. */
      readonly config: Config | undefined
      readonly errors: readonly SerializedError[]
    }
  | {
      readonly kind: 'compiled'
      /** Undefined: the rules are the same as the active ones. */
      readonly snapshot: Snapshot | undefined
      /** Compared to the previous snapshot, for the log; undefined for the first. */
      readonly changes: SnapshotChanges | undefined
      readonly warnings: readonly SerializedError[]
      /** Why the bundle on offer was rejected, and these are the rules of the last good one. */
      readonly bundleErrors: readonly SerializedError[]
      /** Why new versions of lists were rejected, and these are the names of the last good ones. */
      readonly listErrors: readonly SerializedError[]
      /** The lists in the snapshot. */
      readonly lists: readonly ListState[]
      /** Lists whose new version is not in it yet: `list compiled` follows. */
      readonly pendingLists: readonly PendingList[]
      readonly remoteLists: RemoteListSet
      /** Lists that are zones transferred from primaries. */
      readonly zones: readonly TransferList[]
      /** See `packRules`; undefined: not requested. */
      readonly described: Uint8Array | undefined
      /** Every file read or looked for, as it was when it was read. */
      readonly watchState: WatchState
      readonly duration: Milliseconds
      /** Whether `bundleErrors` or `listErrors` may go away by themselves, as below. */
      readonly isTransient: boolean
    }
  /** Only zone journals have changed. */
  | (JournalUpdate & {
      readonly kind: 'updated'
      readonly lists: readonly ListState[]
      readonly duration: Milliseconds
    })
  | {
      readonly kind: 'rejected'
      readonly errors: readonly SerializedError[]
      /** As above; undefined: no file was read. */
      readonly watchState: WatchState | undefined
      /** Whether a retry may succeed with the same files: out of descriptors, or of threads. */
      readonly isTransient: boolean
    }

/** Not a reply: a list is done that a reload has not waited for. */
export interface ListCompiled {
  readonly kind: 'list compiled'
}

export type CompileResult = Exclude<FromCompiler, { readonly kind: 'settings' }>

export interface RecorderInit {
  readonly settings: QueryLogConfig
  readonly outputs: readonly OutputConfig[]
  /** One per worker. */
  readonly rings: readonly SharedArrayBuffer[]
  /** Labels of the upstreams, which `QueryEvent.upstream` is an index into. */
  readonly upstreams: readonly string[]
}

export type ToRecorder =
  | { readonly kind: 'adopt'; readonly snapshot: Snapshot }
  /** Labels of all upstreams so far; sent before any worker uses a new one. */
  | { readonly kind: 'upstreams'; readonly labels: readonly string[] }
  | {
      readonly kind: 'settings'
      readonly settings: QueryLogConfig
      readonly outputs: readonly OutputConfig[]
    }
  | { readonly kind: 'reopen' }
  /** Closes the file and begins another one. */
  | { readonly kind: 'rotate' }
  /** Asks for the status; the reply carries the same id. */
  | { readonly kind: 'request'; readonly id: number }
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
  | LogLine

/** The service log of any other thread: sends its lines to the control thread. */
export function createThreadLog(post: (line: LogLine) => void): ServiceLog {
  const at =
    (level: LogLine['level']) =>
    (fields: LogFields, message: string): void =>
      post({ kind: 'log', level, fields, message })
  return { info: at('info'), warn: at('warn'), error: at('error') }
}
