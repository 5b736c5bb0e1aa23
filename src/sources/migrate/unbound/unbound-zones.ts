import type { Migration, NetworkDraft } from '../draft/migration.js'
import { readNamed, type SourceFile } from '../draft/source-file.js'
import { canonicalAddress, endpoint } from '../draft/server-address.js'
import { addTransfer } from '../draft/add-servers.js'
import { show, type UnboundClause } from './unbound-clauses.js'
import { carryPolicyZone, carryZoneFile } from '../draft/zone-files.js'

/** Actions of `rpz-action-override`. */
const OVERRIDES: Readonly<Record<string, string>> = {
  nxdomain: 'nxdomain',
  nodata: 'nodata',
  drop: 'drop'
}

/** The clause `rpz`: a list from a file, a primary or a URL, and a rule that uses it. */
export function carryRpz(
  { settings }: UnboundClause,
  {
    source,
    folders,
    migration,
    network
  }: {
    readonly source: SourceFile
    readonly folders: readonly string[]
    readonly migration: Migration
    readonly network: NetworkDraft
  }
): void {
  const valueOf = (...keys: readonly string[]) =>
    settings.find(({ key }) => keys.includes(key))?.values[0]
  const name = (valueOf('name') ?? 'rpz').replace(/\.$/, '')
  const [primary, url, zonefile] = [
    valueOf('primary', 'master'),
    valueOf('url'),
    valueOf('zonefile')
  ]
  const local = zonefile === undefined ? undefined : readNamed(source, zonefile, folders)
  const address = primary === undefined ? undefined : readPrimary(primary)
  const list =
    address !== undefined
      ? addTransfer(migration, name, address)
      : url?.startsWith('https://') === true
        ? migration.addList(name, { url, format: 'rpz' })
        : local !== undefined
          ? carryPolicyZone(migration, name, local)
          : undefined
  const override = valueOf('rpz-action-override')
  const action = OVERRIDES[override ?? '']
  if (list !== undefined) {
    const mode = override === 'disabled' ? { mode: 'monitor' } : {}
    network.block.push({ lists: [list], ...(action !== undefined && { action }), ...mode })
  }
  for (const setting of settings) {
    const { key } = setting
    const text = `rpz: ${show(setting)}`
    if (key === 'rpz-action-override')
      migration.settle(
        setting,
        text,
        action === undefined && override !== 'disabled'
          ? 'write the action into the rule: see "Actions" in docs/reference/rules.md'
          : undefined
      )
    else if (key === 'tags')
      migration.open(setting, text, 'use the list in the networks that it is for')
    else if (
      /^(rpz-log|rpz-log-name|rpz-signal-nxdomain-ra|for-downstream|for-upstream|fallback-enabled|allow-notify)$/.test(
        key
      )
    )
      migration.unneeded(setting, text, 'the query log has each lookup with the list and its line')
    else if (list === undefined)
      migration.open(
        setting,
        text,
        'the zone is not here: write a list with file, url or transfer (docs/guides/rpz.md)'
      )
    else migration.carried(setting, text)
  }
}

/** The clause `auth-zone`: a zone file with local records. */
export function carryAuthZone(
  { settings }: UnboundClause,
  {
    source,
    folders,
    migration
  }: {
    readonly source: SourceFile
    readonly folders: readonly string[]
    readonly migration: Migration
  }
): void {
  const valueOf = (name: string) => settings.find(({ key }) => key === name)?.values[0]
  const zone = valueOf('name') ?? '.'
  const zonefile = valueOf('zonefile')
  const local = zonefile === undefined ? undefined : readNamed(source, zonefile, folders)
  const isCarried = local !== undefined && zone !== '.'
  if (isCarried) carryZoneFile(migration, zone, local)
  for (const setting of settings) {
    const text = `auth-zone: ${show(setting)}`
    if (isCarried && ['name', 'zonefile'].includes(setting.key)) migration.carried(setting, text)
    else if (zone === '.')
      migration.unneeded(setting, text, 'Interdict forwards: it needs no copy of the root')
    else if (isCarried) migration.unneeded(setting, text, 'the file is read again when it changes')
    else
      migration.open(
        setting,
        text,
        'forward the zone to its server: upstreams.forward, or "forward" of the network'
      )
  }
}

/** `192.0.2.1@53` of a primary, as in `transfers.primaries`. */
function readPrimary(text: string): string | undefined {
  const [address = '', port] = text.replace(/#.*$/, '').split('@')
  const known = canonicalAddress(address)
  return known === undefined
    ? undefined
    : endpoint(known, port === undefined ? undefined : Number(port))
}
