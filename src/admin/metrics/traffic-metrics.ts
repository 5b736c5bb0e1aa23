import { MS_PER_SECOND } from '../../base/units.js'
import type { StatusReply } from '../../gateway/status/health.js'
import { byLabel, counter, counters, gauge, gauges } from './families.js'
import type { MetricFamily } from './metrics-text.js'

export function workerMetrics({ workers, silent }: StatusReply): MetricFamily[] {
  const labels = ({ number }: StatusReply['workers'][number]) => ({ worker: String(number) })
  return [
    gauges(
      'worker_up',
      'Whether a worker listens and responds: 1 or 0.',
      workers.map(worker => ({
        value: worker.state === 'listening' && !silent.includes(worker.number) ? 1 : 0,
        labels: labels(worker)
      }))
    ),
    counters(
      'worker_restarts',
      'Restarts of a worker.',
      workers.map(worker => ({ value: worker.restarts, labels: labels(worker) }))
    )
  ]
}

export function trafficMetrics({
  queries,
  replies,
  connections,
  tls,
  identities,
  limits
}: StatusReply): MetricFamily[] {
  const { waiting, forwarded, stale, failed } = queries
  const limited = (['queries', 'responses'] as const).flatMap(limit => [
    { value: limits[limit].dropped, labels: { limit, action: 'dropped' } },
    { value: limits[limit].slipped, labels: { limit, action: 'truncated' } }
  ])
  const refused = limits.frontEnds.refused
  return [
    counters(
      'udp_replies',
      'Responses over UDP: sent, or not accepted by the system.',
      byLabel('result', replies)
    ),
    counters(
      'dns_forwarded',
      'Queries that waited for an upstream, by result.',
      byLabel('result', { answered: forwarded, stale, failed })
    ),
    gauge('dns_in_flight', 'Queries in flight to upstreams.', waiting),
    gauge('tcp_connections', 'Open connections of clients.', connections.open),
    counter('tcp_accepted', 'Connections accepted.', connections.accepted),
    counters(
      'tcp_closed',
      'Connections that the gateway closed, by reason.',
      byLabel('reason', {
        idle: connections.idleClosed,
        limit: connections.refused,
        client_limit: connections.overClientLimit,
        evicted: connections.evicted,
        cpu: limits.cpu.closed,
        identity: identities.refused,
        revoked: identities.cut
      })
    ),
    counters(
      'tls_handshakes',
      'TLS handshakes with clients, by result.',
      byLabel('result', {
        full: tls.handshakes - tls.resumed,
        resumed: tls.resumed,
        failed: tls.failed,
        refused: tls.refused
      })
    ),
    counters(
      'client_identities',
      'Encrypted connections, by what became of the identity of their client.',
      byLabel('result', {
        known: identities.known,
        unknown: identities.unknown,
        revoked: identities.revoked,
        none: identities.missing
      })
    ),
    counters(
      'limited',
      'Queries and identical responses dropped, or answered with TC or BADCOOKIE, by limits.',
      [...limited, { value: refused, labels: { limit: 'front-ends', action: 'refused' } }]
    )
  ]
}

export function cacheMetrics({ cache: { answers, failures } }: StatusReply): MetricFamily[] {
  const of = (key: 'entries' | 'octets' | 'limitOctets') =>
    byLabel('type', { answers: answers[key], failures: failures[key] })
  return [
    gauges(
      'cache_entries',
      'Cached answers, and failures with what is served meanwhile.',
      of('entries')
    ),
    gauges('cache_bytes', 'Memory in use.', of('octets')),
    gauges('cache_limit_bytes', 'Memory that may be used.', of('limitOctets'))
  ]
}

export function upstreamMetrics({ upstreams }: StatusReply): MetricFamily[] {
  const each = (value: (upstream: StatusReply['upstreams'][number]) => number | null) =>
    upstreams.flatMap(upstream => {
      const found = value(upstream)
      return found === null ? [] : [{ value: found, labels: { upstream: upstream.address } }]
    })
  const failures = upstreams.flatMap(({ address, timeouts, undelivered, lost }) =>
    Object.entries({ timeouts, undelivered, lost }).map(([reason, value]) => {
      return { value, labels: { upstream: address, reason } }
    })
  )
  return [
    gauges(
      'upstream_up',
      'Whether an upstream answers, as far as is known: 1 or 0.',
      each(({ state }) => (state === 'down' ? 0 : 1))
    ),
    counters(
      'upstream_queries',
      'Queries sent, with retries and probes.',
      upstreams.flatMap(({ address: upstream, queries, overTcp }) => [
        { value: queries - overTcp, labels: { upstream, transport: 'udp' } },
        { value: overTcp, labels: { upstream, transport: 'tcp' } }
      ])
    ),
    counters(
      'upstream_responses',
      'Responses accepted.',
      each(it => it.responses)
    ),
    counters('upstream_failures', 'Queries without a response, by reason.', failures),
    gauges(
      'upstream_rtt_seconds',
      'Smoothed round-trip time.',
      each(it => (it.roundTripMs === null ? null : it.roundTripMs / MS_PER_SECOND))
    )
  ]
}
