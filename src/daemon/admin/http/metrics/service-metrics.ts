import type { StatusReply } from '../../health.js'
import { counter, counters, gauge, gauges, timeOf } from './families.js'
import type { MetricFamily } from './metrics-text.js'

export function alertMetrics({ alerts, certificates }: StatusReply): MetricFamily[] {
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

export function reportMetrics({ reports }: StatusReply): MetricFamily[] {
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

export function fleetMetrics({ fleet, rules: { bundle } }: StatusReply): MetricFamily[] {
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

export function probeMetrics({ probe }: StatusReply): MetricFamily[] {
  if (probe === null) return []
  const { asked, failing, lastGood } = probe
  return [
    counter('probe_questions', 'Questions that the gateway asked itself.', asked),
    gauge('probe_failures', 'Questions whose answer is wrong now.', failing),
    gauges(
      'probe_good_timestamp_seconds',
      'When a round of probes last ended without a failure.',
      lastGood === null ? [] : [{ value: timeOf(lastGood) }]
    )
  ]
}
