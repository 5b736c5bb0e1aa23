import type { Log } from './log.js'
import { conditionOf, type Selection } from './selection.js'

/** By what lookups can be counted, and what that is in SQL. */
export const KEYS = {
  app: 'app',
  ban: 'ban',
  network: 'network',
  client: 'client',
  name: 'qname',
  hour: "date_trunc('hour', time)",
  day: "date_trunc('day', time)",
  type: 'qtype',
  match: '"match"',
  exception: 'exception'
} as const
export type Key = keyof typeof KEYS

/** Those of which there may be as many as there are lookups. */
const MANY: readonly Key[] = ['name', 'client']
/** Those that are a course of time, and not a ranking. */
export const COURSES: readonly Key[] = ['hour', 'day']

/** How many lookups, how they ended, of how many clients, and when. */
export interface Tally extends Counts {
  readonly key: string | Date
  readonly first: Date
  readonly last: Date
  readonly [column: string]: string | number | Date
}

interface Counts {
  readonly lookups: number
  readonly blocked: number
  /** A rule on trial would have blocked them. */
  readonly monitored: number
  /** An exception or an allow let them through. */
  readonly allowed: number
  readonly clients: number
}

const SUMS = `coalesce(sum(n), 0)::BIGINT AS lookups,
  coalesce(sum(n) FILTER (verdict = 'blocked'), 0)::BIGINT AS blocked,
  coalesce(sum(n) FILTER (verdict = 'monitored'), 0)::BIGINT AS monitored,
  coalesce(sum(n) FILTER (verdict = 'allowed'), 0)::BIGINT AS allowed,
  min(first) AS first, max(last) AS last`

/**
 * Counts lookups by a key: those with most of them first, or by time.
 *
 * Clients are counted exactly. Where keys are few, lookups are counted by key and client first, so
 * that only those pairs have to be told apart; where they are many, clients are counted only of
 * those keys that are shown, in a second look.
 */
export async function tally(
  log: Log,
  by: Key,
  selection: Selection,
  top: number
): Promise<Tally[]> {
  const { sql, parameters } = conditionOf(selection)
  const key = KEYS[by]
  const order = COURSES.includes(by) ? 'key' : 'lookups DESC, key'
  const limit = COURSES.includes(by) ? '' : 'LIMIT $top'
  const bound = { ...parameters, ...(limit === '' ? {} : { top }) }
  const where = `${sql} AND ${key} IS NOT NULL`
  const many = MANY.includes(by)
  const counted = `SELECT ${key} AS key, ${many ? '' : 'client,'} verdict,
    count(*) AS n, min(time) AS first, max(time) AS last FROM lookups WHERE ${where} GROUP BY ALL`
  const best = `SELECT key, ${SUMS}${many ? '' : ', count(DISTINCT client) AS clients'}
    FROM (${counted}) GROUP BY key ORDER BY ${order} ${limit}`
  if (!many) return log.rows<Tally>(best, bound)
  return log.rows<Tally>(
    `WITH best AS MATERIALIZED (${best})
    SELECT * FROM best JOIN (SELECT ${key} AS key, count(DISTINCT client) AS clients
      FROM lookups WHERE ${where} AND ${key} IN (SELECT key FROM best) GROUP BY ALL) USING (key)
    ORDER BY ${order}`,
    bound
  )
}

/** Of the whole selection. */
export async function sums(log: Log, selection: Selection): Promise<Sums> {
  const { sql, parameters } = conditionOf(selection)
  const [row] = await log.rows<Sums>(
    `SELECT ${SUMS}, count(DISTINCT client) AS clients, count(DISTINCT network) AS networks
    FROM (SELECT client, network, verdict, count(*) AS n, min(time) AS first, max(time) AS last
      FROM lookups WHERE ${sql} GROUP BY ALL)`,
    parameters
  )
  return row!
}

export interface Sums extends Counts {
  readonly networks: number
  /** Null where there is no lookup. */
  readonly first: Date | null
  readonly last: Date | null
  readonly [column: string]: number | Date | null
}
