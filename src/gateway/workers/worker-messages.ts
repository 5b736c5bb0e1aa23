import type { MessagePort } from 'node:worker_threads'
import type { Config, ListenConfig } from '../config/config.js'
import type { Snapshot } from '../../policy/tables/snapshot.js'
import type { AnswerBatch } from '../../resolver/stages/answer-notes.js'
import type { HeldReply, SeenAddress } from '../../resolver/stages/reply-gate.js'
import type { ValidationSample } from '../../resolver/stages/validation-sampler.js'
import type { NotifyRules } from '../../resolver/stages/notify-handler.js'
import type { TlsMaterial } from '../../wire/tls/certificate-contexts.js'
import type { Endpoint } from '../../wire/sockets/datagram.js'
import type { ListeningSocket } from '../../wire/sockets/listening-sockets.js'
import type { RouteId } from '../../resolver/upstream/create-forwarder.js'
import type { WorkerStatus } from './worker-status.js'
import type { CookieSecrets } from './cookie-secrets.js'
import type { SharedCacheMemory } from './shared-cache.js'
import type { SerializedError } from '../../base/errors/serialized-error.js'
import type { EndRequest } from '../../base/threads/thread.js'
import type { LogLine } from '../../base/threads/thread-log.js'

/** What of the settings a worker needs, and may be replaced while it runs. */
export interface WorkerSettings {
  readonly config: Config
  /** The default upstreams. */
  readonly upstreams: readonly Endpoint[]
  /** Labels of all upstreams so far: see `ForwarderSettings.labels`. */
  readonly labels: readonly string[]
  /** Routes that form a forwarding loop: see `LoopDetector`. */
  readonly disabledRoutes: ReadonlySet<RouteId>
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
  /** Devices behind addresses, see `DeviceTableReader`; undefined: there are no feeds. */
  readonly devices: SharedArrayBuffer | undefined
  /** Addresses that are denied to networks, see `DeniedTableReader`; undefined: none ever are. */
  readonly denied: SharedArrayBuffer | undefined
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
      /** First answer queries of its own. */
      readonly warmsUp: boolean
    })
  | (CountedSnapshot & { readonly kind: 'adopt' })
  | { readonly kind: 'settings'; readonly settings: WorkerSettings }
  /** Replaces certificates and ticket keys, by listen endpoint. */
  | { readonly kind: 'certificates'; readonly certificates: WorkerInit['certificates'] }
  | { readonly kind: 'cookie-secrets'; readonly secrets: CookieSecrets }
  /** To the validation thread, instead of an earlier one. */
  | { readonly kind: 'validation'; readonly port: MessagePort }
  /** Replies that were held may be sent. */
  | { readonly kind: 'release'; readonly ids: readonly number[] }
  /** Primaries whose NOTIFY is accepted, and for which zones. */
  | { readonly kind: 'notify-sources'; readonly rules: NotifyRules }
  /** The reply carries the same id; it may come after replies to later messages. */
  | { readonly kind: 'request'; readonly id: number; readonly request: WorkerRequest }
  /** Replaces the set of routes disabled because of a forwarding loop. */
  | { readonly kind: 'disable-routes'; readonly routes: ReadonlySet<RouteId> }
  /** @param leaves see `UdpService.drain` */
  | { readonly kind: 'drain'; readonly leaves: boolean }
  /** Close every socket at once, and exit. */
  | EndRequest

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
  /** An answer to be validated. */
  | { readonly kind: 'sample'; readonly sample: ValidationSample }
  /** Addresses that answers led clients to. */
  | { readonly kind: 'answers'; readonly batch: AnswerBatch }
  /** What clients of networks with `egress: deny` have looked up: addresses by names, and names that were blocked. */
  | {
      readonly kind: 'sighted'
      readonly seen: readonly SeenAddress[]
      readonly blocked: readonly string[]
    }
  /** A reply waits until its addresses are free. */
  | { readonly kind: 'held'; readonly reply: HeldReply }
  | { readonly kind: 'overdue'; readonly count: number }
  /** The worker cannot continue, and exits. */
  | { readonly kind: 'failed'; readonly error: SerializedError }
  | LogLine
