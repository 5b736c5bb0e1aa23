import { column, type Table } from '../report/report.js'
import { minutesByStatus, STATUSES, windowsOf, type Status } from './enforcement.js'
import type { Judged } from './judged.js'
import { gatewayColumn } from './fleet-tables.js'

/** Times in which the ban was not known to be in force, with the lookups that were answered then. */
export function windowsTable({ enforcement, tally }: Judged): Table {
  const windows = windowsOf(enforcement.stretches())
  const gateways = [...new Set(enforcement.segments.map(({ gateway }) => gateway))]
  return {
    id: 'not-in-force',
    title: 'Times in which the ban was not in force',
    description:
      'Each time in which a network of the ban was without it, or in which nobody can know, with the rules that caused it and the lookups that were answered.',
    emptyText: 'The ban was in force all the time.',
    columns: [
      ...gatewayColumn(gateways),
      column('from', 'time'),
      column('until', 'time'),
      column('minutes', 'count'),
      column('status', 'text'),
      column('cause', 'text'),
      column('rules', 'text'),
      column('networks', 'text'),
      column('answered', 'count')
    ],
    rows: windows.map(window => {
      const { gateway, from, until, status, cause, version, networks } = window
      const cells = [
        ...[new Date(from), new Date(until), Math.ceil((until - from) / 60_000), status, cause],
        ...[version === undefined ? null : nameOf(version), networks.join(', ')],
        tally.answered.in(window)
      ]
      return gateway === undefined ? cells : [gateway, ...cells]
    }),
    marks: windows.map(({ status }) => status)
  }
}

const STATUS_MEANING: Readonly<Record<Status, string>> = {
  'in force':
    'in all networks that have the ban, under rules that are at hand or that blocked lookups',
  'not known': 'rules changed without a lookup in the log, or are not at hand',
  restart: 'the gateway started again: it was not running, or nothing was looked up',
  'log missing': 'a file of the log is not there',
  'not in force': 'in one network that has the ban at least'
}

export function minutesTable({ enforcement }: Judged): Table {
  const minutes = minutesByStatus(enforcement.period, enforcement.stretches())
  const rows = STATUSES.map(status => [status, minutes.get(status)!, STATUS_MEANING[status]])
  return {
    id: 'minutes',
    title: 'Minutes',
    description:
      'Every minute of the period, by its worst moment. The worst status is the last one.',
    emptyText: 'None.',
    columns: [column('status', 'text'), column('minutes', 'count'), column('meaning', 'text')],
    rows,
    marks: rows.map(([status, count]) =>
      status === 'in force' || count === 0 ? null : String(status)
    )
  }
}

const nameOf = ({ sha256, serial }: { sha256: string; serial: number | null }): string =>
  serial === null ? sha256 : `${serial} (${sha256})`
