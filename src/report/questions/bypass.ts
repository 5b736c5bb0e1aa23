import type { Log } from '../log.js'
import { column, type Report, type Table } from '../report.js'
import { sourceOf, type Source } from './source.js'
import { quietNetworks } from './quiet-networks.js'
import { periodFacts } from './overview.js'
import type { Selection } from './selection.js'
import { sums, type Sums } from './tally.js'

/** Ways to bypass the resolver, by the app of the catalogue that lists their names. */
export const BYPASS_METHODS: Readonly<Record<string, string>> = {
  'encrypted-dns': 'The client tried to use another resolver over DoH, DoT or DoQ.',
  httpdns: 'An app resolved names over HTTP, past the resolver (HTTPDNS). Many Chinese apps do.',
  'private-relay': 'An Apple device tried to hide its lookups in iCloud Private Relay.',
  'firefox-canary': 'Firefox checked whether it may use its own DoH resolver. Every Firefox does.',
  'resolver-arpa':
    'The client checked whether an encrypted resolver is offered (DDR). Most systems do.',
  'vpn-providers': 'The client tried to use a consumer VPN or proxy.',
  'opera-vpn': 'The proxy built into the Opera browser is switched on.'
}

/** Names documented by vendors, for lookups that no rule matched. */
const KNOWN_NAMES: readonly (readonly [way: string, condition: string])[] = [
  ['firefox-canary', "qname = 'use-application-dns.net'"],
  ['private-relay', "qname IN ('mask.icloud.com', 'mask-h2.icloud.com', 'mask-canary.icloud.com')"],
  ['resolver-arpa', "(qname = 'resolver.arpa' OR ends_with(qname, '.resolver.arpa'))"],
  [
    'encrypted-dns',
    `qname IN ('dns.google', 'dns64.dns.google', 'cloudflare-dns.com', 'one.one.one.one',
      'mozilla.cloudflare-dns.com', 'chrome.cloudflare-dns.com', 'dns.quad9.net', 'dns11.quad9.net',
      'doh.opendns.com', 'dns.nextdns.io', 'dns.adguard-dns.com', 'doh.cleanbrowsing.org',
      'dns.controld.com', 'freedns.controld.com', 'doh.mullvad.net', 'dns.mullvad.net')`
  ]
]

/**
 * `interdict report bypass`: who tries to bypass the resolver, and where lookups dropped.
 *
 * @param ids ids of all apps of kind `bypass` in the catalogue
 */
export async function bypass(
  log: Log,
  selection: Selection,
  ids: readonly string[],
  top: number
): Promise<Report> {
  const wide = { ...selection, all: true }
  const all = await sums(log, wide)
  const apps = [...new Set([...Object.keys(BYPASS_METHODS), ...ids])]
  const wanted = { apps, others: await hasUnmatchedNames(log, wide, apps, all) }
  const tables = [
    await methodsTable(log, wide, wanted),
    await namesTable(log, wide, wanted, top),
    await clientsTable(log, wide, wanted, top),
    await quietNetworks(log, wide)
  ]
  return {
    title: 'Bypass attempts',
    timeZone: selection.timeZone,
    facts: periodFacts(selection, all),
    tables,
    remarks: [
      'A client with a hard-coded resolver address looks up no name and does not appear here: block outgoing ports 53 and 853, and known resolvers on port 443.'
    ]
  }
}

/** Apps to look for, and whether documented names occur in lookups that none of their rules matched. */
interface BypassQuery {
  readonly apps: readonly string[]
  readonly others: boolean
}

const isApp = (apps: readonly string[]): string =>
  `(app IN (${apps.map((_, i) => `$way${i}`).join(', ')}))`
const boundTo = (apps: readonly string[]): Record<string, string> =>
  Object.fromEntries(apps.map((id, i) => [`way${i}`, id]))
/** The bypass method that a name belongs to, or NULL. */
const KNOWN_METHOD = `CASE ${KNOWN_NAMES.map(([way, condition]) => `WHEN ${condition} THEN '${way}'`).join(' ')} END`

