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

/**
 * When the log of a gateway has no lookup for a day or longer, at any hour: outages, or nothing to log. They are
 * declared.
 *
 * @param gateways of a fleet; one `undefined`: the log is that of one gateway
 */
export async function silentTimes(
  log: Log,
  since: Milliseconds,
  until: Milliseconds,
  gateways: readonly Gateway[]
): Promise<Table> {
  const silent: Value[][] = []
  for (const gateway of gateways) {
    const selection = { since, until, gateway, all: true }
    const { sql, parameters } = conditionOf(selection)
    const rows = await log.rows<{ minute: Date }>(
      `SELECT DISTINCT date_trunc('minute', time) AS minute FROM ${log.lookups(selection)}
      WHERE ${sql} ORDER BY minute`,
      parameters
    )
    let from = since
    for (const at of [...rows.map(({ minute }) => minute.getTime()), until]) {
      const gap = [new Date(from), new Date(at)]
      if (at - from >= LEAST) silent.push(gateway === undefined ? gap : [gateway, ...gap])
      from = at + MINUTE
    }
  }
  return {
    id: 'silent-times',
    title: 'Times without any lookup',
    description:
      'A day or longer in which the log has nothing: the gateway was off, its log was lost, or nobody tried. Each needs an explanation.',
    emptyText: 'Nowhere in the period is a day without a lookup.',
    columns: [...gatewayColumn(gateways), column('from', 'time'), column('until', 'time')],
    rows: silent
  }
}
