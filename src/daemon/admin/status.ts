import { systemClock } from '../../base/clock.js'
import { MS_PER_SECOND, type Milliseconds, type Seconds } from '../../base/units.js'
import { packageVersion } from '../../base/version.js'
import type { Snapshot } from '../../policy/tables/snapshot.js'
import type { BundleFacts } from '../../rules/model/types.js'
import type { Endpoint, Transport } from '../../udp/datagram.js'
import type { UpstreamState } from '../../upstream/create-forwarder.js'
import {
  addCounts,
  newUpstreamCounts,
  type UpstreamCounts
} from '../../upstream/selection/counts.js'
import type { LoopDetector } from '../control/loop-detector.js'
import { archiveStatus, type ArchiveStatus } from '../querylog/archive-status.js'
import type { Archiver } from '../querylog/archiver.js'
import type { RecorderHandle } from '../querylog/recorder-handle.js'
import { bundleState, type BundleState } from '../reload/bundle-expiry.js'
import type { ReloadStatus, ReloadReporter } from '../reload/reload-reporter.js'
import type { ZoneStatus, ZoneTransfers } from '../sources/zone-transfers.js'
import type { RecorderReply } from '../threads/messages.js'
import type { WorkerPool, WorkerSummary } from '../workers/worker-pool.js'
import { sumCounters, type WorkerCounters } from './worker-status.js'

/** A thread answers between two batches, and one that takes longer than this is in trouble. */
const THREAD_TIMEOUT: Milliseconds = 2_000

/**
 * How the gateway is. What workers count is added up, each counting since it began; its JSON form
 * is public, see docs/reference/admin-socket.md. Instants are RFC 3339.
 */
export interface Status extends WorkerCounters {
  readonly version: string
  readonly started: string
  readonly uptimeSeconds: Seconds
  readonly transport: Transport['kind']
  readonly listening: readonly Endpoint[]
  readonly rules: RulesStatus
  readonly workers: readonly (Omit<WorkerSummary, 'since'> & { readonly since: string | null })[]
  /** Workers that did not answer in time: what they count is missing in the sums. */
  readonly silent: readonly number[]
  readonly upstreams: readonly UpstreamStatus[]
  /** Lists that are zones of primaries. */
  readonly zones: readonly ZoneStatus[]
  /** Null: it did not answer. */
  readonly recorder: (RecorderReply & { readonly restarts: number }) | null
  /** Null: nothing is done with closed files of the query log, or there is none. */
  readonly archive: ArchiveStatus | null
}

export interface RulesStatus {
  readonly generation: number
  readonly sha256: string
  readonly since: string
  /** Null: the rules are a folder. */
  readonly bundle: BundleStatus | null
  readonly networks: number
  readonly rules: number
  readonly bans: number
  readonly names: number
  /** Bans and exceptions that end within 14 days. */
  readonly ending: number
  /** Bans whose review is due. */
  readonly reviewsDue: number
  /** Null: they were read but once. */
  readonly reload: (Omit<ReloadStatus, 'at'> & { readonly at: string }) | null
}

export interface BundleStatus {
  readonly serial: number
  readonly created: string
  readonly expires: string
  /** `ending`: within seven days; `expired`: it is in force still. */
  readonly state: BundleState
  /** The highest serial that was accepted: higher after a rollback. */
  readonly newest: number
  readonly rollback: NonNullable<BundleFacts['rollback']> | null
}

export interface UpstreamStatus extends Readonly<UpstreamCounts> {
  readonly address: string
  /** In how many workers it is in which state. */
  readonly workers: Readonly<Record<UpstreamState['health'], number>>
  /** Domains for which it is not asked, since it leads back here; `.`: all that has no others. */
  readonly loopsFor: readonly string[]
  /** Smoothed, mean of the workers in which it is usable; null: none of them has measured it. */
  readonly roundTripMs: Milliseconds | null
  /** How many workers know that it has cookies. */
  readonly cookies: number
}

/** What the control thread knows. */
export interface StatusSources {
  readonly workerPool: Pick<WorkerPool, 'request' | 'summaries'>
  readonly recorder: Pick<RecorderHandle, 'status' | 'restarts'>
  readonly archiver: Archiver
  readonly loopDetector: Pick<LoopDetector, 'disabledRoutes'>
  readonly reporter: Pick<ReloadReporter, 'since' | 'last' | 'due'>
  readonly rules: Snapshot
  readonly zones: Pick<ZoneTransfers, 'status'>
  readonly endpoints: readonly Endpoint[]
  /** As shown to people, in the order in which forwarders number them. */
  readonly upstreams: readonly string[]
  readonly transport: Transport['kind']
  /** By the calendar, and how long ago that was. */
  readonly started: Milliseconds
  readonly uptime: Milliseconds
}

