import { DOH, DOT, TCP, UDP } from '../../resolver/context/responder.js'
import type { PendingQueryCounts } from '../../resolver/stages/pending-query.js'
import { NO_IDENTITIES, type IdentityCounts } from '../../resolver/server/client-recognizer.js'
import type { LimitCounts } from '../../resolver/server/query-limit.js'
import type { TcpService } from '../../resolver/server/tcp-service.js'
import { NO_HANDSHAKES, type TlsCounts } from '../../resolver/server/tls-handshakes.js'
import type { UdpService } from '../../resolver/server/udp.js'
import type { UpstreamState } from '../../resolver/upstream/selection/upstream-state.js'
import type { Limits } from './client-limits.js'

/** The status that one worker reports; counters start at its start. */
export interface WorkerStatus {
  readonly counters: WorkerCounters
  /** In the order of their numbers in a forwarder. */
  readonly upstreams: readonly UpstreamState[]
  /** Connections of each client of the rules, by its id. */
  readonly clients: Readonly<Record<string, number>>
}

/** Counters that add up over all workers; explained in docs/reference/admin-socket.md. */
export interface WorkerCounters {
  readonly queries: {
    readonly udp: number
    readonly tcp: number
    /** Over TLS: RFC 7858. */
    readonly dot: number
    /** Over HTTPS: RFC 8484. */
    readonly doh: number
    readonly waiting: number
  } & Readonly<PendingQueryCounts>
  readonly replies: { readonly sent: number; readonly unsent: number }
  readonly connections: {
    readonly open: number
    readonly accepted: number
    readonly idleClosed: number
    readonly refused: number
    readonly overClientLimit: number
    readonly evicted: number
  }
  readonly tls: Readonly<TlsCounts>
  readonly identities: Readonly<IdentityCounts>
  readonly limits: {
    readonly queries: Readonly<LimitCounts>
    readonly responses: Readonly<LimitCounts>
    readonly frontEnds: { readonly refused: number }
    /** Connections closed because their clients took too much CPU time. */
    readonly cpu: { readonly closed: number }
  }
}

/** The parts of a worker that count. Undefined or empty: not started yet, or off. */
export interface CounterSources {
  readonly udp: readonly Pick<UdpService, 'counts'>[]
  readonly tcp: readonly Pick<TcpService, 'counts' | 'connections' | 'protocol' | 'tls'>[]
  readonly limits: Limits | undefined
  readonly pendingQueries: Readonly<PendingQueryCounts> | undefined
  /** Probes of the gateway itself, by protocol: they are no queries of clients. */
  readonly probed: ArrayLike<number> | undefined
  readonly identities: Readonly<IdentityCounts>
  /** Upstream queries in flight. */
  readonly waiting: number
}

const NO_LIMIT_COUNTS: LimitCounts = { dropped: 0, slipped: 0 }

export function collectCounters({
  udp,
  tcp,
  limits,
  pendingQueries,
  probed,
  identities,
  waiting
}: CounterSources): WorkerCounters {
  const queriesOver = (wanted: number): number =>
    sumOf(tcp, ({ counts, protocol }) => (protocol === wanted ? counts.queries : 0)) -
    (probed?.[wanted] ?? 0)
  const probedOverUdp = probed?.[UDP] ?? 0
  return {
    queries: {
      udp: sumOf(udp, ({ counts }) => counts.received) - probedOverUdp,
      tcp: queriesOver(TCP),
      dot: queriesOver(DOT),
      doh: queriesOver(DOH),
      waiting,
      forwarded: pendingQueries?.forwarded ?? 0,
      stale: pendingQueries?.stale ?? 0,
      failed: pendingQueries?.failed ?? 0
    },
    replies: {
      // Probes of bans with the action `drop` are not answered.
      sent: Math.max(0, sumOf(udp, ({ counts }) => counts.sent) - probedOverUdp),
      unsent: sumOf(udp, ({ counts }) => counts.sendErrors)
    },
    connections: {
      open: sumOf(tcp, ({ connections }) => connections),
      accepted: sumOf(tcp, ({ counts }) => counts.accepted),
      idleClosed: sumOf(tcp, ({ counts }) => counts.idleClosed),
      refused: sumOf(tcp, ({ counts }) => counts.refused),
      overClientLimit: sumOf(tcp, ({ counts }) => counts.overClientLimit),
      evicted: sumOf(tcp, ({ counts, tls }) => counts.evicted + (tls?.evicted ?? 0))
    },
    tls: tcp.reduce(
      (sum, { tls }) => (tls === undefined ? sum : addObjects(sum, tls)),
      NO_HANDSHAKES
    ),
    identities: { ...identities },
    limits: {
      queries: { ...(limits?.counts.queries ?? NO_LIMIT_COUNTS) },
      responses: { ...(limits?.counts.responses ?? NO_LIMIT_COUNTS) },
      frontEnds: { refused: limits?.counts.proxies.rejected ?? 0 },
      cpu: { closed: limits?.cpuBudget.counts.closed ?? 0 }
    }
  }
}

/** All counters at zero. */
export const ZERO_COUNTERS = collectCounters({
  udp: [],
  tcp: [],
  limits: undefined,
  pendingQueries: undefined,
  probed: undefined,
  identities: NO_IDENTITIES,
  waiting: 0
})

export function sumCounters(all: readonly WorkerCounters[]): WorkerCounters {
  return all.reduce((sum, counters) => addObjects(sum, counters), ZERO_COUNTERS)
}

/** Adds two nested objects of the same shape, number by number. */
function addObjects<Shape extends object>(one: Shape, other: Shape): Shape {
  const sums = Object.entries(one).map(([key, value]: [string, number | object]) => {
    const more = other[key as keyof Shape] as number | object
    const both =
      typeof value === 'number' ? value + (more as number) : addObjects(value, more as object)
    return [key, both] as const
  })
  return Object.fromEntries(sums) as Shape
}

function sumOf<T>(all: readonly T[], count: (one: T) => number): number {
  return all.reduce((sum, one) => sum + count(one), 0)
}
