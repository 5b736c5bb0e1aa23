import type { Log } from '../log.js'
import { column, type Report, type Table } from '../report.js'
import { sourceOf, type Source } from './counted.js'
import { fallen } from './fallen.js'
import { periodFacts } from './overview.js'
import type { Selection } from './selection.js'
import { sums, type Sums } from './tally.js'

/** Ways past the resolver, by the app of the catalogue that has their names. */
const WAYS: Readonly<Record<string, string>> = {
  'encrypted-dns': 'A client wants another resolver, by DNS over HTTPS, TLS or QUIC.',
  'private-relay': 'An Apple device wants to hide its lookups in iCloud Private Relay.',
  'firefox-canary': 'Firefox asks whether it may use a resolver of its own. Every Firefox does.',
  'resolver-arpa': 'A client asks whether an encrypted resolver is offered. Most systems do.',
  'vpn-providers': 'A client wants a consumer VPN or proxy.',
  'opera-vpn': 'The proxy within the Opera browser is switched on.'
}

/** Names that mean such a way where no rule is on them: those that vendors document. */
const KNOWN: readonly (readonly [way: string, condition: string])[] = [
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
 * `interdict report bypass`: who tries to get past the resolver, and where lookups became few.
 *
 * @param ids of all apps of kind `bypass` in the catalogue
 */
export async function bypass(
  log: Log,
  selection: Selection,
  ids: readonly string[],
  top: number
): Promise<Report> {
  const wide = { ...selection, all: true }
  const all = await sums(log, wide)
  const apps = [...new Set([...Object.keys(WAYS), ...ids])]
  const wanted = { apps, others: await hasOthers(log, wide, apps, all) }
  const tables = [
    await ways(log, wide, wanted),
    await names(log, wide, wanted, top),
    await clients(log, wide, wanted, top),
    await fallen(log, wide)
  ]
  return {
    title: 'Ways past the resolver',
    facts: periodFacts(selection, all),
    tables,
    remarks: [
      'A client that knows the address of another resolver asks for no name and is not seen here: block ports 53 and 853 to the outside, and known resolvers on port 443.'
    ]
  }
}

/** What is looked for, and whether it is in lookups on which no rule on an app of a way spoke. */
interface Wanted {
  readonly apps: readonly string[]
  readonly others: boolean
}

const isApp = (apps: readonly string[]): string =>
  `(app IN (${apps.map((_, i) => `$way${i}`).join(', ')}))`
const boundTo = (apps: readonly string[]): Record<string, string> =>
  Object.fromEntries(apps.map((id, i) => [`way${i}`, id]))
/** The way that a name is known for, or NULL. */
const KNOWN_WAY = `CASE ${KNOWN.map(([way, condition]) => `WHEN ${condition} THEN '${way}'`).join(' ')} END`

/** Where rules spoke on all lookups, as in a log of what was blocked, their names are counted. */
async function hasOthers(
  log: Log,
  selection: Selection,
  apps: readonly string[],
  { lookups, blocked, monitored, allowed }: Sums
): Promise<boolean> {
  if (lookups > blocked + monitored + allowed) return true
  const { from, sql, parameters } = sourceOf(log, { ...selection, all: undefined }, 'name')
  const found = await log.rows(
    `SELECT 1 FROM ${from} WHERE ${sql} AND ${isApp(apps)} IS NOT TRUE AND ${KNOWN_WAY} IS NOT NULL LIMIT 1`,
    { ...parameters, ...boundTo(apps) }
  )
  return found.length > 0
}

/**
 * Lookups that are one of the ways, with a column `way`: those on which a rule on such an app spoke,
 * and others of the names that are known, which are looked at one by one.
 *
 * @param counted whether the former may be counted already, which has no names
 */
function signals(
  log: Log,
  { apps, others }: Wanted,
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
    parts.push(`${select(all, KNOWN_WAY)} AND ${isApp(apps)} IS NOT TRUE AND way IS NOT NULL`)
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

async function ways(log: Log, selection: Selection, wanted: Wanted): Promise<Table> {
  const { sql, parameters } = signals(log, wanted, selection, true)
  const rows = await log.rows<Counted & { way: string }>(
    `SELECT way, ${COUNTS} FROM ${sql} GROUP BY way ORDER BY clients DESC, way`,
    parameters
  )
  return {
    id: 'ways',
    title: 'What was tried',
    says: 'Names that lead past this resolver, or that a client asks for before it goes there. What is not blocked may have worked.',
    none: 'No such name was asked for.',
    columns: [
      column('way', 'text'),
      column('clients', 'count'),
      column('lookups', 'count'),
      column('blocked', 'count'),
      column('last', 'time'),
      column('meaning', 'text', 'what it means')
    ],
    rows: rows.map(({ way, clients, lookups, blocked, last }) => {
      return [way, clients, lookups, blocked, last, WAYS[way] ?? null]
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

async function names(log: Log, selection: Selection, wanted: Wanted, top: number): Promise<Table> {
  const { sql, parameters } = signals(log, wanted, selection, false)
  const rows = await log.rows<Counted & { qname: string; way: string }>(
    `SELECT qname, way, ${COUNTS} FROM ${sql} GROUP BY qname, way
    ORDER BY lookups DESC, qname, way LIMIT $top`,
    { ...parameters, top }
  )
  return {
    id: 'names',
    title: 'Which names',
    says: 'Such names by how often they were asked for.',
    none: 'No such name was asked for.',
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

/** Without what every system asks for by itself. */
async function clients(
  log: Log,
  selection: Selection,
  wanted: Wanted,
  top: number
): Promise<Table> {
  const { sql, parameters } = signals(log, wanted, selection, true)
  const rows = await log.rows<Counted & { client: string; network: string; ways: string }>(
    `SELECT client, coalesce(min(network), '-') AS network,
      string_agg(DISTINCT way, ', ' ORDER BY way) AS ways, ${COUNTS}
    FROM ${sql} WHERE way NOT IN ('firefox-canary', 'resolver-arpa') GROUP BY client
    ORDER BY lookups DESC, client LIMIT $top`,
    { ...parameters, top }
  )
  return {
    id: 'clients',
    title: 'Whose clients',
    says: 'Clients that asked most for such names; what browsers and systems ask for by themselves is left out.',
    none: 'No client did.',
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
