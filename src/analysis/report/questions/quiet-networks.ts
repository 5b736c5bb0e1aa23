import type { Log } from '../log.js'
import { column, type Table } from '../report.js'
import { localTime, startOfLocalDay } from './local-time.js'
import { sourceOf } from './lookup-source.js'
import type { Selection } from './selection.js'

/** A network is reported below this share of its usual lookups. */
const QUIET_SHARE = 0.6

/** Lookups with the SQL for local times of their columns. */
async function daySource(log: Log, selection: Selection) {
  const local = await localTime(log, selection)
  // Tallies are of UTC days.
  const source = sourceOf(log, selection, local === undefined ? 'client' : undefined)
  return { ...source, at: local ?? ((column: string) => column) }
}

/** The lookups of a network on a local day. */
export interface NetworkDay {
  /** `2026-06-01` */
  readonly day: string
  /** Null: lookups without a network. */
  readonly network: string | null
  readonly lookups: number
  readonly clients: number
  /** RFC 3339. */
  readonly first: string
  readonly last: string
}

/** Everything from which `quietNetworks` is computed. */
export async function networkDays(log: Log, selection: Selection): Promise<readonly NetworkDay[]> {
  const { from, sql, parameters, at } = await daySource(log, selection)
  const rows = await log.rows<{
    day: Date
    network: string | null
    lookups: number
    clients: number
    first: Date
    last: Date
  }>(
    `SELECT network, date_trunc('day', ${at('first')}) AS day, sum(n)::BIGINT AS lookups,
      count(DISTINCT client) AS clients, min("first") AS "first", max("last") AS "last"
    FROM ${from} WHERE ${sql} GROUP BY ALL ORDER BY day, network`,
    parameters
  )
  return rows.map(({ day, first, last, ...counts }) => ({
    day: day.toISOString().slice(0, 10),
    ...counts,
    first: first.toISOString(),
    last: last.toISOString()
  }))
}

/**
 * Networks with fewer lookups than usual: the last whole day against the median of the earlier days
 * of the same kind (workday or weekend). A log of blocked lookups only shows a drop of those.
 */
export async function quietNetworks(log: Log, selection: Selection): Promise<Table> {
  const { from, sql, parameters, at } = await daySource(log, selection)
  const rows = await log.rows<{
    network: string
    day: Date
    lookups: number
    usual: number
    clients: number
    clientsBefore: number
  }>(
    `WITH days AS (
      SELECT network, date_trunc('day', ${at('first')}) AS day, isodow(day) > 5 AS weekend,
        sum(n)::BIGINT AS lookups, count(DISTINCT client) AS clients
      FROM ${from} WHERE ${sql} AND network IS NOT NULL GROUP BY ALL),
    ends AS (SELECT min(${at('first')}) AS first, max(${at('last')}) AS last FROM ${from} WHERE ${sql}),
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
    WHERE coalesce(now.lookups, 0) < ${QUIET_SHARE} * usual
    ORDER BY coalesce(now.lookups, 0) / usual, network`,
    parameters
  )
  return {
    id: 'fallen',
    title: 'Networks with fewer lookups than usual',
    description: `Less than ${100 * QUIET_SHARE}% of the lookups of a usual day of the same kind (workday or weekend). If there are as many clients as usual, some may be using another resolver.`,
    emptyText: 'None, or the log has too few whole days to tell.',
    columns: [
      column('network', 'text'),
      column('day', 'day'),
      column('lookups', 'count'),
      column('usual', 'count'),
      column('change', 'change'),
      column('clients', 'count'),
      column('clientsBefore', 'count', 'usual clients')
    ],
    rows: rows.map(({ network, day, lookups, usual, clients, clientsBefore }) => {
      return [
        network,
        startOfLocalDay(day, selection.timeZone),
        lookups,
        Math.round(usual),
        lookups / usual - 1,
        clients,
        Math.round(clientsBefore)
      ]
    })
  }
}
