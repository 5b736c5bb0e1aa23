import type { CountedBy, Log } from '../log.js'
import { sourceOf, type Source } from './counted.js'
import { instant, type Condition, type Selection } from './selection.js'

/** By what lookups can be counted, what that is in SQL, and how it is counted beforehand. */
const KEYS_IN_SQL = {
  app: ['app', 'client'],
  ban: ['ban', 'client'],
  network: ['network', 'client'],
  client: ['client', 'client'],
  name: ['qname', 'name'],
  hour: ["date_trunc('hour', first)", undefined],
  day: ["date_trunc('day', first)", 'client'],
  type: ['qtype', undefined],
  match: ['"match"', 'client'],
  exception: ['exception', 'client']
} as const satisfies Record<string, readonly [string, CountedBy | undefined]>
export type Key = keyof typeof KEYS_IN_SQL
export const KEYS = Object.keys(KEYS_IN_SQL) as readonly Key[]

/** Those that are a course of time, and not a ranking. */
export const COURSES: readonly Key[] = ['hour', 'day']

/** How many lookups, how they ended, of how many clients, and when. */
export interface Tally extends Keyed {
  readonly clients: number
}

interface Keyed extends Counts {
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
}

const SUMS = `coalesce(sum(n), 0)::BIGINT AS lookups,
  coalesce(sum(n) FILTER (verdict = 'blocked'), 0)::BIGINT AS blocked,
  coalesce(sum(n) FILTER (verdict = 'monitored'), 0)::BIGINT AS monitored,
  coalesce(sum(n) FILTER (verdict = 'allowed'), 0)::BIGINT AS allowed,
  min(first) AS first, max(last) AS last`

/** Counts lookups by a key: those with most of them first, or by time. Clients are counted exactly. */
export async function tally(
  log: Log,
  by: Key,
  selection: Selection,
  top: number
): Promise<Tally[]> {
  const [key, counted] = KEYS_IN_SQL[by]
  const { from, sql, parameters } = sourceOf(log, selection, counted)
  const isCourse = COURSES.includes(by)
  const best = `SELECT ${key} AS key, ${SUMS} FROM ${from} WHERE ${sql} AND ${key} IS NOT NULL
    GROUP BY ALL ORDER BY ${isCourse ? 'key' : 'lookups DESC, key LIMIT $top'}`
  const bound = isCourse ? parameters : { ...parameters, top }
  const rows = await log.rows<Keyed>(best, bound)
  if (by === 'client') return rows.map(row => ({ ...row, clients: 1 }))
  // Names are counted without clients.
  const source = sourceOf(log, selection, counted === 'name' ? undefined : counted)
  const keys = rows.map(row => row.key)
  const clients =
    keys.length <= BITS
      ? await clientsByBits(log, source, key, keys)
      : await clientsOf(log, source, key, { sql: best, parameters: bound })
  return rows.map(row => ({ ...row, clients: clients.get(String(row.key)) ?? 0 }))
}

/** How many lookups of a selection have none of a key. */
export async function without(log: Log, by: Key, selection: Selection): Promise<number> {
  const [key, counted] = KEYS_IN_SQL[by]
  const { from, sql, parameters } = sourceOf(log, selection, counted)
  const [row] = await log.rows<{ lookups: number }>(
    `SELECT coalesce(sum(n), 0)::BIGINT AS lookups FROM ${from} WHERE ${sql} AND ${key} IS NULL`,
    parameters
  )
  return row?.lookups ?? 0
}

/** Keys for which there are bits in a whole number of SQL that is no less than 0. */
const BITS = 62

interface Clients {
  readonly key: string | Date
  readonly clients: number
  readonly [column: string]: string | number | Date
}

/**
 * How many clients each of some keys has. Each client is looked up once, and gets a bit for every key
 * that it has: of a month, that takes a third of the time that telling apart all pairs takes.
 */
async function clientsByBits(
  log: Log,
  { from, sql, parameters }: Source,
  key: string,
  keys: readonly (string | Date)[]
): Promise<Map<string, number>> {
  if (keys.length === 0) return new Map()
  const texts = keys.flatMap((one, i) =>
    typeof one === 'string' ? [[`key${i}`, one] as const] : []
  )
  const values = keys.map((one, i) => {
    const value = typeof one === 'string' ? `$key${i}::VARCHAR` : instant(Number(one))
    return `(${value}, 1::BIGINT << ${i})`
  })
  const rows = await log.rows<Clients>(
    `WITH keys AS (SELECT * FROM (VALUES ${values.join(', ')}) AS keys(key, bit)),
    met AS (SELECT client, bit_or(bit) AS bits FROM ${from} JOIN keys ON ${key} = key
      WHERE ${sql} AND client IS NOT NULL GROUP BY client)
    SELECT key, count(*) AS clients FROM keys JOIN met ON bits & bit <> 0 GROUP BY key`,
    { ...parameters, ...Object.fromEntries(texts) }
  )
  return counts(rows)
}

/** The same for any number of keys, those that `best` gives. */
async function clientsOf(
  log: Log,
  { from, sql, parameters }: Source,
  key: string,
  best: { readonly sql: string; readonly parameters: Condition['parameters'] | { top: number } }
): Promise<Map<string, number>> {
  const rows = await log.rows<Clients>(
    `SELECT ${key} AS key, count(DISTINCT client) AS clients FROM ${from}
    WHERE ${sql} AND ${key} IN (SELECT key FROM (${best.sql})) GROUP BY ALL`,
    { ...parameters, ...best.parameters }
  )
  return counts(rows)
}

function counts(rows: readonly Clients[]): Map<string, number> {
  return new Map(rows.map(({ key, clients }) => [String(key), clients]))
}

/** Of the whole selection. */
export async function sums(log: Log, selection: Selection): Promise<Sums> {
  const { from, sql, parameters } = sourceOf(log, selection, 'client')
  const [row] = await log.rows<Sums>(
    `SELECT ${SUMS}, count(DISTINCT client) AS clients, count(DISTINCT network) AS networks
    FROM ${from} WHERE ${sql}`,
    parameters
  )
  return row!
}

export interface Sums extends Counts {
  readonly clients: number
  readonly networks: number
  /** Null where there is no lookup. */
  readonly first: Date | null
  readonly last: Date | null
  readonly [column: string]: number | Date | null
}
