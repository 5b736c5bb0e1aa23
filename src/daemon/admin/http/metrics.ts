import { MS_PER_SECOND } from '../../../base/units.js'
import { PROBLEMS, type StatusReply } from '../health.js'
import type { MetricFamily, MetricSample } from './metrics-text.js'

type Labels = Readonly<Record<string, string>>

/** Figures of the whole process, which the status has not. */
export interface ProcessFigures {
  readonly residentOctets: number
  readonly cpuSeconds: number
}

/**
 * All metrics, named as in CoreDNS: docs/reference/metrics.md lists them. Times are in seconds, sizes in
 * bytes. Labels are ids of rules and settings, addresses of upstreams and fixed words, never what a
 * client sent.
 */
export function metricFamilies(status: StatusReply, figures: ProcessFigures): MetricFamily[] {
  return [
    ...processMetrics(status, figures),
    ...healthMetrics(status),
    ...rulesMetrics(status),
    ...workerMetrics(status),
    ...trafficMetrics(status),
    ...cacheMetrics(status),
    ...upstreamMetrics(status),
    ...logMetrics(status),
    ...outputMetrics(status),
    ...zoneMetrics(status),
    ...alertMetrics(status),
    ...reportMetrics(status),
    ...fleetMetrics(status)
  ].map(family => ({ ...family, name: `interdict_${family.name}` }))
}

function processMetrics(
  { version, started }: StatusReply,
  { residentOctets, cpuSeconds }: ProcessFigures
): MetricFamily[] {
  return [
    info('build', 'Version of the program.', { version }),
    gauge('start_time_seconds', 'Start of the process, since 1970-01-01 UTC.', timeOf(started)),
    gauge('process_resident_memory_bytes', 'Resident memory of the process.', residentOctets),
    counter('process_cpu_seconds', 'CPU time of all threads.', cpuSeconds)
  ]
}

function healthMetrics({ health }: StatusReply): MetricFamily[] {
  const codes = health.problems.map(({ code }) => code as string)
  return [
    gauge('ready', 'Whether clients should be sent here: 1 or 0.', health.ready ? 1 : 0),
    gauges(
      'problems',
      'Problems now, by code: see docs/reference/admin-socket.md.',
      Object.keys(PROBLEMS).map(code => ({
        value: codes.filter(found => found === code).length,
        labels: { code }
      }))
    )
  ]
}

function rulesMetrics({ rules, settings }: StatusReply): MetricFamily[] {
  const { generation, since, networks, bans, names, reload, ending, reviewsDue, bundle } = rules
  const both = { rules: reload, settings: settings?.reload ?? null }
  const reloads = (value: (last: NonNullable<typeof reload>) => number): MetricSample[] =>
    Object.entries(both).flatMap(([what, last]) => {
      return last === null ? [] : [{ value: value(last), labels: { of: what } }]
    })
  const counts = { network: networks, rule: rules.rules, ban: bans, name: names }
  return [
    gauge(
      'rules_generation',
      'Number of the rules in force; it grows with each change.',
      generation
    ),
    gauge('rules_active_timestamp_seconds', 'When the rules came into force.', timeOf(since)),
    gauges('rules', 'What the rules in force have, by kind.', byLabel('kind', counts)),
    gauge('rules_ending', 'Bans and exceptions that end within 14 days.', ending),
    gauge('rules_reviews_due', 'Bans whose review is due.', reviewsDue),
    gauges(
      'reload_success',
      'Whether the last reload had no error: 1 or 0.',
      reloads(it => (it.errors === 0 ? 1 : 0))
    ),
    gauges(
      'reload_timestamp_seconds',
      'When the last reload ended.',
      reloads(it => timeOf(it.at))
    ),
    optional(
      'settings_pending_restart',
      'Settings in the file that take effect after a restart.',
      settings,
      it => it.restart.length
    ),
    optional('bundle_serial', 'Serial of the bundle in force.', bundle, it => it.serial),
    optional('bundle_expiry_timestamp_seconds', 'When the bundle expires.', bundle, it =>
      timeOf(it.expires)
    )
  ]
}

