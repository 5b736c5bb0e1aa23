import type { Log } from './log.js'
import { periodFacts } from './overview.js'
import { column, type Report, type Table } from './report.js'
import { conditionOf, instant, type Selection } from './selection.js'
import { sums } from './tally.js'

/** Beside: within so many seconds of a blocked lookup of the same client. */
const BESIDE = 2
/** So many lookups, by so many clients, of which so large a part was beside one app. */
const LEAST = { lookups: 5, clients: 2, share: 0.8 }

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
  const { sql, parameters } = conditionOf({ ...selection, since: undefined })
  const found = await log.rows<Found & { app: string; match: string; pattern: string }>(
    `WITH met AS (SELECT * FROM lookups WHERE app IS NOT NULL AND ${sql}
        AND verdict IN ('blocked', 'monitored')),
    old AS (SELECT DISTINCT qname, app, "match", "pattern" FROM met WHERE time < $since::TIMESTAMP)
    SELECT qname, app, "match", "pattern", count(*) AS lookups, count(DISTINCT client) AS clients,
      min(time) AS first
    FROM met WHERE time >= $since::TIMESTAMP AND NOT EXISTS (SELECT 1 FROM old
      WHERE old.qname = met.qname AND old.app = met.app
        AND old."match" IS NOT DISTINCT FROM met."match"
        AND old."pattern" IS NOT DISTINCT FROM met."pattern")
    GROUP BY qname, app, "match", "pattern"
    ORDER BY lookups DESC, qname`,
    { ...parameters, since: instant(selection.since)! }
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
  const { sql, parameters } = conditionOf({
    ...selection,
    since: undefined,
    app: undefined,
    all: true
  })
  const { app } = selection
  const rows = await log.rows<Found & { app: string; share: number }>(
    `WITH old AS (SELECT DISTINCT qname FROM lookups WHERE ${sql} AND time < $since::TIMESTAMP),
    fresh AS MATERIALIZED (
      SELECT qname, count(*) AS lookups, count(DISTINCT client) AS clients, min(time) AS first
      FROM lookups WHERE ${sql} AND time >= $since::TIMESTAMP AND qname NOT IN (FROM old)
      GROUP BY qname HAVING count(*) >= ${LEAST.lookups}
        AND count(DISTINCT client) >= ${LEAST.clients}
        AND count(*) FILTER (verdict IN ('blocked', 'monitored', 'allowed')) = 0),
    asked AS (SELECT row_number() OVER () AS id, qname, client, time FROM lookups
      WHERE time >= $since::TIMESTAMP AND ${sql} AND qname IN (SELECT qname FROM fresh)),
    hits AS (SELECT DISTINCT app, client, epoch(time)::BIGINT AS second FROM lookups
      WHERE time >= $since::TIMESTAMP AND ${sql} AND app IS NOT NULL
        AND verdict IN ('blocked', 'monitored')${app === undefined ? '' : ' AND app = $app'}),
    near AS (SELECT DISTINCT asked.id, asked.qname, hits.app FROM
      (SELECT *, unnest(range(epoch(time)::BIGINT - ${BESIDE}, epoch(time)::BIGINT + ${BESIDE} + 1)) AS second
        FROM asked) AS asked
      JOIN hits ON hits.client = asked.client AND hits.second = asked.second)
    SELECT qname, app, lookups, clients, first, count(*) / lookups AS share
    FROM near JOIN fresh USING (qname) GROUP BY qname, app, lookups, clients, first
    HAVING share >= ${LEAST.share} ORDER BY share DESC, lookups DESC, qname LIMIT $top`,
    { ...parameters, since: instant(selection.since)!, top, ...(app === undefined ? {} : { app }) }
  )
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
