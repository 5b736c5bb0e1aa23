import { MS_PER_SECOND, type Milliseconds } from '../../base/units.js'
import { shiftDays, showInstant } from '../../rules/time/instant.js'
import type { Log } from '../log.js'
import { localDays, localTime } from '../questions/local-time.js'
import { conditionOf } from '../questions/selection.js'
import { column, type Table } from '../report.js'
import { gatewayColumn } from './fleet-tables.js'
import type { Gateway } from './rule-versions.js'

interface WholePeriod {
  readonly since: Milliseconds
  readonly until: Milliseconds
  /** Of the days. */
  readonly timeZone: string
}

/**
 * Days that are within a period as a whole, and on which the log of a gateway has no lookup at all: outages, or nothing
 * to log. They are declared.
 *
 * @param gateways of a fleet; one `undefined`: the log is that of one gateway
 */
export async function silentDays(
  log: Log,
  { since, until, timeZone }: WholePeriod,
  gateways: readonly Gateway[]
): Promise<Table> {
  const silent: string[][] = []
  const local = await localTime(log, { since, until, timeZone, all: true })
  const days = localDays(since, until - 1, timeZone)
    .filter(at => since <= at && shiftDays(at, 1, timeZone) <= until)
    .map(at => showInstant(at / MS_PER_SECOND, timeZone).slice(0, '2026-11-28'.length))
  for (const gateway of gateways) {
    const { sql, parameters } = conditionOf({ since, until, gateway, all: true })
    const rows = await log.rows<{ day: string }>(
      `SELECT DISTINCT strftime(${local?.('time') ?? 'time'}, '%Y-%m-%d') AS day FROM lookups WHERE ${sql}`,
      parameters
    )
    const logged = new Set(rows.map(({ day }) => day))
    for (const day of days)
      if (!logged.has(day)) silent.push(gateway === undefined ? [day] : [gateway, day])
  }
  return {
    id: 'silent-days',
    title: 'Days without any lookup',
    description:
      'Whole days of the period on which the log has nothing: the gateway was off, its log was lost, or nobody tried. Each needs an explanation.',
    emptyText: 'Every day of the period has lookups.',
    columns: [...gatewayColumn(gateways), column('day', 'text')],
    rows: silent
  }
}
