import { rulesEnforcement, type Enforcement } from '../../analysis/enforcement/rules-enforcement.js'
import { epochSeconds, systemClock } from '../../base/time/clock.js'
import { MS_PER_SECOND, type Milliseconds, type Seconds } from '../../base/units.js'
import { installedVersion, packageVersion } from '../../base/package.js'
import type { ListenConfig } from '../config/config.js'
import { protocolOf } from '../../wire/sockets/endpoint.js'
import type { PendingRestart } from '../config/restart-keys.js'
import type { Snapshot } from '../../policy/tables/snapshot.js'
import type { ListState } from '../../policy/rules/lists/load-list.js'
import type { AsnFacts } from '../../policy/rules/asn/asn-extract.js'
import type { BundleFacts } from '../../policy/rules/model/types.js'
import type { Endpoint, Transport } from '../../wire/sockets/datagram.js'
import type { AlertHookStatus } from './alert-hook-status.js'
import type { CatalogueStatus } from '../catalogue/catalogue-updater.js'
import type { ScheduledReportStatus } from '../reports/report-scheduler.js'
import type { HealthState, ProblemCode } from './problems.js'
import type { FleetStatus } from './fleet-status.js'
import type { BindingsState } from '../bindings/binding-messages.js'
import type { ObservationState } from '../egress/observation-messages.js'
import type { ValidationStatus } from '../validation/validation-status.js'
import type { ProbeStatus } from '../probe/probe-status.js'
import { archiveStatus, type ArchiveStatus } from '../../lookups/threads/archive-status.js'
import type { Archiver } from '../../lookups/threads/archiver.js'
import type { WitnessStatus } from '../../lookups/witness/chain-witness.js'
import type { RecorderHandle } from '../../lookups/threads/recorder-handle.js'
import { bundleState, rootState, type BundleState } from '../reload/bundle-expiry.js'
import type { HistoryStatus } from '../reload/history-recorder.js'
import { type ReloadStatus, type ReloadReporter, MAX_REPORTED } from '../reload/reload-reporter.js'
import type { RemovedBan, ShrunkList, UnconfirmedChanges } from '../reload/unconfirmed-changes.js'
import type { TestReport } from '../compiler/policy-test-gate.js'
import type { WaitingRules } from '../reload/reload-reporter.js'
import type {
  RemoteListStatus,
  RemoteListUpdater
} from '../../sources/refresh/remote-list-updater.js'
import type { SettingsState } from '../reload/settings-reloader.js'
import type { ZoneStatus, ZoneTransfers } from '../../sources/refresh/zone-transfers.js'
import type { PendingList } from '../compiler/compiler-messages.js'
import type { RecorderReply } from '../../lookups/threads/log-messages.js'
import type { SerializedError } from '../../base/errors/serialized-error.js'
import type { CacheStatus, SharedCache } from '../workers/shared-cache.js'
import type { WorkerPool, WorkerSummary } from '../workers/worker-pool.js'
import type { CertificateDates } from './certificates.js'
import { mandatesStatus, type MandatesStatus } from './mandates-status.js'
import { upstreamsStatus, type UpstreamSources, type UpstreamStatus } from './upstream-status.js'
import { sumCounters, type WorkerCounters } from '../workers/worker-status.js'

/** Threads reply between two batches of queries; one that takes longer than this is overloaded or hangs. */
const THREAD_TIMEOUT: Milliseconds = 2_000

/**
 * The state of the gateway. Counters are the sums of all workers, each counting since its start. The JSON
 * form is public, see docs/reference/admin-socket.md. Times are RFC 3339.
 */
