import { deviceText, type FindDevice } from '../device-text.js'
import type { Log, Period } from '../log.js'
import { column, type Column, type Report, type Table, type Tile } from '../report.js'
import { BYPASS_METHODS, bypassLookups, bypassQuery, type BypassQuery } from './bypass-lookups.js'
import { quietNetworks } from './quiet-networks.js'
import { periodFacts } from './overview.js'
import type { Selection } from './selection.js'
import { sums } from './count-by-key.js'

/** What is known of clients besides their lookups. */
export interface ClientSources {
  readonly findDevice: FindDevice
  /** Connections by address to which no answer led, by client as the log writes it. */
  readonly connections: (period: Period) => Promise<ReadonlyMap<string, number>>
}

/**
 * `interdict report bypass`: who tries to bypass the resolver, and where lookups dropped.
 *
 * @param ids ids of all apps of kind `bypass` in the catalogue
 * @param sources undefined: lookups alone
 */
export async function bypass(
  log: Log,
  selection: Selection,
  ids: readonly string[],
  top: number,
  sources?: ClientSources
): Promise<Report> {
  const wide = { ...selection, all: true }
  const all = await sums(log, wide)
  const wanted = await bypassQuery(log, wide, ids, all)
  const methods = await methodsOf(log, wide, wanted)
  const tables = [
    methods,
    await namesTable(log, wide, wanted, top),
    await clientsTable(log, wide, wanted, top, sources),
    await quietNetworks(log, wide)
  ]
  return {
    title: 'Bypass attempts',
    timeZone: selection.timeZone,
    tiles: tilesOf(methods, tables[2]!, tables[3]!),
    facts: periodFacts(selection, all),
    tables,
    remarks: [
      'A client with a hard-coded resolver address looks up no name and does not appear here: block outgoing ports 53 and 853, and known resolvers on port 443.'
    ]
  }
}

function tilesOf({ columns, rows }: Table, clients: Table, quiet: Table): Tile[] {
  const sumOf = (key: string): number => {
    const at = columns.findIndex(column => column.key === key)
    return rows.reduce((sum, row) => sum + Number(row[at]), 0)
  }
  const [lookups, unblocked] = [sumOf('lookups'), sumOf('unblocked')]
  return [
    { key: 'lookups', title: 'Bypass lookups', value: lookups, kind: 'count' },
    {
      key: 'blockedShare',
      title: 'Blocked',
      value: lookups === 0 ? null : sumOf('blocked') / lookups,
      kind: 'share'
    },
    {
      key: 'unblockedBypass',
      title: 'Unblocked bypass',
      value: unblocked,
      kind: 'count',
      note: unblocked === 0 ? 'none succeeded' : 'lookups that may have succeeded',
      warn: unblocked > 0
    },
    {
      key: 'clients',
      title: 'Clients listed',
      value: clients.rows.length,
      kind: 'count',
      note: 'that try to use another resolver'
    },
    {
      key: 'quietNetworks',
      title: 'Quiet networks',
      value: quiet.rows.length,
      kind: 'count',
      note: 'with fewer lookups than usual',
      warn: quiet.rows.length > 0
    }
  ]
}

/**
 * Lookups that bypass the resolver, by method.
 *
 * @param selection with `all`
 * @param ids as for `bypass`
 */
export async function methodsTable(
  log: Log,
  selection: Selection,
  ids: readonly string[]
): Promise<Table> {
  const all = await sums(log, selection)
  return methodsOf(log, selection, await bypassQuery(log, selection, ids, all))
}

/** Verdicts of lookups that did not get an answer from elsewhere, so that no bypass can have succeeded. */
const FAILED = "'blocked', 'refused', 'failed', 'local'"

const COUNTS = `sum(n)::BIGINT AS lookups,
  coalesce(sum(n) FILTER (verdict = 'blocked'), 0)::BIGINT AS blocked,
  coalesce(sum(n) FILTER (verdict NOT IN (${FAILED})), 0)::BIGINT AS unblocked,
  count(DISTINCT client) AS clients, min(first) AS first, max(last) AS last`

interface Counted {
  readonly lookups: number
  readonly blocked: number
  /** Answered: the bypass may have succeeded. */
  readonly unblocked: number
  readonly clients: number
  readonly first: Date
  readonly last: Date
  readonly [column: string]: string | number | Date | null
}

const UNBLOCKED: Column = { ...column('unblocked', 'count', 'not blocked'), hideIfEmpty: true }
const DEVICE: readonly Column[] = [
  { ...column('device', 'text'), hideIfEmpty: true },
  { ...column('user', 'text'), hideIfEmpty: true }
]

const marksOf = (rows: readonly Counted[]): (string | null)[] =>
  rows.map(({ unblocked }) => (unblocked > 0 ? 'not blocked' : null))

