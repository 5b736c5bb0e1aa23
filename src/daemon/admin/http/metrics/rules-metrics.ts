import type { StatusReply } from '../../health.js'
import { byLabel, gauge, gauges, optional, timeOf } from './families.js'
import type { MetricFamily, MetricSample } from './metrics-text.js'

export function rulesMetrics({ rules, settings }: StatusReply): MetricFamily[] {
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

export function zoneMetrics({ zones }: StatusReply): MetricFamily[] {
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
