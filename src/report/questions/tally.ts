import type { CountedBy, Log } from '../log.js'
import { localTime, startOfLocalDay, UTC } from './local-time.js'
import { sourceOf, type Source } from './source.js'
import { instant, type Condition, type Filters, type Selection } from './selection.js'

/** Keys that lookups can be counted by: the SQL expression, and the tallies that have it. */
const KEY_COLUMNS = {
  app: ['app', 'client'],
  ban: ['ban', 'client'],
  network: ['network', 'client'],
  client: ['client', 'client'],
  name: ['qname', 'name'],
  hour: ["date_trunc('hour', first)", undefined],
  day: ["date_trunc('day', first)", 'client'],
  type: ['qtype', undefined],
  match: ['"match"', 'client'],
  exception: ['exception', 'client'],
  gateway: ['gateway', 'client']
} as const satisfies Record<string, readonly [string, CountedBy | undefined]>
export type Key = keyof typeof KEY_COLUMNS
/** Of the logs of a fleet alone. */
export const FLEET_KEY = 'gateway'
export const KEYS = (Object.keys(KEY_COLUMNS) as readonly Key[]).filter(key => key !== FLEET_KEY)

/** Keys that are a time line, not a ranking. */
export const TIME_KEYS: readonly Key[] = ['hour', 'day']

/** Lookups of one key by verdict, with the number of clients and the first and last time. */
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
  /** A rule in mode `monitor` would have blocked them. */
  readonly monitored: number
  /** Allowed by an exception or an allow rule. */
  readonly allowed: number
}

const SUMS = `coalesce(sum(n), 0)::BIGINT AS lookups,
  coalesce(sum(n) FILTER (verdict = 'blocked'), 0)::BIGINT AS blocked,
  coalesce(sum(n) FILTER (verdict = 'monitored'), 0)::BIGINT AS monitored,
  coalesce(sum(n) FILTER (verdict = 'allowed'), 0)::BIGINT AS allowed,
  min(first) AS first, max(last) AS last`

/** Counts lookups by a key: most lookups first, or in order of time. Clients are counted exactly. */
export async function tally(
  log: Log,
  by: Key,
  selection: Selection,
  top: number
): Promise<Tally[]> {
  const [key, counted] = await keyOf(log, by, selection)
  const { from, sql, parameters } = sourceOf(log, selection, counted)
  const isTimeline = TIME_KEYS.includes(by)
  const best = `SELECT ${key} AS key, ${SUMS} FROM ${from} WHERE ${sql} AND ${key} IS NOT NULL
    GROUP BY ALL ORDER BY ${isTimeline ? 'key' : 'lookups DESC, key LIMIT $top'}`
  const bound = isTimeline ? parameters : { ...parameters, top }
  const rows = await log.rows<Keyed>(best, bound)
  if (by === 'client') return rows.map(row => ({ ...row, clients: 1 }))
  // Tallies by name have no clients.
  const source = sourceOf(log, selection, counted === 'name' ? undefined : counted)
  const keys = rows.map(row => row.key)
  const clients =
    keys.length <= BITS
      ? await clientsByBits(log, source, key, keys)
      : await clientsOf(log, source, key, { sql: best, parameters: bound })
  const { timeZone } = selection
  const isLocalDay = by === 'day' && timeZone !== UTC
  return rows.map(row => ({
    ...row,
    key: isLocalDay ? startOfLocalDay(row.key as Date, timeZone) : row.key,
    clients: clients.get(String(row.key)) ?? 0
  }))
}

/**
 * The SQL expression of a key, and the tallies that have it. Tallies are of UTC days, so that local
 * days are counted from the lookups. A local day is the start of the same day in UTC, and a local
 * hour is the instant at which it starts.
 */
async function keyOf(
  log: Log,
  by: Key,
  selection: Selection
): Promise<readonly [key: string, counted: CountedBy | undefined]> {
  const local = TIME_KEYS.includes(by) ? await localTime(log, selection) : undefined
  if (local === undefined) return KEY_COLUMNS[by]
  const first = local('first')
  const start = `date_trunc('${by}', ${first})`
  return [by === 'day' ? start : `(${start} - (${first} - first))`, undefined]
}

/** Counts the lookups of a selection that have no value for a key. */
export async function countWithout(log: Log, by: Key, selection: Selection): Promise<number> {
  const [key, counted] = KEY_COLUMNS[by]
  const { from, sql, parameters } = sourceOf(log, selection, counted)
  const [row] = await log.rows<{ lookups: number }>(
    `SELECT coalesce(sum(n), 0)::BIGINT AS lookups FROM ${from} WHERE ${sql} AND ${key} IS NULL`,
    parameters
  )
  return row?.lookups ?? 0
}

/** Bits of a BIGINT that stays positive: the most keys that `clientsByBits` can take. */
const BITS = 62

interface Clients {
  readonly key: string | Date
  readonly clients: number
  readonly [column: string]: string | number | Date
}

/**
 * Counts the clients of each key. Each client gets one bit for every key that it has, which on a
 * month takes a third of the time of `count(DISTINCT client)`.
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

/** Counts the clients of any number of keys: those that the query `best` returns. */
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

/** Totals of the whole selection. */
export async function sums(log: Log, selection: Filters): Promise<Sums> {
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
  /** Null if there are no lookups. */
  readonly first: Date | null
  readonly last: Date | null
  readonly [column: string]: number | Date | null
}
