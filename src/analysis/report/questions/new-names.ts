import type { Log } from '../log.js'
import { column, type Report, type Table } from '../report.js'
import { byDevice, sourceOf } from './lookup-source.js'
import { periodFacts } from './overview.js'
import { conditionOf, type Selection } from './selection.js'
import { sums } from './count-by-key.js'

/** Two lookups of one client are near each other within so many seconds. */
const WINDOW_SECONDS = 2
/** A name is reported from so many lookups and clients on, if this share of the lookups was near lookups of one app. */
const THRESHOLDS = { lookups: 5, clients: 2, share: 0.8 }

/** A rule on an app blocked the lookup or would have. */
const APP_MATCHED = "app IS NOT NULL AND verdict IN ('blocked', 'monitored')"

/**
 * `interdict report new-names`: names that occur in the log for the first time and may belong to a
 * banned app: candidates for its app file.
 *
 * @param isListed whether the app file already lists exactly this name
 */
export async function newNames(
  log: Log,
  selection: Selection & { readonly since: number },
  isListed: (app: string, name: string) => boolean,
  top: number
): Promise<Report> {
  const all = await sums(log, { ...selection, all: true })
  const before = await sums(log, { until: selection.since, all: true })
  const tables = [
    await newRelatedNames(log, selection, isListed, top),
    await coOccurringNames(log, selection, top)
  ]
  const young = 'The log starts in this period, so every name in it counts as new.'
  return {
    title: 'New names of banned apps',
    timeZone: selection.timeZone,
    tiles: [
      {
        key: 'under',
        title: 'Below banned names',
        value: tables[0]!.rows.length,
        kind: 'count',
        note: 'new names, already blocked'
      },
      {
        key: 'beside',
        title: 'To review',
        value: tables[1]!.rows.length,
        kind: 'count',
        note: 'new names, not blocked',
        warn: tables[1]!.rows.length > 0
      }
    ],
    facts: periodFacts(selection, all),
    tables,
    remarks: before.lookups === 0 ? [young] : []
  }
}

/** New names below an app's names, and new names whose answers lead to the app. */
async function newRelatedNames(
  log: Log,
  selection: Selection & { readonly since: number },
  isListed: (app: string, name: string) => boolean,
  top: number
): Promise<Table> {
  const before = sourceOf(log, { ...selection, since: undefined, until: selection.since }, 'name')
  const since = sourceOf(log, selection, 'name')
  const { sql, parameters } = conditionOf(selection)
  const columns = 'qname, app, "match", "pattern"'
  const isSame = ['qname', 'app', '"match"', '"pattern"']
    .map(column => `one.${column} IS NOT DISTINCT FROM fresh.${column}`)
    .join(' AND ')
  const found = await log.rows<Found & { app: string; match: string; pattern: string }>(
    `WITH old AS (SELECT DISTINCT ${columns} FROM ${before.from} WHERE ${before.sql} AND ${APP_MATCHED}),
    fresh AS MATERIALIZED (SELECT * FROM
      (SELECT ${columns}, sum(n)::BIGINT AS lookups, min(first) AS first
        FROM ${since.from} WHERE ${since.sql} AND ${APP_MATCHED} GROUP BY ALL) AS fresh
      WHERE NOT EXISTS (SELECT 1 FROM old AS one WHERE ${isSame})),
    clients AS (SELECT ${columns}, count(DISTINCT client) AS clients FROM ${byDevice(log, selection)}
      WHERE ${sql} AND ${APP_MATCHED} AND qname IN (SELECT qname FROM fresh) GROUP BY ALL)
    SELECT fresh.*, clients FROM fresh JOIN clients AS one ON ${isSame}
    ORDER BY lookups DESC, fresh.qname, fresh.app, fresh."match", fresh."pattern"`,
    { ...before.parameters, ...since.parameters, ...parameters }
  )
  const rows = found.filter(({ app, qname }) => !isListed(app, qname)).slice(0, top)
  return {
    id: 'under',
    title: 'Below names of banned apps',
    description:
      'Already blocked: by a listed parent name (qname), or by a listed name or address in the answer (cname, svcb, address). The latter are no longer blocked when the answer changes: list them.',
    emptyText: 'None.',
    columns: [
      column('name', 'text'),
      column('app', 'text'),
      column('match', 'text'),
      column('pattern', 'text', 'matched pattern'),
      column('lookups', 'count'),
      column('clients', 'count'),
      column('first', 'time')
    ],
    rows: rows.map(({ qname, app, match, pattern, lookups, clients, first }) => {
      return [qname, app, match, pattern, lookups, clients, first]
    })
  }
}

