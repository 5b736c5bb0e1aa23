import type { Log } from '../log.js'
import type { Selection } from './selection.js'
import { sourceOf, type Source } from './lookup-source.js'
import { sums, type Sums } from './count-by-key.js'

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

/** Apps to look for, and whether documented names occur in lookups that none of their rules matched. */
export interface BypassQuery {
  readonly apps: readonly string[]
  readonly others: boolean
}

/** @param ids of apps beside the keys of `BYPASS_METHODS` */
export async function bypassQuery(
  log: Log,
  selection: Selection,
  ids: readonly string[],
  all: Sums
): Promise<BypassQuery> {
  const apps = [...new Set([...Object.keys(BYPASS_METHODS), ...ids])]
  return { apps, others: await hasUnmatchedNames(log, selection, apps, all) }
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

/** Bypass lookups that agree in everything that a report counts by. */
export interface BypassGroup {
  readonly way: string
  readonly qname: string
  readonly client: string | null
  readonly network: string | null
  readonly verdict: string
  readonly lookups: number
  readonly last: Date
  readonly [column: string]: string | number | Date | null
}

/** Everything from which the tables of bypass attempts are computed. @param selection with `all` */
export async function bypassGroups(
  log: Log,
  selection: Selection,
  ids: readonly string[]
): Promise<readonly BypassGroup[]> {
  const wanted = await bypassQuery(log, selection, ids, await sums(log, selection))
  const { sql, parameters } = bypassLookups(log, wanted, selection, false)
  return log.rows<BypassGroup>(
    `SELECT way, qname, client, network, verdict, sum(n)::BIGINT AS lookups, max(last) AS last
    FROM ${sql} GROUP BY way, qname, client, network, verdict
    ORDER BY way, qname, client, network, verdict`,
    parameters
  )
}

/**
 * Bypass lookups with a column `way`: those that a rule on such an app matched, and other lookups of
 * documented names, which have to be read one by one.
 *
 * @param counted whether tallies, which have no names, may be used for the former
 */
export function bypassLookups(
  log: Log,
  { apps, others }: BypassQuery,
  selection: Selection,
  counted: boolean
): { sql: string; parameters: Record<string, string> } {
  const columns = `client, network, verdict, n, first, last${counted ? '' : ', qname'}`
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
