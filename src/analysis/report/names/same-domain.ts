import type { CatalogueApp } from '../../../policy/rules/apps/catalogue.js'
import { registrableDomain } from '../../../policy/rules/apps/public-suffix.js'
import { sharedZoneContaining } from '../../../policy/rules/apps/shared-zones.js'
import { covers } from '../../../policy/rules/model/pattern.js'
import { showName } from '../../../wire/dns/name/name.js'
import type { Log } from '../log.js'
import { column, type Table } from '../report.js'
import { APP_MATCHED, unknownNames, type NewNamesSelection } from './unknown-names.js'
import { sourceOf } from '../questions/lookup-source.js'

/** Most labels of a registrable domain that are compared: `example.co.uk` has three. */
const LABELS = [2, 3, 4]

/**
 * Registrable domains in which an app has names, but which are not blocked as a whole, by domain. Domains of several
 * apps, of shared zones and of the app's `shared-names` say nothing of an app, and are left out.
 */
export function domainsOfApps(apps: readonly CatalogueApp[]): ReadonlyMap<string, string> {
  const found = new Map<string, string | undefined>()
  for (const { entry } of apps) {
    if (entry.kind === 'bypass') continue
    const shared = entry['shared-names'].map(({ name }) => name)
    for (const { name: pattern } of entry.names) {
      const domain = registrableDomain(showName(pattern.name))
      if (domain === undefined || sharedZoneContaining(domain) !== undefined) continue
      const isShared = shared.some(it => covers(it.cover, it.name, pattern.name))
      const isOther = found.has(domain) && found.get(domain) !== entry.app
      found.set(domain, isShared || isOther ? undefined : entry.app)
    }
  }
  return new Map([...found].flatMap(([domain, app]) => (app === undefined ? [] : [[domain, app]])))
}

/** New names that no rule matched, in a registrable domain of an app that rules matched in the period. */
export async function sameDomainNames(
  log: Log,
  selection: NewNamesSelection,
  domains: ReadonlyMap<string, string>,
  top: number
): Promise<Table> {
  const active = await matchedApps(log, selection)
  const wanted = new Map([...domains].filter(([, app]) => active.has(app)))
  const names =
    wanted.size === 0
      ? []
      : await unknownNames(log, selection, { lookups: 1, clients: 1 }, domainCondition(wanted))
  const rows = [...names.values()]
    .sort((one, other) => other.lookups - one.lookups || (one.qname < other.qname ? -1 : 1))
    .flatMap(({ qname, lookups, clients, first }) => {
      const domain = registrableDomain(qname) ?? ''
      const app = wanted.get(domain)
      return app === undefined ? [] : [[qname, app, domain, lookups, clients, first] as const]
    })
  return {
    id: 'domain',
    title: 'In domains of banned apps',
    description:
      'Not blocked, but in the same registrable domain as names of the app. Needs a log of all lookups. Review each name before you list it.',
    emptyText: 'None.',
    columns: [
      column('name', 'text'),
      column('app', 'text'),
      column('domain', 'text'),
      column('lookups', 'count'),
      column('clients', 'count'),
      column('first', 'time')
    ],
    rows: rows.slice(0, top)
  }
}

async function matchedApps(log: Log, selection: NewNamesSelection): Promise<ReadonlySet<string>> {
  const { from, sql, parameters } = sourceOf(log, selection, 'name')
  const rows = await log.rows<{ app: string }>(
    `SELECT DISTINCT app FROM ${from} WHERE ${sql} AND ${APP_MATCHED}`,
    parameters
  )
  return new Set(rows.map(({ app }) => app))
}

/** The last labels of a name are compared as a whole: much faster than each domain by itself. */
function domainCondition(domains: ReadonlyMap<string, string>) {
  const list = `(SELECT unnest(from_json($domains, '["VARCHAR"]')))`
  const terms = LABELS.map(
    count => `array_to_string(string_split(qname, '.')[-${count}:], '.') IN ${list}`
  )
  return {
    sql: `(${terms.join(' OR ')})`,
    parameters: { domains: JSON.stringify([...domains.keys()]) }
  }
}
