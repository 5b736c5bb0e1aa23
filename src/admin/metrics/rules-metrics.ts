import type { Deviation } from '../../analysis/enforcement/rules-enforcement.js'
import type { StatusReply } from '../../gateway/status/health.js'
import { byLabel, gauge, gauges, optional, timeOf } from './families.js'
import type { MetricFamily } from './metrics-text.js'

export function rulesMetrics({ rules, settings }: StatusReply): MetricFamily[] {
  const { generation, networks, bans, names, reload, reviewsDue } = rules
  const { passed, failed, undecided } = rules.tests
  const { mandates } = rules.mandates
  const reloads = { rules: reload, settings: settings?.reload ?? null }
  const counts = {
    ...{ network: networks, rule: rules.rules, ban: bans, name: names },
    ...{ passed_test: passed, failed_test: failed, undecided_test: undecided },
    ...{ mandate: mandates.length, unmet_mandate: mandates.filter(one => !one.satisfied).length }
  }
  return [
    gauge(
      'rules_generation',
      'Number of the rules in force; it grows with each change.',
      generation
    ),
    gauges('rules', 'What the rules in force have, by kind.', byLabel('kind', counts)),
    gauge('rules_reviews_due', 'Bans whose review is due.', reviewsDue),
    gauges(
      'reload_timestamp_seconds',
      'When the last reload ended.',
      Object.entries(reloads).flatMap(([what, last]) => {
        return last === null ? [] : [{ value: timeOf(last.at), labels: { of: what } }]
      })
    ),
    optional(
      'settings_pending_restart',
      'Settings in the file that take effect after a restart.',
      settings,
      it => it.restart.length
    )
  ]
}

/** Everything of `enforcement`, counted by kind. */
export function enforcementMetrics({ enforcement }: StatusReply): MetricFamily[] {
  const { against, byOrder, more } = enforcement
  const counted = (order: string, kinds: readonly string[], all: readonly Deviation[]) =>
    kinds.map(kind => {
      return { value: all.filter(one => one.kind === kind).length, labels: { order, kind } }
    })
  return [
    gauges(
      'not_enforced',
      'What is not enforced now, against orders or by order, and its kind; unlisted: more than the status lists.',
      [
        ...counted('against', AGAINST, against),
        ...counted('by', BY_ORDER, byOrder),
        { value: more, labels: { order: 'by', kind: 'unlisted' } }
      ]
    )
  ]
}

const AGAINST = ['pause', 'scope', 'rules', 'mandate', 'list', 'probe', 'upstream'] as const
const BY_ORDER = ['exception', 'monitor', 'schedule', 'dnssec'] as const

export function zoneMetrics({ zones }: StatusReply): MetricFamily[] {
  return [
    gauges(
      'zone_failures',
      'Failed attempts in a row to refresh a zone.',
      zones.map(({ list, failures }) => ({ value: failures, labels: { list } }))
    )
  ]
}