export interface Status extends WorkerCounters {
  readonly version: string
  /** The version of the installed program; null: it is gone. */
  readonly installed: string | null
  readonly started: string
  readonly uptimeSeconds: Seconds
  /** Whether it is stopping, though it may still answer. */
  readonly stopping: boolean
  /** States that must be good, besides `serving`, for the gateway to be ready. */
  readonly readyRequires: readonly HealthState[]
  readonly transport: Transport['kind']
  /** The reason why slower, portable sockets are used; null: they are not, or the settings ask for them. */
  readonly slowTransport: string | null
  /** The reason why encrypted DNS is served by `node:tls`; null: it is not, or there is none. */
  readonly slowTls: string | null
  readonly listening: readonly (Endpoint & { readonly protocol: 'dns' | 'dot' | 'doh' })[]
  readonly rules: RulesStatus
  /** What the rules in force, and pauses of them, leave open; complete in `StatusReply`. */
  readonly enforcement: Enforcement<ProblemCode>
  /** Of what was in force, in the state folder. */
  readonly history: HistoryStatus
  /** Null: they do not come from a file. */
  readonly settings: SettingsStatus | null
  readonly workers: readonly (Omit<WorkerSummary, 'since'> & { readonly since: string | null })[]
  /** Workers that did not reply in time: the sums lack their counters. */
  readonly silent: readonly number[]
  readonly cache: CacheStatus
  readonly upstreams: readonly UpstreamStatus[]
  /** Lists that are zones transferred from primaries. */
  readonly zones: readonly ZoneStatus[]
  /** Lists that are downloaded. */
  readonly remoteLists: readonly RemoteListStatus[]
  /** Certificates that the settings name. */
  readonly certificates: readonly CertificateDates[]
  /** Connections of each client of the rules that was recognized, by its id. */
  readonly clients: Readonly<Record<string, number>>
  /** Webhooks. */
  readonly alerts: readonly AlertHookStatus[]
  readonly reports: readonly ScheduledReportStatus[]
  readonly catalogue: CatalogueStatus | null
  /** Null: the gateway belongs to no fleet. */
  readonly fleet: FleetStatus | null
  /** Null: it is off. */
  readonly probe: ProbeStatus | null
  /** Of answers by DNSSEC, for networks with `dnssec: observe`. Null: there are none. */
  readonly validation: ValidationStatus | null
  /** Feeds of bindings. Null: there are none. */
  readonly bindings: BindingsState | null
  /** Connections of clients, for networks with `egress`. Null: there are none. */
  readonly observation: ObservationState | null
  /** Null: no reply in time. */
  readonly recorder: (RecorderReply & { readonly restarts: number }) | null
  /** Null: archiving, retention and chaining are off, or the query log is. */
  readonly archive: ArchiveStatus | null
  /** Witnesses of the chain of the query log; null: none. */
  readonly witness: readonly WitnessStatus[] | null
}

/** The settings in force. */
export interface SettingsStatus {
  readonly file: string
  /** Of the file when it was last read without an error; null: there was none. */
  readonly sha256: string | null
  /** 1 at the start, one more with each change. */
  readonly generation: number
  readonly since: string
  /** Null: no reload yet. */
  readonly reload: RulesStatus['reload']
  /** What in the file takes effect after a restart. */
  readonly restart: readonly PendingRestart[]
}

export interface RulesStatus {
  readonly generation: number
  readonly sha256: string
  readonly since: string
  /** Null: the rules are a folder. */
  readonly bundle: BundleStatus | null
  /** The ASN database; null: the rules name no autonomous systems. */
  readonly asns: AsnFacts | null
  readonly networks: number
  readonly rules: number
  readonly bans: number
  readonly names: number
  /** Bans and exceptions that expire within 14 days. */
  readonly ending: number
  /** Bans that are due for review. */
  readonly reviewsDue: number
  /** Null: no reload yet. */
  readonly reload: (Omit<ReloadStatus, 'at'> & { readonly at: string }) | null
  /** Saved rules that wait to be applied; null: none do. */
  readonly waiting: WaitingStatus | null
  /** The policy tests under the rules in force. */
  readonly tests: TestsStatus
  readonly mandates: MandatesStatus
  /** The lists of the rules, and those that are being compiled, by id. */
  readonly lists: readonly ListStatus[]
  /** When a reload began that has not ended for a minute; null: none is stuck. */
  readonly reloadStuckSince: string | null
  /** Local lists that lost more entries than a fetched one may, until somebody confirms them. */
  readonly shrunkLists: readonly ShrunkList[]
  /** Bans in force that a change of the rules has ended within the last day. */
  readonly removedBans: readonly RemovedBan[]
}

export interface WaitingStatus {
  readonly since: string
  /** Null: they have errors. */
  readonly sha256: string | null
  readonly errors: number
  readonly first: readonly SerializedError[]
}

export interface TestsStatus {
  readonly passed: number
  readonly failed: number
  /** Each depends on a list without content. */
  readonly undecided: number
  /** The first of those that do not pass. */
  readonly first: readonly SerializedError[]
}

export interface ListStatus {
  readonly id: string
  /** Names and addresses in the active version; duplicates are counted. */
  readonly entries: number
  /** When the active version was compiled, and how long that took; null: there is none yet. */
  readonly compiled: string | null
  readonly compileMs: Milliseconds | null
  /** Since when a new version is being compiled; null: none is. */
  readonly compilingSince: string | null
}

