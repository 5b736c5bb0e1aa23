import type { FLEET_KEY, REPORT_KEYS } from '../../../lookups/sql/report-keys.js'
import type { CountedBy, Log } from '../log.js'
import { localTime, startOfLocalDay, UTC } from './local-time.js'
import { sourceOf, sourcesByGateway, type Source } from './lookup-source.js'
import { instant, type Condition, type Filters, type Selection } from './selection.js'

export type Key = (typeof REPORT_KEYS)[number] | typeof FLEET_KEY

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
} as const satisfies Record<Key, readonly [string, CountedBy | undefined]>

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

/** Lookups by a key, and what they are part of. */
export interface Ranking {
  /** Most lookups first, or in order of time. Clients are counted exactly. */
  readonly rows: readonly Tally[]
  /** Totals of the whole selection. */
  readonly all: () => Promise<Sums>
  /** Lookups that have no value for the key. */
  readonly without: number
}

type Part = Keyed & { readonly part: 'all' | 'key' | 'without'; readonly networks: number }

/** Keys with so many values that counting them and all lookups in one pass takes longer than two. */
const MANY: readonly Key[] = ['client', 'name']

/** Counts lookups by a key, and all of them, in one pass, and clients in another. */
export async function rank(log: Log, by: Key, selection: Selection, top: number): Promise<Ranking> {
  const [key, counted] = await keyOf(log, by, selection)
  const source = sourceOf(log, selection, counted)
  const { from, sql, parameters } = source
  const isTimeline = TIME_KEYS.includes(by)
  const isMany = MANY.includes(by)
  const order = isTimeline ? 'key' : 'lookups DESC, key'
  const read = `FROM ${from} WHERE ${sql}`
  const parts = isMany
    ? `WITH parts AS NOT MATERIALIZED (SELECT ${key} AS key, * ${read})`
    : `WITH parts AS MATERIALIZED (
        SELECT ${key} AS key, network, verdict, sum(n) AS n, min(first) AS first, max(last) AS last
        ${read} GROUP BY ALL)`
  const best = `SELECT 'key' AS part, key, ${SUMS}, 0 AS networks FROM parts WHERE key IS NOT NULL
    GROUP BY key ORDER BY ${order}${isTimeline ? '' : ' LIMIT $top'}`
  const total = `${SUMS}, count(DISTINCT network) AS networks FROM parts`
  const bound = isTimeline ? parameters : { ...parameters, top }
  const found = await log.rows<Part>(
    `${parts} SELECT * FROM ((${best}) UNION ALL SELECT 'without', NULL, ${total} WHERE key IS NULL
      ${isMany ? '' : `UNION ALL SELECT 'all', NULL, ${total}`}) ORDER BY part DESC, ${order}`,
    bound
  )
  const [{ lookups: without }, ...rest] = found as [Part, ...Part[]]
  const all = isMany ? undefined : rest.pop()
  const separately = (): Promise<Sums> => sums(log, selection)
  if (by === 'client')
    return { rows: rest.map(row => ({ ...row, clients: 1 })), all: separately, without }
  // Tallies by name have no clients.
  const withClients = counted === 'name' ? undefined : counted
  const keys = rest.map(row => row.key)
  const clients =
    keys.length <= BITS
      ? await clientsByBits(log, { selection, counted: withClients, key, keys, isPart: isMany })
      : await clientsOf(log, sourceOf(log, selection, withClients), key, {
          sql: `${parts} ${best}`,
          parameters: bound
        })
  const { timeZone } = selection
  const isLocalDay = by === 'day' && timeZone !== UTC
  const rows = rest.map(row => ({
    ...row,
    key: isLocalDay ? startOfLocalDay(row.key as Date, timeZone) : row.key,
    clients: clients.of.get(String(row.key)) ?? 0
  }))
  const { total: count } = clients
  const isCounted = all !== undefined && count !== undefined
  return {
    rows,
    all: isCounted ? () => Promise.resolve({ ...all, clients: count }) : separately,
    without
  }
}

