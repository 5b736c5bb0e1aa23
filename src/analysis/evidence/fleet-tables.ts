import type { GatewayVerification } from '../../lookups/central/verify-fleet.js'
import type { Day } from '../../lookups/files/log-layout.js'
import { column, type Column, type Table } from '../report/report.js'
import type { Gateway } from './rule-versions.js'

/** The column `gateway`, in a pack over a fleet only. */
export function gatewayColumn(gateways: readonly Gateway[]): readonly Column[] {
  return gateways.includes(undefined) ? [] : [column('gateway', 'text')]
}

/** A gateway of a pack over a fleet, with what is not known of it. */
export interface FleetGateway {
  readonly verification: GatewayVerification
  /** When the hub heard of it last; null: no inventory was given. */
  readonly reported: string | null
  /** Days of the period of which no lookups are here, and that were not provably quiet. */
  readonly unlogged: readonly Day[]
  /** All days are among them. */
  readonly isUnknown: boolean
  /** What is not known, and why; null: nothing. */
  readonly why: string | null
}

/** Whether the log of each gateway is unaltered, and what of it is missing. */
export function gatewaysTable(gateways: readonly FleetGateway[]): Table {
  return {
    id: 'gateways',
    title: 'Gateways',
    description:
      'The log of each gateway, checked against its own chain and public key. Breaks: what is altered or not from this gateway. Gaps: files of the chain that are not here. Witnessed: when a witness last confirmed its chain; without it, whoever controls the gateway can have rewritten all of the log. Longest: the longest time, in seconds, in which lookups could have been rewritten before a witness confirmed them. Days without log: days (UTC) of the period of which no lookups are here, unless the chain shows that there were none; nothing is counted as enforced on them. That files were converted to Parquet faithfully, no witness confirms.',
    emptyText: 'No gateway.',
    columns: [
      column('gateway', 'text'),
      column('log', 'text'),
      column('files', 'count'),
      column('breaks', 'count'),
      column('gaps', 'count'),
      column('witnessed', 'time'),
      column('longest', 'count'),
      column('unlogged', 'count', 'days without log'),
      column('reported', 'text', 'at the hub'),
      column('notKnown', 'text', 'not known')
    ],
    rows: gateways.map(({ verification, unlogged, isUnknown, reported, why }) => {
      const { gateway, proven, files, breaks, gaps, witness } = verification
      const { last, longest } = witness
      const log = isUnknown ? 'not known' : proven ? 'unaltered' : 'not proven'
      const witnessed = last === undefined ? [null, null] : [new Date(last), longest]
      const counts = [files, breaks.length, gaps.length]
      return [gateway, log, ...counts, ...witnessed, unlogged.length, reported, why]
    }),
    marks: gateways.map(({ isUnknown, why, verification: { proven } }) => {
      if (isUnknown) return 'not known'
      if (!proven) return 'not proven'
      return why === null ? null : 'incomplete'
    })
  }
}