/** If a rule matched every lookup, as in a log of blocked lookups, tallies by name suffice. */
async function hasUnmatchedNames(
  log: Log,
  selection: Selection,
  apps: readonly string[],
  { lookups, blocked, monitored, allowed }: Sums
): Promise<boolean> {
  if (lookups > blocked + monitored + allowed) return true
  const { from, sql, parameters } = sourceOf(log, { ...selection, all: undefined }, 'name')
  const found = await log.rows(
    `SELECT 1 FROM ${from} WHERE ${sql} AND ${isApp(apps)} IS NOT TRUE AND ${KNOWN_METHOD} IS NOT NULL LIMIT 1`,
    { ...parameters, ...boundTo(apps) }
  )
  return found.length > 0
}

/**
 * Bypass lookups with a column `way`: those that a rule on such an app matched, and other lookups of
 * documented names, which have to be read one by one.
 *
 * @param counted whether tallies, which have no names, may be used for the former
 */
function bypassLookups(
  log: Log,
  { apps, others }: BypassQuery,
  selection: Selection,
  counted: boolean
): { sql: string; parameters: Record<string, string> } {
  const columns = `client, network, verdict, n, last${counted ? '' : ', qname'}`
  const select = ({ from, sql }: Source, way: string): string =>
    `SELECT ${way} AS way, ${columns} FROM ${from} WHERE ${sql}`
  const ruled = sourceOf(log, selection, counted ? 'client' : undefined)
  const parts = [`${select(ruled, 'app')} AND ${isApp(apps)}`]
  if (others) {
    const all = sourceOf(log, selection, undefined)
    parts.push(`${select(all, KNOWN_METHOD)} AND ${isApp(apps)} IS NOT TRUE AND way IS NOT NULL`)
  }
  return {
    sql: `(${parts.join(' UNION ALL ')})`,
    parameters: { ...ruled.parameters, ...boundTo(apps) }
  }
}

const COUNTS = `sum(n)::BIGINT AS lookups,
  coalesce(sum(n) FILTER (verdict = 'blocked'), 0)::BIGINT AS blocked,
  count(DISTINCT client) AS clients, max(last) AS last`

interface Counted {
  readonly lookups: number
  readonly blocked: number
  readonly clients: number
  readonly last: Date
  readonly [column: string]: string | number | Date
}

async function methodsTable(log: Log, selection: Selection, wanted: BypassQuery): Promise<Table> {
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
      column('way', 'text'),
      column('clients', 'count'),
      column('lookups', 'count'),
      column('blocked', 'count'),
      column('last', 'time'),
      column('meaning', 'text')
    ],
    rows: rows.map(({ way, clients, lookups, blocked, last }) => {
      return [way, clients, lookups, blocked, last, BYPASS_METHODS[way] ?? null]
    }),
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
      column('way', 'text'),
      column('lookups', 'count'),
      column('blocked', 'count'),
      column('clients', 'count'),
      column('last', 'time')
    ],
    rows: rows.map(({ qname, way, lookups, blocked, clients, last }) => {
      return [qname, way, lookups, blocked, clients, last]
    })
  }
}

/** Leaves out what every browser and system looks up by itself. */
async function clientsTable(
  log: Log,
  selection: Selection,
  wanted: BypassQuery,
  top: number
): Promise<Table> {
  const { sql, parameters } = bypassLookups(log, wanted, selection, true)
  const rows = await log.rows<Counted & { client: string; network: string; ways: string }>(
    `SELECT client, coalesce(min(network), '-') AS network,
      string_agg(DISTINCT way, ', ' ORDER BY way) AS ways, ${COUNTS}
    FROM ${sql} WHERE way NOT IN ('firefox-canary', 'resolver-arpa') GROUP BY client
    ORDER BY lookups DESC, client LIMIT $top`,
    { ...parameters, top }
  )
  return {
    id: 'clients',
    title: 'Clients',
    description:
      'Clients with most such lookups, without those that every browser and system makes by itself.',
    emptyText: 'No such clients.',
    columns: [
      column('client', 'text'),
      column('network', 'text'),
      column('ways', 'text'),
      column('lookups', 'count'),
      column('blocked', 'count'),
      column('last', 'time')
    ],
    rows: rows.map(({ client, network, ways, lookups, blocked, last }) => {
      return [client, network, ways, lookups, blocked, last]
    })
  }
}
