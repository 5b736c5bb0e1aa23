import type { StatusReply } from '../../gateway/status/health.js'
import { gauges, timeOf } from './families.js'
import type { MetricFamily, MetricSample } from './metrics-text.js'

/** Values by the name of what they are about; undefined and null: there is none. */
type Values = readonly (readonly [kind: string, value: number | null | undefined, name?: string])[]

/** Families that several parts of the gateway share. */
export function sharedMetrics(status: StatusReply): MetricFamily[] {
  const { rules, settings, zones, remoteLists, certificates, recorder, archive, reports, probe } =
    status
  const { alerts, fleet } = status
  const { bundle } = rules
  const last = archive?.last ?? null
  const outputs = recorder?.outputs ?? []
  const logs = fleet?.logs
  return [
    gauges(
      'serial',
      'Serial of a bundle or a transferred zone.',
      samplesOf('kind', [
        ['bundle', bundle?.serial],
        ['fleet', fleet?.wanted],
        ...zones.map(({ list, copy }) => ['zone', copy?.serial, list] as const)
      ])
    ),
    gauges(
      'expiry_timestamp_seconds',
      'When a bundle, a transferred zone or a certificate expires.',
      samplesOf('kind', [
        ['bundle', time(bundle?.expires)],
        ...zones.map(({ list, copy }) => ['zone', time(copy?.expires), list] as const),
        ...certificates.map(it => ['certificate', time(it.expires), it.name] as const)
      ])
    ),
    gauges(
      'task_success',
      'Whether the last run of a task had no error: 1 or 0.',
      samplesOf('task', [
        ['rules', rules.reload && flag(rules.reload.errors === 0)],
        ['settings', settings?.reload && flag(settings.reload.errors === 0)],
        ['archive', last && flag(last.outcome === 'done')],
        ['fleet_logs', logs && flag(logs.error === null)],
        ...reports.map(({ name, error }) => ['report', flag(error === null), name] as const)
      ])
    ),
    gauges(
      'success_timestamp_seconds',
      'When a task last succeeded.',
      samplesOf('task', [
        ['probe', time(probe?.lastGood)],
        ['fleet', time(fleet?.contact)],
        ['fleet_logs', time(logs?.lastSent)],
        ...remoteLists.map(it => ['list', time(it.confirmed), it.list] as const),
        ...zones.map(({ list, copy }) => ['zone', time(copy?.confirmed), list] as const),
        ...reports.map(({ name, last }) => ['report', time(last), name] as const)
      ])
    ),
    gauges(
      'connected',
      'Whether an output, or the gateway with the fleet, is connected: 1 or 0.',
      samplesOf('kind', [
        ['fleet', fleet && flag(fleet.connected)],
        ...outputs.map(it => ['output', flag(it.connected), it.name] as const)
      ])
    ),
    gauges(
      'waiting',
      'Alerts that wait for a webhook, and log files that wait for the fleet.',
      samplesOf('kind', [
        ['fleet_logs', logs?.waiting],
        ...alerts.map(it => ['alert', it.waiting, it.name] as const)
      ])
    ),
    gauges(
      'waiting_bytes',
      'Size of what waits for an output, and of log files that wait for the fleet.',
      samplesOf('kind', [
        ['fleet_logs', logs?.waitingOctets],
        ...outputs.map(it => ['output', it.waitingOctets, it.name] as const)
      ])
    ),
    gauges(
      'since_timestamp_seconds',
      'When the rules came into force, and the oldest log file that waits for the fleet was closed.',
      samplesOf('kind', [
        ['rules', timeOf(rules.since)],
        ['fleet_logs', time(logs?.waitingSince)]
      ])
    )
  ]
}

function samplesOf(label: string, values: Values): MetricSample[] {
  return values.flatMap(([word, value, name]) => {
    if (value === null || value === undefined) return []
    return [{ value, labels: { [label]: word, ...(name !== undefined && { name }) } }]
  })
}

const flag = (isSo: boolean): number => (isSo ? 1 : 0)

const time = (rfc3339: string | null | undefined): number | undefined =>
  rfc3339 === null || rfc3339 === undefined ? undefined : timeOf(rfc3339)
