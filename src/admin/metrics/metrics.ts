import type { StatusReply } from '../../gateway/status/health.js'
import { HEALTH_STATES, PROBLEMS } from '../../gateway/status/problems.js'
import { counter, gauge, gauges, info, timeOf } from './families.js'
import { logMetrics, outputMetrics } from './log-metrics.js'
import type { MetricFamily } from './metrics-text.js'
import { enforcementMetrics, rulesMetrics, zoneMetrics } from './rules-metrics.js'
import { sharedMetrics } from './shared-metrics.js'
import {
  alertMetrics,
  fleetMetrics,
  probeMetrics,
  reportMetrics,
  validationMetrics,
  observationMetrics
} from './service-metrics.js'
import { cacheMetrics, trafficMetrics, upstreamMetrics, workerMetrics } from './traffic-metrics.js'

/** Figures of the whole process, which the status has not. */
export interface ProcessFigures {
  readonly residentOctets: number
  /** The most since the start: a reload of the rules takes most. */
  readonly peakOctets: number
  /** Open file descriptors, and how many there may be; undefined: the system does not tell. */
  readonly descriptors: { readonly open: number; readonly limit: number } | undefined
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
    ...enforcementMetrics(status),
    ...workerMetrics(status),
    ...trafficMetrics(status),
    ...cacheMetrics(status),
    ...upstreamMetrics(status),
    ...logMetrics(status),
    ...outputMetrics(status),
    ...zoneMetrics(status),
    ...alertMetrics(status),
    ...reportMetrics(status),
    ...fleetMetrics(status),
    ...probeMetrics(status),
    ...validationMetrics(status),
    ...observationMetrics(status),
    ...sharedMetrics(status)
  ].map(family => ({ ...family, name: `interdict_${family.name}` }))
}

function processMetrics(
  { version, installed, started }: StatusReply,
  { residentOctets, peakOctets, descriptors, cpuSeconds }: ProcessFigures
): MetricFamily[] {
  return [
    info(
      'build',
      'Version of the program that runs, and of the one that is installed.',
      { program: 'running', version },
      ...(installed === null ? [] : [{ program: 'installed', version: installed }])
    ),
    gauge('start_time_seconds', 'Start of the process, since 1970-01-01 UTC.', timeOf(started)),
    gauge('process_resident_memory_bytes', 'Resident memory of the process.', residentOctets),
    gauge(
      'process_resident_memory_peak_bytes',
      'Most resident memory since the start: of the start, or of a reload.',
      peakOctets
    ),
    gauges(
      'process_fds',
      'Open file descriptors of the process, and how many there may be.',
      descriptors === undefined
        ? []
        : [
            { value: descriptors.open, labels: { of: 'open' } },
            ...(Number.isFinite(descriptors.limit)
              ? [{ value: descriptors.limit, labels: { of: 'limit' } }]
              : [])
          ]
    ),
    counter('process_cpu_seconds', 'CPU time of all threads.', cpuSeconds)
  ]
}

function healthMetrics({ health }: StatusReply): MetricFamily[] {
  const codes = health.problems.map(({ code }) => code as string)
  return [
    gauge('ready', 'Whether clients should be sent here: 1 or 0.', health.ready ? 1 : 0),
    gauges(
      'state',
      'Whether each state is good: 1 or 0; see docs/reference/admin-socket.md.',
      HEALTH_STATES.map(state => ({ value: health.states[state] ? 1 : 0, labels: { state } }))
    ),
    gauges(
      'problems',
      'Problems now, by code: see docs/reference/admin-socket.md.',
      Object.entries(PROBLEMS).map(([code, { state }]) => ({
        value: codes.filter(found => found === code).length,
        labels: { code, state }
      }))
    )
  ]
}
