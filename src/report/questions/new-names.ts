import type { Log } from '../log.js'
import { column, type Report, type Table } from '../report.js'
import { sourceOf } from './counted.js'
import { periodFacts } from './overview.js'
import { conditionOf, type Selection } from './selection.js'
import { sums } from './tally.js'

/** Beside: within so many seconds of a blocked lookup of the same client. */
const BESIDE = 2
/** So many lookups, by so many clients, of which so large a part was beside one app. */
const LEAST = { lookups: 5, clients: 2, share: 0.8 }

/** On an app, and a rule would not let them through. */
const MET = "app IS NOT NULL AND verdict IN ('blocked', 'monitored')"

/**
 * `interdict report new-names`: names that are in the log for the first time since then, and that
 * may belong to a banned app: candidates for its file.
 *
 * @param isListed whether the file of the app has the very name already
 */
export async function newNames(
  log: Log,
  selection: Selection & { readonly since: number },
  isListed: (app: string, name: string) => boolean,
  top: number
): Promise<Report> {
  const all = await sums(log, { ...selection, all: true })
  const before = await sums(log, { until: selection.since, all: true })
  const tables = [await under(log, selection, isListed, top), await beside(log, selection, top)]
  const young = 'The log has nothing from before that time, so that every name in it is new.'
  return {
    title: 'New names of banned apps',
    facts: periodFacts(selection, all),
    tables,
    remarks: before.lookups === 0 ? [young] : []
  }
}

/** Names below those of an app, and names whose answers lead to it. */
async function under(
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
    `WITH old AS (SELECT DISTINCT ${columns} FROM ${before.from} WHERE ${before.sql} AND ${MET}),
    fresh AS MATERIALIZED (SELECT * FROM
      (SELECT ${columns}, sum(n)::BIGINT AS lookups, min(first) AS first
        FROM ${since.from} WHERE ${since.sql} AND ${MET} GROUP BY ALL) AS fresh
      WHERE NOT EXISTS (SELECT 1 FROM old AS one WHERE ${isSame})),
    clients AS (SELECT ${columns}, count(DISTINCT client) AS clients FROM lookups
      WHERE ${sql} AND ${MET} AND qname IN (SELECT qname FROM fresh) GROUP BY ALL)
    SELECT fresh.*, clients FROM fresh JOIN clients AS one ON ${isSame}
    ORDER BY lookups DESC, fresh.qname, fresh.app, fresh."match", fresh."pattern"`,
    { ...before.parameters, ...since.parameters, ...parameters }
  )
  const rows = found.filter(({ app, qname }) => !isListed(app, qname)).slice(0, top)
  return {
    id: 'under',
    title: 'Under names of banned apps',
    says: 'They are blocked already, because a name above them is (qname) or because their answer led to one (cname, svcb, address). The latter get through as soon as that changes: list them.',
    none: 'There is none.',
    columns: [
      column('name', 'text'),
      column('app', 'text'),
      column('match', 'text', 'matched'),
      column('pattern', 'text', 'through'),
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

/** Names that nothing blocks, and that are asked for hardly ever but together with one app. */
async function beside(
  log: Log,
  selection: Selection & { readonly since: number },
  top: number
): Promise<Table> {
  const names = await fresh(log, selection)
  const near = names.size === 0 ? [] : await nearApps(log, selection, [...names.keys()])
  const rows = near
    .map(({ qname, app, near }) => {
      const name = names.get(qname)!
      return { ...name, app, share: near / name.lookups }
    })
    .filter(({ share }) => share >= LEAST.share)
    .sort((one, other) => other.share - one.share || other.lookups - one.lookups)
    .slice(0, top)
  return {
    id: 'beside',
    title: 'Beside banned apps',
    says: `Nothing blocks them, and at least ${100 * LEAST.share}% of their lookups came within ${BESIDE} seconds of a blocked lookup of the app by the same client. Found only where all lookups are logged. Look at each before you list it.`,
    none: 'There is none.',
    columns: [
      column('name', 'text'),
      column('app', 'text', 'beside'),
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

/** Names that were not asked for before, on which no rule spoke, and that are asked for enough. */
async function fresh(
  log: Log,
  asked: Selection & { readonly since: number }
): Promise<Map<string, Found>> {
  // Beside which app does not matter yet.
  const selection = { ...asked, app: undefined, all: true }
  const before = conditionOf({ ...selection, since: undefined, until: asked.since })
  const { sql, parameters } = conditionOf(selection)
  const ruled = sourceOf(log, { ...selection, all: undefined }, 'name')
  const found = await log.rows<Found>(
    `WITH others AS (SELECT qname FROM lookups WHERE ${before.sql} AND qname IS NOT NULL
      UNION SELECT qname FROM ${ruled.from} WHERE ${ruled.sql} AND qname IS NOT NULL)
    SELECT qname, count(*) AS lookups, count(DISTINCT client) AS clients, min(time) AS first
    FROM lookups WHERE ${sql} AND qname NOT IN (FROM others)
    GROUP BY qname HAVING count(*) >= ${LEAST.lookups}
      AND count(DISTINCT client) >= ${LEAST.clients} ORDER BY qname`,
    parameters
  )
  return new Map(found.map(row => [row.qname, row]))
}

/** How many lookups of each of these names were near one that an app's rule did not let through. */
async function nearApps(
  log: Log,
  { app, ...selection }: Selection,
  names: readonly string[]
): Promise<{ qname: string; app: string; near: number }[]> {
  const { sql, parameters } = conditionOf({ ...selection, all: true })
  return log.rows(
    `WITH asked AS MATERIALIZED (SELECT row_number() OVER () AS id, qname, client, time FROM lookups
      WHERE ${sql} AND qname IN (SELECT unnest(from_json($names, '["VARCHAR"]')))),
    moments AS MATERIALIZED (SELECT id, qname, client,
      unnest(range(epoch(time)::BIGINT - ${BESIDE}, epoch(time)::BIGINT + ${BESIDE} + 1)) AS second
      FROM asked),
    met AS (SELECT client, app, epoch(time)::BIGINT AS second FROM lookups
      WHERE ${sql} AND ${MET}${app === undefined ? '' : ' AND app = $app'}),
    near AS (SELECT DISTINCT id, qname, app FROM met JOIN moments USING (client, second))
    SELECT qname, app, count(*) AS near FROM near GROUP BY ALL ORDER BY qname, app`,
    { ...parameters, names: JSON.stringify(names), ...(app === undefined ? {} : { app }) }
  )
}