export interface BundleStatus {
  readonly serial: number
  readonly created: string
  readonly expires: string
  /** `ending`: expires within seven days; `expired`: but still active. */
  readonly state: BundleState
  /** The highest serial ever accepted; higher than `serial` after a rollback. */
  readonly newest: number
  readonly rollback: NonNullable<BundleFacts['rollback']> | null
  /** The root of trust that names the trusted keys; null: the settings do. */
  readonly root: RootStatus | null
}

export interface RootStatus {
  readonly version: number
  readonly expires: string
  /** `ending`: expires within 30 days; `expired`: nothing new is accepted under it. */
  readonly state: BundleState
}

/** Where the status is gathered from. */
export interface StatusSources extends UpstreamSources {
  readonly workerPool: Pick<WorkerPool, 'request' | 'summaries'>
  readonly cache: Pick<SharedCache, 'status'>
  readonly recorder: Pick<RecorderHandle, 'status' | 'restarts'>
  readonly archiver: Archiver
  readonly witness: Status['witness']
  readonly reporter: Pick<
    ReloadReporter,
    | 'since'
    | 'last'
    | 'stuckSince'
    | 'due'
    | 'lists'
    | 'pendingLists'
    | 'tests'
    | 'mandates'
    | 'waiting'
    | 'ordered'
  >
  readonly unconfirmed: Pick<UnconfirmedChanges, 'lists' | 'bans'>
  readonly rules: Snapshot
  readonly history: HistoryStatus
  readonly settings: SettingsState | undefined
  readonly zones: Pick<ZoneTransfers, 'status'>
  readonly lists: Pick<RemoteListUpdater, 'status'>
  readonly certificates: readonly CertificateDates[]
  readonly alerts: readonly AlertHookStatus[]
  readonly reports: readonly ScheduledReportStatus[]
  /** Null: the gateway does not update the catalogue. */
  readonly catalogue: CatalogueStatus | null
  readonly fleet: FleetStatus | null
  readonly probe: ProbeStatus | null
  readonly validation: ValidationStatus | null
  readonly bindings: BindingsState | null
  readonly observation: ObservationState | null
  readonly endpoints: readonly ListenConfig[]
  readonly transport: Transport['kind']
  readonly slowTransport: string | null
  readonly slowTls: string | null
  /** Wall-clock time of the start. */
  readonly started: Milliseconds
  readonly uptime: Milliseconds
  readonly stopping: boolean
  readonly readyRequires: readonly HealthState[]
}

/** Asks all threads in parallel, each with the timeout. */
export async function gatherStatus(
  sources: StatusSources,
  timeout: Milliseconds = THREAD_TIMEOUT
): Promise<Status> {
  const { workerPool, recorder, endpoints, transport, started, uptime } = sources
  const [responses, recorded, zones, remoteLists, archive, installed] = await Promise.all([
    workerPool.request({ kind: 'status' }, timeout),
    recorder.status(timeout),
    sources.zones.status(),
    sources.lists.status(),
    archiveStatus(sources.archiver, timeout),
    installedVersion()
  ])
  const replies = responses.flatMap(({ reply }) => (typeof reply === 'object' ? [reply] : []))
  return {
    version: packageVersion(),
    installed,
    started: showInstant(started),
    uptimeSeconds: Math.floor(uptime / MS_PER_SECOND),
    stopping: sources.stopping,
    readyRequires: sources.readyRequires,
    transport,
    slowTransport: sources.slowTransport,
    slowTls: sources.slowTls,
    listening: endpoints.map(endpoint => {
      const { address, port } = endpoint
      return { address, port, protocol: protocolOf(endpoint) }
    }),
    rules: rulesStatus(sources.rules, sources.reporter, sources.unconfirmed),
    enforcement: rulesEnforcement(
      sources.reporter.ordered,
      sources.rules.origin.pauses,
      epochSeconds(systemClock)
    ),
    history: sources.history,
    settings: sources.settings === undefined ? null : settingsStatus(sources.settings),
    workers: workerPool.summaries.map(worker => ({
      ...worker,
      since: worker.since === undefined ? null : showInstant(worker.since)
    })),
    silent: responses.flatMap(({ worker, reply }) => (reply === 'timeout' ? [worker] : [])),
    ...sumCounters(replies.map(({ counters }) => counters)),
    cache: sources.cache.status,
    upstreams: upstreamsStatus(
      sources,
      replies.map(({ upstreams }) => upstreams)
    ),
    zones,
    remoteLists,
    certificates: sources.certificates,
    clients: sumClients(replies.map(({ clients }) => clients)),
    alerts: sources.alerts,
    reports: sources.reports,
    catalogue: sources.catalogue,
    fleet: sources.fleet,
    probe: sources.probe,
    validation: sources.validation,
    bindings: sources.bindings,
    observation: sources.observation,
    recorder:
      typeof recorded === 'object' ? { ...recorded, restarts: recorder.restarts.count } : null,
    archive,
    witness: sources.witness
  }
}

