import type { GatewayVerification } from '../../lookups/central/verify-fleet.js'
import { column, type Column, type Table } from '../report/report.js'
import type { Gateway } from './rule-versions.js'

/** The column `gateway`, in a pack over a fleet only. */
export function gatewayColumn(gateways: readonly Gateway[]): readonly Column[] {
  return gateways.includes(undefined) ? [] : [column('gateway', 'text')]
}

/** Whether the log of each gateway is unaltered, and what of it is missing. */
export function gatewaysTable(results: readonly GatewayVerification[]): Table {
  return {
    id: 'gateways',
    title: 'Gateways',
    description:
      'The log of each gateway, checked against its own chain and public key. Breaks: what is altered or not from this gateway. Gaps: files of the chain that are not here. Witnessed: when a witness last confirmed its chain; without it, whoever controls the gateway can have rewritten all of the log. Longest: the longest time, in seconds, in which lookups could have been rewritten before a witness confirmed them. That files were converted to Parquet faithfully, no witness confirms.',
    emptyText: 'No gateway.',
    columns: [
      column('gateway', 'text'),
      column('log', 'text'),
      column('files', 'count'),
      column('breaks', 'count'),
      column('gaps', 'count'),
      column('witnessed', 'time'),
      column('longest', 'count')
    ],
    rows: results.map(({ gateway, proven, files, breaks, gaps, witness: { last, longest } }) => {
      const log = proven ? 'unaltered' : 'not proven'
      const witnessed = last === undefined ? [null, null] : [new Date(last), longest]
      return [gateway, log, files, breaks.length, gaps.length, ...witnessed]
    }),
    marks: results.map(({ proven, gaps }) =>
      proven ? (gaps.length > 0 ? 'incomplete' : null) : 'not proven'
    )
  }
}