/** As `rank`: the rows alone. */
export async function tally(
  log: Log,
  by: Key,
  selection: Selection,
  top: number
): Promise<readonly Tally[]> {
  return (await rank(log, by, selection, top)).rows
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

/** Bits of a BIGINT that stays positive: the most keys that `clientsByBits` can take. */
const BITS = 62

interface Clients {
  /** Null: of all. */
  readonly key: string | Date | null
  readonly clients: number
  readonly [column: string]: string | number | Date | null
}

/** Clients by key, and of all lookups if they were counted in the same pass. */
interface CountedClients {
  readonly of: ReadonlyMap<string, number>
  readonly total?: number
}

interface ClientQuery {
  readonly selection: Selection
  /** Tallies that have clients; undefined: lookups are read. */
  readonly counted: CountedBy | undefined
  /** SQL of the key, and its values. */
  readonly key: string
  readonly keys: readonly (string | Date)[]
  /** Whether only lookups with one of the keys are read, so that a total is not known. */
  readonly isPart: boolean
}

/** Gateways of a fleet in one statement: enough for all cores, and not too many for its plan. */
const AT_ONCE = 64

/**
 * Counts the clients of each key. Each client gets one bit for every key that it has, which on a
 * month takes a third of the time of `count(DISTINCT client)`.
 */
async function clientsByBits(log: Log, query: ClientQuery): Promise<CountedClients> {
  const { selection, counted, key, keys, isPart } = query
  const { clientKey } = log
  const texts = keys.flatMap((one, i) =>
    typeof one === 'string' ? [[`key${i}`, one] as const] : []
  )
  const values = keys.map((one, i) => {
    const value = typeof one === 'string' ? `$key${i}::VARCHAR` : instant(Number(one))
    return `(${value}, 1::BIGINT << ${i})`
  })
  if (values.length === 0) values.push('(NULL::VARCHAR, 0::BIGINT)')
  const of = new Map<string, number>()
  let total = 0
  const sources = sourcesByGateway(log, selection, counted)
  for (let at = 0; at < sources.length; at += AT_ONCE) {
    const met = sources.slice(at, at + AT_ONCE).map(
      ({ from, sql }) =>
        `SELECT bit_or(coalesce(bit, 0)) AS bits FROM ${from} ${isPart ? '' : 'LEFT'} JOIN keys ON ${key} = key
        WHERE ${sql} AND ${clientKey} IS NOT NULL GROUP BY ${clientKey}`
    )
    const rows = await log.rows<Clients>(
      `WITH keys AS (SELECT * FROM (VALUES ${values.join(', ')}) AS keys(key, bit)),
      met AS MATERIALIZED (${met.join(' UNION ALL ')})
      SELECT key, count(*) AS clients FROM keys JOIN met ON bits & bit <> 0 GROUP BY key
      UNION ALL SELECT NULL, count(*) FROM met`,
      { ...sources[at]!.parameters, ...Object.fromEntries(texts) }
    )
    for (const { key, clients } of rows) {
      if (key === null) total += clients
      else of.set(String(key), (of.get(String(key)) ?? 0) + clients)
    }
  }
  return { of, ...(!isPart && { total }) }
}

/** Counts the clients of any number of keys: those that the query `best` returns. */
async function clientsOf(
  log: Log,
  { from, sql, parameters }: Source,
  key: string,
  best: { readonly sql: string; readonly parameters: Condition['parameters'] | { top: number } }
): Promise<CountedClients> {
  const rows = await log.rows<Clients>(
    `SELECT ${key} AS key, count(DISTINCT client) AS clients FROM ${from}
    WHERE ${sql} AND ${key} IN (SELECT key FROM (${best.sql})) GROUP BY ALL`,
    { ...parameters, ...best.parameters }
  )
  return { of: new Map(rows.map(({ key, clients }) => [String(key), clients])) }
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
  readonly [column: string]: string | number | Date | null
}
