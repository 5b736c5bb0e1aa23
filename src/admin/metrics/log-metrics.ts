import type { StatusReply } from '../../gateway/status/health.js'
import { byLabel, counters, gauges, optional, optionals, timeOf } from './families.js'
import type { MetricFamily } from './metrics-text.js'

export function logMetrics({ recorder, archive, witness }: StatusReply): MetricFamily[] {
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
    gauges(
      'log_witnessed_timestamp_seconds',
      'When a witness last confirmed the chain of the query log.',
      (witness ?? []).flatMap(({ by, confirmed }) =>
        confirmed === null ? [] : [{ value: timeOf(confirmed), labels: { by } }]
      )
    )
  ]
}

export function outputMetrics({ recorder }: StatusReply): MetricFamily[] {
  const outputs = recorder?.outputs ?? []
  return [
    counters(
      'output_lookups',
      'Lookups sent to an output, and dropped.',
      outputs.flatMap(({ name: output, sent, dropped }) => [
        { value: sent, labels: { output, result: 'sent' } },
        { value: dropped, labels: { output, result: 'dropped' } }
      ])
    )
  ]
}
