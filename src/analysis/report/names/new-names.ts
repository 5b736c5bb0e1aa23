import type { Log } from '../log.js'
import { column, type Report, type Table } from '../report.js'
import { byDevice, sourceOf } from '../questions/lookup-source.js'
import { periodFacts } from '../questions/overview.js'
import { conditionOf, type Selection } from '../questions/selection.js'
import { sums } from '../questions/count-by-key.js'
import { sameDomainNames } from './same-domain.js'
import { APP_MATCHED, unknownNames, type Found, type NewNamesSelection } from './unknown-names.js'

/** Two lookups of one client are near each other within so many seconds. */
const WINDOW_SECONDS = 2
/** A name is reported from so many lookups and clients on, if this share of the lookups was near lookups of one app. */
const LEAST = { lookups: 5, clients: 2 }
const SHARE = 0.8

/** What the app files list. */
export interface ListedNames {
  /** Whether the file of an app lists exactly this name. */
  readonly isListed: (app: string, name: string) => boolean
  /** See `domainsOfApps`. */
  readonly domains: ReadonlyMap<string, string>
}

/**
 * `interdict report new-names`: names that occur in the log for the first time and may belong to a
 * banned app. `interdict catalogue accept` lists them in its app file.
 */
export async function newNames(
  log: Log,
  selection: NewNamesSelection,
  { isListed, domains }: ListedNames,
  top: number
): Promise<Report> {
  const all = await sums(log, { ...selection, all: true })
  const before = await sums(log, { until: selection.since, all: true })
  const tables = [
    await newRelatedNames(log, selection, isListed, top),
    await sameDomainNames(log, selection, domains, top),
    await coOccurringNames(log, selection, top)
  ]
  const [, ...unblocked] = tables
  const toReview = new Set(unblocked.flatMap(({ rows }) => rows.map(([name]) => name))).size
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
        value: toReview,
        kind: 'count',
        note: 'new names, not blocked',
        warn: toReview > 0
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
  selection: NewNamesSelection,
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

/** Names that are not blocked and occur almost only together with lookups of one app. */
async function coOccurringNames(
  log: Log,
  selection: NewNamesSelection,
  top: number
): Promise<Table> {
  const names = await unknownNames(log, selection, LEAST)
  const near = names.size === 0 ? [] : await countNearLookups(log, selection, [...names.keys()])
  const rows = near
    .map(({ qname, app, near }) => {
      const name = names.get(qname)!
      return { ...name, app, share: near / name.lookups }
    })
    .filter(({ share }) => share >= SHARE)
    .sort((one, other) => other.share - one.share || other.lookups - one.lookups)
    .slice(0, top)
  return {
    id: 'beside',
    title: 'Together with banned apps',
    description: `Not blocked, but at least ${100 * SHARE}% of their lookups came within ${WINDOW_SECONDS} seconds of a blocked lookup of the app by the same client. Needs a log of all lookups. Review each name before you list it.`,
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