function workerMetrics({ workers, silent }: StatusReply): MetricFamily[] {
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

function trafficMetrics({
  queries,
  replies,
  connections,
  tls,
  identities,
  limits
}: StatusReply): MetricFamily[] {
  const { waiting, forwarded, stale, failed } = queries
  const limited = (key: 'dropped' | 'slipped') =>
    byLabel('limit', { queries: limits.queries[key], responses: limits.responses[key] })
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
      'Connections closed as idle, or at once because of a limit, in all or per client.',
      byLabel('reason', {
        idle: connections.idleClosed,
        limit: connections.refused,
        client_limit: connections.overClientLimit
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
        fewer_bans: identities.fewerBans,
        unknown: identities.unknown,
        revoked: identities.revoked,
        none: identities.missing
      })
    ),
    counters(
      'client_identities_closed',
      'Connections closed because of the identity of their client: at once, or later when it was revoked.',
      byLabel('when', { start: identities.refused, later: identities.cut })
    ),
    counters(
      'limit_dropped',
      'Queries and identical responses dropped by limits.',
      limited('dropped')
    ),
    counters('limit_truncated', 'The same, answered with TC or BADCOOKIE.', limited('slipped')),
    counter(
      'front_end_refused',
      'Queries of front ends without a client address.',
      limits.frontEnds.refused
    )
  ]
}

function cacheMetrics({ cache: { answers, failures } }: StatusReply): MetricFamily[] {
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

function upstreamMetrics({ upstreams }: StatusReply): MetricFamily[] {
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
      each(it => it.queries)
    ),
    counters(
      'upstream_responses',
      'Responses accepted.',
      each(it => it.responses)
    ),
    counters('upstream_failures', 'Queries without a response, by reason.', failures),
    counters(
      'upstream_tcp_queries',
      'Queries sent over TCP.',
      each(it => it.overTcp)
    ),
    gauges(
      'upstream_rtt_seconds',
      'Smoothed round-trip time.',
      each(it => (it.roundTripMs === null ? null : it.roundTripMs / MS_PER_SECOND))
    )
  ]
}

function logMetrics({ recorder, archive }: StatusReply): MetricFamily[] {
  return [
    optionals('lookups', 'Lookups recorded, by verdict.', recorder, it =>
      byLabel('verdict', it.lookups)
    ),
    optionals(
      'log_lines',
      'Lookups written, dropped (queue full) and lost (not writable).',
      recorder,
      it => {
        const { written, dropped, lost } = it
        return byLabel('result', { written, dropped, lost })
      }
    ),
    optional('log_writable', 'Whether the query log can be written: 1 or 0.', recorder, it =>
      it.writable ? 1 : 0
    ),
    optional(
      'log_disk_free_bytes',
      'Free space on the disk of the query log.',
      archive,
      it => it.freeOctets
    ),
    optional(
      'log_disk_used_bytes',
      'Size of all files of the query log.',
      archive,
      it => it.stored?.octets
    ),
    optional(
      'archive_success',
      'Whether the last maintenance of the log succeeded: 1 or 0.',
      archive?.last,
      it => (it.outcome === 'done' ? 1 : 0)
    )
  ]
}

function outputMetrics({ recorder }: StatusReply): MetricFamily[] {
  const outputs = recorder?.outputs ?? []
  const each = (value: (output: (typeof outputs)[number]) => number) =>
    outputs.map(output => ({ value: value(output), labels: { output: output.name } }))
  return [
    gauges(
      'output_connected',
      'Whether an output is connected: 1 or 0.',
      each(it => Number(it.connected))
    ),
    counters(
      'output_sent',
      'Lookups sent to an output.',
      each(it => it.sent)
    ),
    counters(
      'output_dropped',
      'Lookups that an output did not get.',
      each(it => it.dropped)
    ),
    gauges(
      'output_waiting_bytes',
      'Data queued for an output.',
      each(it => it.waitingOctets)
    )
  ]
}

function zoneMetrics({ zones }: StatusReply): MetricFamily[] {
  const each = (value: (copy: NonNullable<StatusReply['zones'][number]['copy']>) => number) =>
    zones.flatMap(({ list, copy }) =>
      copy === null ? [] : [{ value: value(copy), labels: { list } }]
    )
  return [
    gauges(
      'zone_serial',
      'Serial of a transferred zone.',
      each(it => it.serial)
    ),
    gauges(
      'zone_expiry_timestamp_seconds',
      'When a transferred zone expires.',
      each(it => timeOf(it.expires))
    ),
    gauges(
      'zone_failures',
      'Failed attempts in a row to refresh a zone.',
      zones.map(({ list, failures }) => ({ value: failures, labels: { list } }))
    )
  ]
}

