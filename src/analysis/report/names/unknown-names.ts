import type { Log } from '../log.js'
import { byDevice, sourceOf } from '../questions/lookup-source.js'
import { conditionOf, type Condition, type Selection } from '../questions/selection.js'

/** New names are those without lookups before its begin. */
export type NewNamesSelection = Selection & { readonly since: number }

export interface Found {
  readonly qname: string
  readonly lookups: number
  readonly clients: number
  readonly first: Date
  readonly [column: string]: string | number | Date
}

/** A rule on an app blocked the lookup or would have. */
export const APP_MATCHED = "app IS NOT NULL AND verdict IN ('blocked', 'monitored')"

/**
 * Names without earlier lookups, that no rule matched.
 *
 * @param least lookups and clients that a name must have
 * @param which another condition on `qname`
 */
export async function unknownNames(
  log: Log,
  period: NewNamesSelection,
  least: { readonly lookups: number; readonly clients: number },
  which: Condition = { sql: 'true', parameters: {} }
): Promise<Map<string, Found>> {
  // The app matters only once lookups are compared in time.
  const selection = { ...period, app: undefined, all: true }
  const earlier = { ...selection, since: undefined, until: period.since }
  const before = conditionOf(earlier)
  const { sql, parameters } = conditionOf(selection)
  const ruled = sourceOf(log, { ...selection, all: undefined }, 'name')
  const found = await log.rows<Found>(
    `WITH others AS (SELECT qname FROM ${byDevice(log, earlier)} WHERE ${before.sql} AND qname IS NOT NULL
      UNION SELECT qname FROM ${ruled.from} WHERE ${ruled.sql} AND qname IS NOT NULL)
    SELECT qname, count(*) AS lookups, count(DISTINCT client) AS clients, min(time) AS first
    FROM ${byDevice(log, selection)} WHERE ${sql} AND qname NOT IN (FROM others)
    GROUP BY qname HAVING count(*) >= ${least.lookups}
      AND count(DISTINCT client) >= ${least.clients} AND ${which.sql} ORDER BY qname`,
    { ...parameters, ...which.parameters }
  )
  return new Map(found.map(row => [row.qname, row]))
}
