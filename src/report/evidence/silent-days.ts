import type { Milliseconds } from '../../base/units.js'
import type { Log } from '../log.js'
import { conditionOf } from '../questions/selection.js'
import { column, type Table } from '../report.js'
import { gatewayColumn } from './fleet-tables.js'
import type { Gateway } from './rule-versions.js'

const DAY: Milliseconds = 86_400_000

/**
 * Days (UTC) of a period on which the log of a gateway has no lookup at all: outages, or nothing to log. They are declared.
 *
 * @param gateways of a fleet; one `undefined`: the log is that of one gateway
 */
export async function silentDays(
  log: Log,
  since: Milliseconds,
  until: Milliseconds,
  gateways: readonly Gateway[]
): Promise<Table> {
  const silent: string[][] = []
  for (const gateway of gateways) {
    const { sql, parameters } = conditionOf({ since, until, gateway, all: true })
    const rows = await log.rows<{ day: string }>(
      `SELECT DISTINCT strftime(time, '%Y-%m-%d') AS day FROM lookups WHERE ${sql}`,
      parameters
    )
    const logged = new Set(rows.map(({ day }) => day))
    for (let at = Math.floor(since / DAY) * DAY; at < until; at += DAY) {
      const day = new Date(at).toISOString().slice(0, 10)
      if (!logged.has(day)) silent.push(gateway === undefined ? [day] : [gateway, day])
    }
  }
  return {
    id: 'silent-days',
    title: 'Days without any lookup',
    description:
      'Days (UTC) on which the log has nothing: the gateway was off, its log was lost, or nobody tried. Each needs an explanation.',
    emptyText: 'Every day of the period has lookups.',
    columns: [...gatewayColumn(gateways), column('day', 'text')],
    rows: silent
  }
}
