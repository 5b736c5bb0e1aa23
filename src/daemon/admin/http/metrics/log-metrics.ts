import type { StatusReply } from '../../health.js'
import { byLabel, counters, gauges, optional, optionals } from './families.js'
import type { MetricFamily } from './metrics-text.js'

export function logMetrics({ recorder, archive }: StatusReply): MetricFamily[] {
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

export function outputMetrics({ recorder }: StatusReply): MetricFamily[] {
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
