import type { StatusReply } from '../../gateway/status/health.js'
import { byLabel, counters, optional, optionals } from './families.js'
import type { MetricFamily } from './metrics-text.js'

export function alertMetrics({ alerts }: StatusReply): MetricFamily[] {
  const results = alerts.flatMap(({ name: hook, sent, failed, dropped }) =>
    Object.entries({ sent, failed, dropped }).map(([result, value]) => {
      return { value, labels: { hook, result } }
    })
  )
  return [counters('alerts', 'Messages to a webhook: sent, failed tries, and dropped.', results)]
}

export function reportMetrics({ reports }: StatusReply): MetricFamily[] {
  const results = reports.flatMap(({ name: report, made, failed, dropped }) =>
    Object.entries({ made, failed, dropped }).map(([result, value]) => {
      return { value, labels: { report, result } }
    })
  )
  return [counters('reports', 'Scheduled reports: made, failed tries, and given up.', results)]
}

export function fleetMetrics({ fleet }: StatusReply): MetricFamily[] {
  return [
    optionals(
      'fleet_messages',
      'Reports and log files sent to the fleet, failed tries to send those, and bad messages dropped.',
      fleet,
      ({ reports, dropped, logs }) => [
        { value: reports, labels: { kind: 'report', result: 'sent' } },
        { value: dropped, labels: { kind: 'message', result: 'dropped' } },
        ...(logs === null ? [] : byLabel('result', { sent: logs.sent, failed: logs.failed })).map(
          ({ value, labels }) => ({ value, labels: { kind: 'log', ...labels } })
        )
      ]
    )
  ]
}

export function probeMetrics({ probe }: StatusReply): MetricFamily[] {
  return [
    optionals('probe_questions', 'Questions that the gateway asked itself.', probe, it => [
      { value: it.asked }
    ]),
    optional('probe_failures', 'Questions whose answer is wrong now.', probe, it => it.failing),
    optionals('probe_bans', 'Bans in force, by whether they are probed.', probe, ({ bans }) =>
      bans === null
        ? []
        : [
            { value: bans.probed, labels: { probed: 'yes' } },
            { value: bans.all - bans.probed, labels: { probed: 'no' } }
          ]
    )
  ]
}

export function observationMetrics({ observation }: StatusReply): MetricFamily[] {
  return [
    optionals(
      'egress_connections',
      'Connections of clients of networks with egress: findings by kind, unknown ones, and those that were not judged.',
      observation,
      ({ findings, unknown, lost }) => byLabel('result', { ...findings, unknown, lost })
    )
  ]
}

export function validationMetrics({ validation }: StatusReply): MetricFamily[] {
  const text =
    'Answers that were validated by DNSSEC for networks with dnssec: observe, by verdict.'
  return [
    optionals('dnssec_validations', text, validation, ({ networks }) =>
      Object.entries(networks).flatMap(([network, verdicts]) =>
        Object.entries(verdicts).map(([verdict, value]) => {
          return { value, labels: { network, verdict } }
        })
      )
    ),
    optionals(
      'dnssec_dropped',
      'Answers that were not validated: too many at once.',
      validation,
      ({ dropped }) => [{ value: dropped }]
    ),
    optionals(
      'dnssec_enforced',
      'Answers that were validated for networks with dnssec: enforce, by verdict.',
      validation,
      ({ enforced }) =>
        Object.entries(enforced.verdicts).map(([verdict, value]) => ({
          value,
          labels: { verdict }
        }))
    ),
    optionals(
      'dnssec_refused',
      'Answers without a verdict, in whose place clients got SERVFAIL.',
      validation,
      ({ enforced }) => [{ value: enforced.refused }]
    )
  ]
}