function sumClients(all: readonly Readonly<Record<string, number>>[]): Record<string, number> {
  const sums = new Map<string, number>()
  for (const clients of all) {
    for (const [id, count] of Object.entries(clients)) sums.set(id, (sums.get(id) ?? 0) + count)
  }
  return Object.fromEntries([...sums].sort(([a], [b]) => (a < b ? -1 : 1)))
}

function settingsStatus({ file, generation, since, last, restart }: SettingsState): SettingsStatus {
  return {
    file: file.path,
    sha256: file.sha256 ?? null,
    generation,
    since: showInstant(since),
    reload: last === undefined ? null : { ...last, at: showInstant(last.at) },
    restart
  }
}

function rulesStatus(
  snapshot: Snapshot,
  reporter: StatusSources['reporter'],
  unconfirmed: StatusSources['unconfirmed']
): RulesStatus {
  const { since, last, stuckSince, due, lists, pendingLists, tests, waiting } = reporter
  const { generation, origin, counts } = snapshot
  const { networks, rules, bans, names } = counts
  const reload = last === undefined ? null : { ...last, at: showInstant(last.at) }
  const { ending, reviews: reviewsDue } = due
  const sums = { networks, rules, bans, names, ending, reviewsDue }
  const bundle = origin.bundle === undefined ? null : bundleStatus(origin.bundle)
  return {
    generation,
    sha256: origin.sha256,
    since: showInstant(since),
    bundle,
    asns: origin.asns ?? null,
    ...sums,
    reload,
    waiting: waiting === undefined ? null : waitingStatus(waiting),
    tests: testsStatus(tests),
    mandates: mandatesStatus(reporter.mandates),
    lists: listsStatus(lists, pendingLists),
    reloadStuckSince: stuckSince === undefined ? null : showInstant(stuckSince),
    shrunkLists: unconfirmed.lists,
    removedBans: unconfirmed.bans
  }
}

function waitingStatus({ since, sha256, errors }: WaitingRules): WaitingStatus {
  const first = errors.slice(0, MAX_REPORTED)
  return { since: showInstant(since), sha256: sha256 ?? null, errors: errors.length, first }
}

function testsStatus({ passed, failed, undecided }: TestReport): TestsStatus {
  const first = [...failed, ...undecided].slice(0, MAX_REPORTED)
  return { passed, failed: failed.length, undecided: undecided.length, first }
}

function listsStatus(
  lists: readonly ListState[],
  pending: readonly PendingList[]
): readonly ListStatus[] {
  const ids = new Set([...lists, ...pending].map(({ id }) => id))
  return [...ids].sort().map(id => {
    const state = lists.find(list => list.id === id)
    const since = pending.find(list => list.id === id)?.since
    return {
      id,
      entries: state?.reports.reduce((sum, { names }) => sum + names, 0) ?? 0,
      compiled: state === undefined ? null : showInstant(state.loaded),
      compileMs: state === undefined ? null : Math.round(state.duration),
      compilingSince: since === undefined ? null : showInstant(since)
    }
  })
}

function bundleStatus(bundle: BundleFacts): BundleStatus {
  const { serial, created, expires, newest, rollback = null, root } = bundle
  const now = systemClock.wall()
  return {
    serial,
    created: showInstant(created * MS_PER_SECOND),
    expires: showInstant(expires * MS_PER_SECOND),
    state: bundleState(bundle, now),
    newest,
    rollback,
    root:
      root === undefined
        ? null
        : {
            version: root.version,
            expires: showInstant(root.expires * MS_PER_SECOND),
            state: rootState(root, now)
          }
  }
}

function showInstant(at: Milliseconds): string {
  return new Date(at).toISOString()
}