function alertMetrics({ alerts, certificates }: StatusReply): MetricFamily[] {
  const results = alerts.flatMap(({ name: hook, sent, failed, dropped }) =>
    Object.entries({ sent, failed, dropped }).map(([result, value]) => {
      return { value, labels: { hook, result } }
    })
  )
  return [
    counters('alerts', 'Messages to a webhook: sent, failed tries, and dropped.', results),
    gauges(
      'alerts_waiting',
      'Messages that wait to be sent to a webhook.',
      alerts.map(({ name: hook, waiting }) => ({ value: waiting, labels: { hook } }))
    ),
    gauges(
      'certificate_expiry_timestamp_seconds',
      'When a certificate expires.',
      certificates.map(({ name: certificate, expires }) => {
        return { value: timeOf(expires), labels: { certificate } }
      })
    )
  ]
}

function reportMetrics({ reports }: StatusReply): MetricFamily[] {
  const results = reports.flatMap(({ name: report, made, failed, dropped }) =>
    Object.entries({ made, failed, dropped }).map(([result, value]) => {
      return { value, labels: { report, result } }
    })
  )
  return [
    counters('reports', 'Scheduled reports: made, failed tries, and given up.', results),
    gauges(
      'report_failing',
      'Whether the last try to make a scheduled report failed.',
      reports.map(({ name: report, error }) => {
        return { value: error === null ? 0 : 1, labels: { report } }
      })
    ),
    gauges(
      'report_last_timestamp_seconds',
      'When a scheduled report was last made.',
      reports.flatMap(({ name: report, last }) => {
        return last === null ? [] : [{ value: timeOf(last), labels: { report } }]
      })
    )
  ]
}

function fleetMetrics({ fleet, rules: { bundle } }: StatusReply): MetricFamily[] {
  if (fleet === null) return []
  const { connected, wanted, contact, dropped, reports } = fleet
  return [
    gauge(
      'fleet_connected',
      'Whether the gateway is connected to NATS: 1 or 0.',
      connected ? 1 : 0
    ),
    gauges(
      'fleet_contact_timestamp_seconds',
      'When the fleet last said what this ring should run.',
      contact === null ? [] : [{ value: timeOf(contact) }]
    ),
    gauges('fleet_bundle_serial', 'Serial of the bundle: wanted by the fleet, and in force.', [
      ...(wanted === null ? [] : [{ value: wanted, labels: { bundle: 'wanted' } }]),
      ...(bundle === null ? [] : [{ value: bundle.serial, labels: { bundle: 'active' } }])
    ]),
    counter('fleet_reports', 'Reports sent to the hub.', reports),
    counter('fleet_dropped', 'Malformed or oversized messages from the fleet.', dropped)
  ]
}

const timeOf = (rfc3339: string): number => Date.parse(rfc3339) / MS_PER_SECOND

function byLabel(label: string, values: Readonly<Record<string, number>>): MetricSample[] {
  return Object.entries(values).map(([word, value]) => ({ value, labels: { [label]: word } }))
}

const info = (name: string, help: string, labels: Labels): MetricFamily => {
  return { name, type: 'info', help, samples: [{ value: 1, labels }] }
}
const gauges = (name: string, help: string, samples: readonly MetricSample[]): MetricFamily => {
  return { name, type: 'gauge', help, samples }
}
const gauge = (name: string, help: string, value: number) => gauges(name, help, [{ value }])
const counters = (name: string, help: string, samples: readonly MetricSample[]): MetricFamily => {
  return { name, type: 'counter', help, samples }
}
const counter = (name: string, help: string, value: number) => counters(name, help, [{ value }])

/** A gauge without a sample while what it is about does not exist. */
function optional<T>(
  name: string,
  help: string,
  source: T | null | undefined,
  value: (source: T) => number | null | undefined
): MetricFamily {
  const found = source === null || source === undefined ? undefined : value(source)
  return gauges(name, help, found === null || found === undefined ? [] : [{ value: found }])
}

/** As `optional`, for counters. */
function optionals<T>(
  name: string,
  help: string,
  source: T | null,
  samples: (source: T) => readonly MetricSample[]
): MetricFamily {
  return counters(name, help, source === null ? [] : samples(source))
}
