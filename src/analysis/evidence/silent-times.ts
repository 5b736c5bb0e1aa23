import { MS_PER_DAY, type Milliseconds } from '../../base/units.js'
import type { Log } from '../report/log.js'
import { conditionOf } from '../report/questions/selection.js'
import { column, type Table, type Value } from '../report/report.js'
import { gatewayColumn } from './fleet-tables.js'
import type { Gateway } from './rule-versions.js'

/** So long without a lookup, a gateway was hardly in use; nights are shorter. */
const LEAST: Milliseconds = MS_PER_DAY
/** Times are as exact as this. */
const MINUTE: Milliseconds = 60_000

/** Minutes in a row, each with a lookup. */
export interface LoggedTime {
  readonly from: Milliseconds
  readonly until: Milliseconds
}

/** The minutes in which the log of each gateway has lookups. @param gateways of a fleet; one `undefined`: the only one */
export async function loggedTimes(
  log: Log,
  since: Milliseconds,
  until: Milliseconds,
  gateways: readonly Gateway[]
): Promise<ReadonlyMap<Gateway, readonly LoggedTime[]>> {
  const times = new Map<Gateway, readonly LoggedTime[]>()
  for (const gateway of gateways) {
    const selection = { since, until, gateway, all: true }
    const { sql, parameters } = conditionOf(selection)
    const rows = await log.rows<{ first: Date; last: Date }>(
      `WITH minutes AS (SELECT DISTINCT date_trunc('minute', time) AS minute
        FROM ${log.lookups(selection)} WHERE ${sql}),
      numbered AS (SELECT minute, minute - to_minutes(row_number() OVER (ORDER BY minute)) AS island FROM minutes)
      SELECT min(minute) AS first, max(minute) AS last FROM numbered GROUP BY island ORDER BY first`,
      parameters
    )
    const own = rows.map(({ first, last }) => {
      return { from: first.getTime(), until: last.getTime() + MINUTE }
    })
    times.set(gateway, own)
  }
  return times
}

/** When the log of a gateway has no lookup for a day or longer: outages, or nothing to log. They are declared. */
export function silentTimes(
  since: Milliseconds,
  until: Milliseconds,
  times: ReadonlyMap<Gateway, readonly LoggedTime[]>
): Table {
  const silent: Value[][] = []
  for (const [gateway, own] of times) {
    let start = since
    for (const { from, until: next } of [...own, { from: until, until }]) {
      const gap = [new Date(start), new Date(from)]
      if (from - start >= LEAST) silent.push(gateway === undefined ? gap : [gateway, ...gap])
      start = next
    }
  }
  return {
    id: 'silent-times',
    title: 'Times without any lookup',
    description:
      'A day or longer in which the log has nothing: the gateway was off, its log was lost, or nobody tried. Each needs an explanation.',
    emptyText: 'Nowhere in the period is a day without a lookup.',
    columns: [...gatewayColumn([...times.keys()]), column('from', 'time'), column('until', 'time')],
    rows: silent
  }
}