async function methodsOf(log: Log, selection: Selection, wanted: BypassQuery): Promise<Table> {
  const { sql, parameters } = bypassLookups(log, wanted, selection, true)
  const rows = await log.rows<Counted & { way: string }>(
    `SELECT way, ${COUNTS} FROM ${sql} GROUP BY way ORDER BY clients DESC, way`,
    parameters
  )
  return {
    id: 'ways',
    title: 'Methods',
    description:
      'Names that clients look up to bypass this resolver, or to check whether they may. A lookup that was not blocked may have succeeded.',
    emptyText: 'No such lookups.',
    columns: [
      column('way', 'text', 'method'),
      column('clients', 'count'),
      column('lookups', 'count'),
      column('blocked', 'count'),
      UNBLOCKED,
      column('last', 'time'),
      column('meaning', 'text')
    ],
    rows: rows.map(({ way, clients, lookups, blocked, unblocked, last }) => {
      return [way, clients, lookups, blocked, unblocked, last, BYPASS_METHODS[way] ?? null]
    }),
    marks: marksOf(rows),
    ...(rows.length === 0
      ? {}
      : {
          chart: {
            kind: 'ranking',
            unit: 'clients',
            labels: rows.map(({ way }) => way),
            series: [{ name: 'clients', tone: 'blocked', values: rows.map(it => it.clients) }]
          }
        })
  }
}

async function namesTable(
  log: Log,
  selection: Selection,
  wanted: BypassQuery,
  top: number
): Promise<Table> {
  const { sql, parameters } = bypassLookups(log, wanted, selection, false)
  const rows = await log.rows<Counted & { qname: string; way: string }>(
    `SELECT qname, way, ${COUNTS} FROM ${sql} GROUP BY qname, way
    ORDER BY lookups DESC, qname, way LIMIT $top`,
    { ...parameters, top }
  )
  return {
    id: 'names',
    title: 'Names',
    description: 'Names by number of lookups.',
    emptyText: 'No such lookups.',
    columns: [
      column('name', 'text'),
      column('way', 'text', 'method'),
      column('lookups', 'count'),
      column('blocked', 'count'),
      UNBLOCKED,
      column('clients', 'count'),
      column('last', 'time')
    ],
    rows: rows.map(({ qname, way, lookups, blocked, unblocked, clients, last }) => {
      return [qname, way, lookups, blocked, unblocked, clients, last]
    }),
    marks: marksOf(rows)
  }
}

const CONNECTIONS: Column = {
  ...column('connections', 'count', 'connections by address'),
  hideIfEmpty: true
}

/** Device and user of each client, and its connections by address. */
async function knownOf(
  rows: readonly { readonly client: string | null; readonly first: Date; readonly last: Date }[],
  period: Period,
  { findDevice, connections }: ClientSources
) {
  const byClient = await connections(period)
  return Promise.all(
    rows.map(async ({ client, first, last }) =>
      client === null
        ? { device: [null, null], connections: [null] }
        : {
            device: await deviceText(client, Number(first), Number(last), findDevice),
            connections: [byClient.get(client) ?? 0]
          }
    )
  )
}

/** Leaves out what every browser and system looks up by itself. */
async function clientsTable(
  log: Log,
  selection: Selection,
  wanted: BypassQuery,
  top: number,
  sources: ClientSources | undefined
): Promise<Table> {
  const { sql, parameters } = bypassLookups(log, wanted, selection, true)
  const rows = await log.rows<Counted & { client: string | null; network: string; ways: string }>(
    `SELECT client, coalesce(min(network), '-') AS network,
      string_agg(DISTINCT way, ', ' ORDER BY way) AS ways, ${COUNTS}
    FROM ${sql} WHERE way NOT IN ('firefox-canary', 'resolver-arpa') GROUP BY client
    ORDER BY lookups DESC, client LIMIT $top`,
    { ...parameters, top }
  )
  const known = sources && (await knownOf(rows, selection, sources))
  return {
    id: 'clients',
    title: 'Clients',
    description:
      'Clients with most such lookups, without those that every browser and system makes by itself.',
    emptyText: 'No such clients.',
    columns: [
      column('client', 'text'),
      column('network', 'text'),
      ...(known === undefined ? [] : DEVICE),
      column('ways', 'text', 'methods'),
      column('lookups', 'count'),
      column('blocked', 'count'),
      UNBLOCKED,
      ...(known === undefined ? [] : [CONNECTIONS]),
      column('last', 'time')
    ],
    rows: rows.map(({ client, network, ways, lookups, blocked, unblocked, last }, i) => {
      const { device = [], connections = [] } = known?.[i] ?? {}
      return [
        ...[client, network, ...device, ways, lookups, blocked, unblocked, ...connections],
        last
      ]
    }),
    marks: marksOf(rows)
  }
}