interface Found {
  readonly qname: string
  readonly lookups: number
  readonly clients: number
  readonly first: Date
  readonly [column: string]: string | number | Date
}

/** Names that are not blocked and occur almost only together with lookups of one app. */
async function coOccurringNames(
  log: Log,
  selection: Selection & { readonly since: number },
  top: number
): Promise<Table> {
  const names = await unknownNames(log, selection)
  const near = names.size === 0 ? [] : await countNearLookups(log, selection, [...names.keys()])
  const rows = near
    .map(({ qname, app, near }) => {
      const name = names.get(qname)!
      return { ...name, app, share: near / name.lookups }
    })
    .filter(({ share }) => share >= THRESHOLDS.share)
    .sort((one, other) => other.share - one.share || other.lookups - one.lookups)
    .slice(0, top)
  return {
    id: 'beside',
    title: 'Together with banned apps',
    description: `Not blocked, but at least ${100 * THRESHOLDS.share}% of their lookups came within ${WINDOW_SECONDS} seconds of a blocked lookup of the app by the same client. Needs a log of all lookups. Review each name before you list it.`,
    emptyText: 'None.',
    columns: [
      column('name', 'text'),
      column('app', 'text', 'together with'),
      column('share', 'share'),
      column('lookups', 'count'),
      column('clients', 'count'),
      column('first', 'time')
    ],
    rows: rows.map(({ qname, app, share, lookups, clients, first }) => {
      return [qname, app, share, lookups, clients, first]
    })
  }
}

/** Names without earlier lookups, that no rule matched, with enough lookups and clients. */
async function unknownNames(
  log: Log,
  period: Selection & { readonly since: number }
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
    GROUP BY qname HAVING count(*) >= ${THRESHOLDS.lookups}
      AND count(DISTINCT client) >= ${THRESHOLDS.clients} ORDER BY qname`,
    parameters
  )
  return new Map(found.map(row => [row.qname, row]))
}

/** Counts, for each name and app, lookups near one that a rule on the app blocked or monitored. */
async function countNearLookups(
  log: Log,
  { app, ...selection }: Selection,
  names: readonly string[]
): Promise<{ qname: string; app: string; near: number }[]> {
  const { sql, parameters } = conditionOf({ ...selection, all: true })
  const lookups = byDevice(log, selection)
  return log.rows(
    `WITH candidates AS MATERIALIZED (SELECT row_number() OVER () AS id, qname, client, time FROM ${lookups}
      WHERE ${sql} AND qname IN (SELECT unnest(from_json($names, '["VARCHAR"]')))),
    moments AS MATERIALIZED (SELECT id, qname, client,
      unnest(range(epoch(time)::BIGINT - ${WINDOW_SECONDS}, epoch(time)::BIGINT + ${WINDOW_SECONDS} + 1)) AS second
      FROM candidates),
    met AS (SELECT client, app, epoch(time)::BIGINT AS second FROM ${lookups}
      WHERE ${sql} AND ${APP_MATCHED}${app === undefined ? '' : ' AND app = $app'}),
    near AS (SELECT DISTINCT id, qname, app FROM met JOIN moments USING (client, second))
    SELECT qname, app, count(*) AS near FROM near GROUP BY ALL ORDER BY qname, app`,
    { ...parameters, names: JSON.stringify(names), ...(app === undefined ? {} : { app }) }
  )
}
