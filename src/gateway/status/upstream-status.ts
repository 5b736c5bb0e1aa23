import type { Milliseconds } from '../../base/units.js'
import { setLabels } from '../../policy/tables/forwarder-sets.js'
import type { Snapshot } from '../../policy/tables/snapshot.js'
import type { UpstreamState } from '../../resolver/upstream/selection/upstream-state.js'
import {
  addCounts,
  newUpstreamCounts,
  type UpstreamCounts
} from '../../resolver/upstream/selection/counts.js'
import type { LoopDetector } from '../upstreams/loop-detector.js'

/** An upstream as all workers together see it. The JSON form is public, see docs/reference/admin-socket.md. */
export interface UpstreamStatus extends Readonly<UpstreamCounts> {
  readonly address: string
  /**
   * `down`     it fails, and no worker has had a response since that began
   * `up`       it has responded
   * `unknown`  neither: there were no queries and no probes for it yet
   */
  readonly state: 'up' | 'down' | 'unknown'
  /** `strict`: over TLS, with a checked certificate; `opportunistic`: with any certificate. */
  readonly encryption: UpstreamState['encryption']
  /** Why a worker's last connection to it failed, over TLS; null: none has. */
  readonly error: string | null
  /** Whether it is used for names without a `forward` entry. */
  readonly isDefault: boolean
  /** Ids of the networks that forward names to it by `forward` of the rules. */
  readonly networks: readonly string[]
  /** The number of workers in which it is in each state. */
  readonly workers: Readonly<Record<UpstreamState['health'], number>>
  /** True if it is probed while idle. */
  readonly probed: boolean
  /** Domains for which it is disabled by a forwarding loop; `.`: the default upstreams. */
  readonly loopsFor: readonly string[]
  /** Smoothed round-trip time, mean of the workers in which it is up; null: not measured. */
  readonly roundTripMs: Milliseconds | null
  /** The number of workers that have received a server cookie from it. */
  readonly cookies: number
  /** The number of workers that query it without EDNS, because it rejected EDNS. */
  readonly withoutEdns: number
}

/** Where the status of upstreams is gathered from. */
export interface UpstreamSources {
  readonly loopDetector: Pick<LoopDetector, 'disabledRoutes'>
  /** Labels, in the order of their numbers in a forwarder. */
  readonly upstreams: readonly string[]
  /** Labels of the upstreams for names without a `forward` entry. */
  readonly defaultUpstreams: readonly string[]
  /** The active rules. */
  readonly rules: Pick<Snapshot, 'forwarders'>
  /** Whether idle upstreams are probed. */
  readonly probesUpstreams: boolean
}

/** @param workers the states of each worker; a worker that is about to get new settings lacks some */
export function upstreamsStatus(
  { upstreams, defaultUpstreams, probesUpstreams, loopDetector, rules }: UpstreamSources,
  workers: readonly (readonly UpstreamState[])[]
): UpstreamStatus[] {
  const { disabledRoutes } = loopDetector
  return upstreams.map(address => {
    const states = workers.flatMap(states => states.find(one => one.address === address) ?? [])
    const loopsFor = disabledRoutes.filter(({ upstream }) => upstream === address)
    return {
      address,
      state: stateOf(states),
      encryption: states[0]?.encryption ?? 'none',
      error: states.find(({ error }) => error !== undefined)?.error ?? null,
      isDefault: defaultUpstreams.includes(address),
      networks: rules.forwarders
        .filter(set => setLabels([set]).includes(address))
        .flatMap(({ networks }) => networks),
      probed: probesUpstreams,
      workers: countHealth(states),
      loopsFor: loopsFor.map(({ domain }) => domain),
      roundTripMs: meanRoundTrip(states),
      cookies: states.filter(({ cookies }) => cookies).length,
      withoutEdns: states.filter(({ edns }) => !edns).length,
      ...sumOfCounts(states)
    }
  })
}

/**
 * The one decision whether an upstream is down, for status, health, metrics and alerts. Workers notice by their own
 * queries, and a worker without any has nothing to say: what was noticed last counts.
 */
export function stateOf(
  workers: readonly Pick<UpstreamState, 'answeredAgo' | 'unavailableFor'>[]
): UpstreamStatus['state'] {
  const answeredAgo = Math.min(...workers.map(worker => worker.answeredAgo ?? Infinity))
  if (workers.some(({ unavailableFor = Infinity }) => unavailableFor < answeredAgo)) return 'down'
  return answeredAgo === Infinity ? 'unknown' : 'up'
}

function countHealth(states: readonly UpstreamState[]): UpstreamStatus['workers'] {
  const workers = { up: 0, outOfRotation: 0, down: 0 }
  for (const { health } of states) workers[health]++
  return workers
}

function meanRoundTrip(states: readonly UpstreamState[]): Milliseconds | null {
  const measured = states
    .filter(({ health, responseTime }) => health === 'up' && responseTime > 0)
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