/** Asks all threads at once: takes no longer than the most patient wait for one. */
export async function gatherStatus(
  parts: StatusSources,
  patience: Milliseconds = THREAD_TIMEOUT
): Promise<Status> {
  const { workerPool: fleet, recorder, endpoints, transport, started, uptime } = parts
  const [said, written, zones, archive] = await Promise.all([
    fleet.request({ kind: 'status' }, patience),
    recorder.status(patience),
    parts.zones.status(),
    archiveStatus(parts.archiver, patience)
  ])
  const heard = said.flatMap(({ reply }) => (typeof reply === 'object' ? [reply] : []))
  return {
    version: packageVersion(),
    started: showInstant(started),
    uptimeSeconds: Math.floor(uptime / MS_PER_SECOND),
    transport,
    listening: endpoints,
    rules: rulesStatus(parts.rules, parts.reporter),
    workers: fleet.summaries.map(life => ({
      ...life,
      since: life.since === undefined ? null : showInstant(life.since)
    })),
    silent: said.flatMap(({ worker, reply }) => (reply === 'silent' ? [worker] : [])),
    ...sumCounters(heard.map(({ counters }) => counters)),
    upstreams: upstreamsStatus(
      parts,
      heard.map(({ upstreams }) => upstreams)
    ),
    zones,
    recorder: typeof written === 'object' ? { ...written, restarts: recorder.restarts } : null,
    archive
  }
}

function rulesStatus(
  snapshot: Snapshot,
  { since, last, due }: StatusSources['reporter']
): RulesStatus {
  const { generation, origin, counts, claims } = snapshot
  const { networks, rules, names } = counts
  const bans = new Set(claims.all.filter(({ kind }) => kind === 'ban').map(({ ruleId }) => ruleId))
  const reload = last === undefined ? null : { ...last, at: showInstant(last.at) }
  const { ending, reviews: reviewsDue } = due
  const sums = { networks, rules, bans: bans.size, names, ending, reviewsDue }
  const bundle = origin.bundle === undefined ? null : bundleStatus(origin.bundle)
  return { generation, sha256: origin.sha256, since: showInstant(since), bundle, ...sums, reload }
}

function bundleStatus(bundle: BundleFacts): BundleStatus {
  const { serial, created, expires, newest, rollback = null } = bundle
  return {
    serial,
    created: showInstant(created * MS_PER_SECOND),
    expires: showInstant(expires * MS_PER_SECOND),
    state: bundleState(bundle, systemClock.wall()),
    newest,
    rollback
  }
}

function upstreamsStatus(
  { upstreams, loopDetector: loops }: StatusSources,
  workers: readonly (readonly UpstreamState[])[]
): UpstreamStatus[] {
  const { disabledRoutes: leftOut } = loops
  return upstreams.map((address, index) => {
    const states = workers.flatMap(states => states[index] ?? [])
    const loopsFor = leftOut.filter(({ upstream }) => upstream === address)
    return {
      address,
      workers: countHealth(states),
      loopsFor: loopsFor.map(({ domain }) => domain),
      roundTripMs: meanRoundTrip(states),
      cookies: states.filter(({ cookies }) => cookies).length,
      ...sumOfCounts(states)
    }
  })
}

function countHealth(states: readonly UpstreamState[]): UpstreamStatus['workers'] {
  const workers = { usable: 0, resting: 0, down: 0 }
  for (const { health } of states) workers[health]++
  return workers
}

function meanRoundTrip(states: readonly UpstreamState[]): Milliseconds | null {
  const measured = states
    .filter(({ health, responseTime }) => health === 'usable' && responseTime > 0)
    .map(({ responseTime }) => responseTime)
  if (measured.length === 0) return null
  const mean = measured.reduce((sum, time) => sum + time, 0) / measured.length
  return Math.round(mean * 1000) / 1000
}

function sumOfCounts(states: readonly UpstreamState[]): UpstreamCounts {
  const sum = newUpstreamCounts()
  for (const { counts } of states) addCounts(sum, counts)
  return sum
}

function showInstant(at: Milliseconds): string {
  return new Date(at).toISOString()
}
