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
      'The log of each gateway, checked against its own chain and public key. Breaks: what is altered or not from this gateway. Gaps: files of the chain that are not here.',
    emptyText: 'No gateway.',
    columns: [
      column('gateway', 'text'),
      column('log', 'text'),
      column('files', 'count'),
      column('breaks', 'count'),
      column('gaps', 'count')
    ],
    rows: results.map(({ gateway, proven, files, breaks, gaps }) => {
      return [gateway, proven ? 'unaltered' : 'not proven', files, breaks.length, gaps.length]
    }),
    marks: results.map(({ proven, gaps }) =>
      proven ? (gaps.length > 0 ? 'incomplete' : null) : 'not proven'
    )
  }
}
