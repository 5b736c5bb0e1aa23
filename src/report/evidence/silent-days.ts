import type { Milliseconds } from '../../base/units.js'
import type { Log } from '../log.js'
import { conditionOf } from '../questions/selection.js'
import { column, type Table } from '../report.js'

const DAY: Milliseconds = 86_400_000

/** Days (UTC) of a period on which the log has no lookup at all: outages, or nothing to log. They are declared. */
export async function silentDays(
  log: Log,
  since: Milliseconds,
  until: Milliseconds
): Promise<Table> {
  const { sql, parameters } = conditionOf({ since, until, all: true })
  const rows = await log.rows<{ day: string }>(
    `SELECT DISTINCT strftime(time, '%Y-%m-%d') AS day FROM lookups WHERE ${sql}`,
    parameters
  )
  const logged = new Set(rows.map(({ day }) => day))
  const silent: string[] = []
  for (let at = Math.floor(since / DAY) * DAY; at < until; at += DAY) {
    const day = new Date(at).toISOString().slice(0, 10)
    if (!logged.has(day)) silent.push(day)
  }
  return {
    id: 'silent-days',
    title: 'Days without any lookup',
    description:
      'Days (UTC) on which the log has nothing: the gateway was off, its log was lost, or nobody tried. Each needs an explanation.',
    emptyText: 'Every day of the period has lookups.',
    columns: [column('day', 'text')],
    rows: silent.map(day => [day])
  }
}
