import { appOf } from './adguard-keys.js'
import { serversOf } from './adguard-upstreams.js'
import { catalogueApps } from './catalogue-apps.js'
import { uniqueId, type Migration, type NetworkDraft } from '../draft/migration.js'
import { canonicalPrefix } from '../draft/server-address.js'
import { isMapping, isOff, type YamlLeaf, type YamlPath } from './yaml-leaves.js'

/** Blocked services as a rule for the apps of the catalogue. */
export function carryServices(
  leaves: readonly YamlLeaf[],
  migration: Migration,
  network: NetworkDraft
): void {
  const known = catalogueApps()
  const apps = new Set<string>()
  for (const leaf of leaves) {
    const pairs = known.get(appOf(String(leaf.value)))
    const advice = 'no app of the catalogue (interdict apps): block its names, or use a list'
    migration.settle(
      leaf,
      `${leaf.key}: ${String(leaf.value)}`,
      pairs === undefined ? advice : undefined
    )
    pairs?.forEach(app => apps.add(app))
  }
  if (apps.size > 0) network.block.push({ apps: [...apps] })
}

interface Client {
  readonly name: string
  readonly upstreams: readonly unknown[] | null | undefined
  readonly blocked_services?: unknown
  readonly use_global_settings?: boolean
  readonly use_global_blocked_services?: boolean
  readonly filtering_enabled?: boolean
}

/** A client with settings of its own as a network; others belong to `clients`. */
export function carryClient(
  item: unknown,
  leaves: readonly YamlLeaf[],
  migration: Migration,
  parents: { readonly filtered: string; readonly all: string }
): void {
  if (!isMapping(item)) return
  const client = { ...item, name: String(item.name) } as unknown as Client
  const { name, upstreams } = client
  const text = `clients.persistent: ${name}`
  const hasServices = client.use_global_blocked_services === false
  const isOwn = client.use_global_settings === false
  const isPlain = !isOwn && !hasServices && (upstreams ?? []).length === 0
  if (isPlain)
    return migration.unneeded(leaves[0]!, text, 'a name without settings of its own', leaves.length)
  const id = uniqueId(name, migration.networks)
  const network = migration.network(id, `Client ${name} of AdGuard Home`)
  const isFiltered = !isOwn || client.filtering_enabled !== false
  if (isFiltered) network.extends.push(hasServices ? parents.filtered : parents.all)
  const services: YamlLeaf[] = []
  for (const leaf of leaves) {
    const key = leaf.path[3]
    const shown = `${text}, ${leaf.key.replace('clients.persistent.', '')}: ${String(leaf.value)}`
    if (key === 'ids') readClientId(leaf, shown, migration, network)
    else if (key === 'upstreams' && !isOff(leaf.value))
      readUpstream(leaf, shown, migration, network)
    else if (
      key === 'blocked_services' &&
      hasServices &&
      isService(leaf.path) &&
      !isOff(leaf.value)
    )
      services.push(leaf)
    else if (
      ['name', 'use_global_settings', 'use_global_blocked_services', 'filtering_enabled'].includes(
        String(key)
      )
    )
      migration.carried(leaf, shown)
    else if (
      isOff(leaf.value) ||
      /^(uid|upstreams_cache|blocked_services|ignore_|tags)/.test(String(key)) ||
      (key === 'safe_search' && leaf.path[4] !== 'enabled')
    )
      migration.unneeded(leaf, shown, 'off, or a label')
    else
      migration.open(
        leaf,
        shown,
        'write it into the network of this client: see docs/reference/rules.md'
      )
  }
  carryServices(services, migration, network)
  if (network.prefixes.size === 0) migration.networks.delete(id)
}

const isService = (path: YamlPath): boolean => path[4] === 'ids' || typeof path[4] === 'number'

function readClientId(
  leaf: YamlLeaf,
  shown: string,
  migration: Migration,
  network: NetworkDraft
): void {
  const prefix = canonicalPrefix(String(leaf.value))
  if (prefix !== undefined) network.prefixes.add(prefix)
  const advice =
    'clients are told apart by address, certificate or token: give it a fixed address, and add it to a network'
  migration.settle(leaf, shown, prefix === undefined ? advice : undefined)
}

function readUpstream(
  leaf: YamlLeaf,
  shown: string,
  migration: Migration,
  network: NetworkDraft
): void {
  const [, domains, written = String(leaf.value)] =
    /^\[\/(.*)\/\](.*)$/.exec(String(leaf.value)) ?? []
  const servers = serversOf(written)
  if (typeof servers === 'string') return migration.open(leaf, shown, servers)
  for (const domain of domains?.split('/') ?? ['.'])
    network.forward[domain] = [...(network.forward[domain] ?? []), ...servers]
  migration.carried(leaf, shown)
}
