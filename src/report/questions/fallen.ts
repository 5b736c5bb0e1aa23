import type { Log } from '../log.js'
import { column, type Table } from '../report.js'
import { sourceOf } from './counted.js'
import type { Selection } from './selection.js'

/** What is left of the usual where it is told. */
const FALLEN = 0.6

/**
 * Networks that ask less than usual: on the last whole day, against the median of the days of the
 * same kind before it, for on Saturdays few ask. A log of blocked lookups only shows how these fell.
 */
export async function fallen(log: Log, selection: Selection): Promise<Table> {
  const { from, sql, parameters } = sourceOf(log, selection, 'client')
  const rows = await log.rows<{
    network: string
    day: Date
    lookups: number
    usual: number
    clients: number
    clientsBefore: number
  }>(
    `WITH days AS (
      SELECT network, date_trunc('day', first) AS day, isodow(day) > 5 AS weekend,
        sum(n)::BIGINT AS lookups, count(DISTINCT client) AS clients
      FROM ${from} WHERE ${sql} AND network IS NOT NULL GROUP BY ALL),
    ends AS (SELECT min(first) AS first, max(last) AS last FROM ${from} WHERE ${sql}),
    -- Whole: from the first minutes of the day to the last.
    whole AS (SELECT DISTINCT day, weekend FROM days, ends
      WHERE day + INTERVAL '10 minutes' >= first AND day + INTERVAL '23 hours 50 minutes' <= last),
    newest AS (SELECT * FROM whole ORDER BY day DESC LIMIT 1),
    usual AS (SELECT network, median(lookups)::DOUBLE AS usual, median(clients)::DOUBLE AS clientsBefore
      FROM days JOIN whole USING (day)
      WHERE day < (SELECT day FROM newest) AND days.weekend = (SELECT weekend FROM newest)
      GROUP BY network)
    SELECT network, newest.day AS day, coalesce(now.lookups, 0) AS lookups, usual,
      coalesce(now.clients, 0) AS clients, clientsBefore
    FROM usual CROSS JOIN newest
    LEFT JOIN days AS now USING (network, day)
    WHERE coalesce(now.lookups, 0) < ${FALLEN} * usual
    ORDER BY coalesce(now.lookups, 0) / usual, network`,
    parameters
  )
  return {
    id: 'fallen',
    title: 'Networks that ask less than usual',
    says: `Fewer than ${100 * FALLEN}% of the lookups of an ordinary day of the same kind (workday or weekend). With as many clients as usual, some may have found another resolver.`,
    none: 'None does, or there are too few whole days in the log to tell.',
    columns: [
      column('network', 'text'),
      column('day', 'day'),
      column('lookups', 'count'),
      column('usual', 'count', 'usually'),
      column('change', 'change'),
      column('clients', 'count'),
      column('clientsBefore', 'count', 'clients usually')
    ],
    rows: rows.map(({ network, day, lookups, usual, clients, clientsBefore }) => {
      return [
        network,
        day,
        lookups,
        Math.round(usual),
        lookups / usual - 1,
        clients,
        Math.round(clientsBefore)
      ]
    })
  }
}
