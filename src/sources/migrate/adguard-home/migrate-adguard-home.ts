import { carryClient, carryServices } from './adguard-clients.js'
import { adviceFor, whyUnneeded } from './adguard-keys.js'
import { carryRewrite, carryUserRules } from './adguard-rules.js'
import { carryUpstream, serversOf } from './adguard-upstreams.js'
import { addServers } from '../draft/add-servers.js'
import { patternFault } from '../draft/block-names.js'
import { Migration, type NetworkDraft } from '../draft/migration.js'
import { PRIVATE_PREFIXES } from '../draft/prefixes.js'
import { canonicalAddress, canonicalPrefix, endpoint } from '../draft/server-address.js'
import { readNamed, type SourceFile } from '../draft/source-file.js'
import { isMapping, isOff, readYamlLeaves, type YamlLeaf } from './yaml-leaves.js'

/** Reverse zones of private addresses: RFC 6303 §4.2, §4.4. */
const PRIVATE_REVERSE = [
  ...['10.in-addr.arpa', '168.192.in-addr.arpa', 'd.f.ip6.arpa'],
  ...Array.from({ length: 16 }, (_, i) => `${16 + i}.172.in-addr.arpa`)
]
/** Names that AdGuard Home refuses by default; Interdict says nothing about itself either. */
const IDENTITY = ['version.bind', 'id.server', 'hostname.bind']
const ACTIONS: Readonly<Record<string, string>> = {
  default: 'null-address',
  null_ip: 'null-address',
  nxdomain: 'nxdomain',
  refused: 'refused'
}
const SAFE_SEARCH: Readonly<Record<string, string>> = {
  google: 'google',
  bing: 'bing',
  youtube: 'youtube-moderate',
  duckduckgo: 'duckduckgo'
}
const LOOPBACK_PROXIES = ['127.0.0.0/8', '::1/128']

/** Settings and rules of AdGuardHome.yaml, of schema 20 or later. */
export function migrateAdGuardHome(source: SourceFile): Migration {
  const migration = new Migration('AdGuard Home')
  new AdGuardHome(source, migration).read()
  return migration
}

class AdGuardHome {
  /** Lists and rules for all clients; then also services that are blocked for most of them. */
  private readonly filtered: NetworkDraft
  private readonly clients: NetworkDraft
  private readonly root: Readonly<Record<string, unknown>>
  private readonly leaves: readonly YamlLeaf[]
  private readonly handled = new Set<YamlLeaf>()

  constructor(
    private readonly source: SourceFile,
    private readonly migration: Migration
  ) {
    const { value, leaves } = readYamlLeaves(source)
    this.root = isMapping(value) ? value : {}
    this.leaves = leaves
    this.filtered = migration.network('filtered', 'Lists and rules of AdGuard Home')
    this.clients = migration.network('clients', 'Clients that AdGuard Home served')
    this.clients.extends.push('filtered')
  }

  read(): void {
    const { migration, filtered, clients } = this
    this.readListen()
    for (const leaf of this.take('dns.upstream_dns')) carryUpstream(leaf, migration)
    this.readClients()
    this.readPrivateReverse()
    this.readLimits()
    this.readReplies()
    for (const leaf of this.take('dns.bogus_nxdomain')) {
      const prefix = canonicalPrefix(String(leaf.value))
      if (prefix !== undefined) filtered.block.push({ addresses: [prefix], action: 'nxdomain' })
      migration.settle(
        leaf,
        show(leaf),
        prefix === undefined ? 'not an address or prefix' : undefined
      )
    }
    this.readFilters('filters', filtered, 'block')
    this.readFilters('whitelist_filters', filtered, 'allow')
    carryUserRules(this.take('user_rules'), migration, filtered)
    this.readItems(['filtering', 'rewrites'], (item, leaves) =>
      carryRewrite(item, leaves, migration)
    )
    this.readItems(['dns', 'rewrites'], (item, leaves) => carryRewrite(item, leaves, migration))
    const services = [
      ...this.take('filtering.blocked_services.ids'),
      ...this.take('dns.blocked_services')
    ]
    carryServices(services, migration, clients)
    const parents = { filtered: 'filtered', all: 'clients' }
    this.readItems(['clients', 'persistent'], (item, leaves) =>
      carryClient(item, leaves, migration, parents)
    )
    this.readQueryLog()
    for (const leaf of this.leaves) if (!this.handled.has(leaf)) this.readRest(leaf)
  }

  /** Values of a key that are not empty: they are the caller's to report. */
  private take(key: string): readonly YamlLeaf[] {
    const found = this.leaves.filter(
      leaf => leaf.key === key && !isOff(leaf.value) && !this.handled.has(leaf)
    )
    for (const leaf of found) this.handled.add(leaf)
    return found
  }

  private readListen(): void {
    const { migration } = this
    const [portLeaf] = this.take('dns.port')
    const port = Number(portLeaf?.value ?? 53)
    if (portLeaf !== undefined) migration.carried(portLeaf, show(portLeaf))
    for (const leaf of [...this.take('dns.bind_hosts'), ...this.take('dns.bind_host')]) {
      const address = canonicalAddress(String(leaf.value))
      if (address !== undefined) migration.listen.add(endpoint(address, port, 0))
      migration.settle(leaf, show(leaf), address === undefined ? 'not an address' : undefined)
    }
  }

  private readClients(): void {
    const { migration, clients, filtered } = this
    for (const leaf of this.take('dns.allowed_clients')) {
      const prefix = canonicalPrefix(String(leaf.value))
      if (prefix !== undefined) clients.prefixes.add(prefix)
      const advice =
        'write it under "clients" of the rules, with a certificate, server name or token'
      migration.settle(leaf, show(leaf), prefix === undefined ? advice : undefined)
    }
    if (clients.prefixes.size === 0) {
      for (const prefix of PRIVATE_PREFIXES) clients.prefixes.add(prefix)
      const at = { file: this.source.file, line: 1 }
      migration.open(
        at,
        'clients of any address',
        'only private addresses are served: add other prefixes to the network clients',
        0
      )
    }
    for (const leaf of this.take('dns.blocked_hosts')) {
      const name = String(leaf.value)
      if (IDENTITY.includes(name))
        migration.unneeded(leaf, show(leaf), 'Interdict reveals nothing of itself')
      else {
        const why = patternFault(name)
        if (why === undefined) filtered.block.push({ names: [name], action: 'refused' })
        migration.settle(leaf, show(leaf), why)
      }
    }
  }

  private readPrivateReverse(): void {
    const { migration, clients } = this
    const isUsed = this.valueOf('dns', 'use_private_ptr_resolvers') === true
    for (const leaf of this.take('dns.local_ptr_upstreams')) {
      const servers = serversOf(String(leaf.value))
      if (!isUsed) migration.unneeded(leaf, show(leaf), 'off')
      else if (typeof servers === 'string') migration.open(leaf, show(leaf), servers)
      else {
        for (const zone of PRIVATE_REVERSE) addServers(migration, zone, servers)
        migration.carried(leaf, show(leaf))
      }
    }
    for (const leaf of this.take('dns.use_private_ptr_resolvers'))
      migration.unneeded(
        leaf,
        show(leaf),
        'reverse names of private addresses go where upstreams.forward says'
      )
    const prefixes = this.take('dns.dns64_prefixes')
    for (const leaf of this.take('dns.use_dns64')) {
      clients.others.dns64 = prefixes[0] === undefined ? '64:ff9b::/96' : String(prefixes[0].value)
      migration.carried(leaf, show(leaf))
    }
    for (const leaf of prefixes) {
      if (clients.others.dns64 === undefined) migration.unneeded(leaf, show(leaf), 'off')
      else
        migration.settle(
          leaf,
          show(leaf),
          leaf === prefixes[0] ? undefined : 'a network has one prefix'
        )
    }
  }

  private readLimits(): void {
    const { migration } = this
    const limits: readonly (readonly [string, string])[] = [
      ['dns.ratelimit', 'queries-per-second'],
      ['dns.ratelimit_subnet_len_ipv4', 'ipv4-prefix'],
      ['dns.ratelimit_subnet_len_ipv6', 'ipv6-prefix']
    ]
    const isLimited = Number(this.valueOf('dns', 'ratelimit') ?? 0) > 0
    for (const [from, to] of limits)
      for (const leaf of this.take(from)) {
        if (isLimited) {
          migration.section('limits')[to] = Number(leaf.value)
          migration.carried(leaf, show(leaf))
        } else migration.unneeded(leaf, show(leaf), 'off')
      }
    const exempt = this.take('dns.ratelimit_whitelist').flatMap(leaf => {
      const prefix = canonicalPrefix(String(leaf.value))
      migration.settle(
        leaf,
        show(leaf),
        prefix === undefined ? 'not an address or prefix' : undefined
      )
      return prefix ?? []
    })
    if (exempt.length > 0) migration.section('limits').exempt = exempt
    for (const [from, to] of [
      ['dns.cache_ttl_min', 'min-ttl'],
      ['dns.cache_ttl_max', 'max-ttl']
    ] as const)
      for (const leaf of this.take(from)) {
        migration.section('cache')[to] = `${Number(leaf.value)}s`
        migration.carried(leaf, show(leaf))
      }
    for (const leaf of this.take('dns.trusted_proxies'))
      if (LOOPBACK_PROXIES.includes(String(leaf.value)))
        migration.unneeded(leaf, show(leaf), 'the default, without effect here')
      else migration.open(leaf, show(leaf), adviceFor(leaf.key))
  }

  /** What clients get for blocked names. */
  private readReplies(): void {
    const { migration } = this
    const { defaults } = migration
    const section = (name: string): unknown =>
      this.valueOf('filtering', name) ?? this.valueOf('dns', name)
    for (const leaf of this.takeBoth('blocking_mode')) {
      const mode = String(leaf.value)
      const [ipv4, ipv6] = [section('blocking_ipv4'), section('blocking_ipv6')]
      if (mode === 'custom_ip') {
        defaults.action = 'sinkhole'
        defaults.sinkhole = {
          ...(isOff(ipv4) ? {} : { ipv4: String(ipv4) }),
          ...(isOff(ipv6) ? {} : { ipv6: String(ipv6) })
        }
      } else if (ACTIONS[mode] !== undefined) defaults.action = ACTIONS[mode]
      const isKnown = mode === 'custom_ip' || ACTIONS[mode] !== undefined
      migration.settle(
        leaf,
        show(leaf),
        isKnown ? undefined : 'see "Actions" in docs/reference/rules.md'
      )
    }
    for (const key of ['blocking_ipv4', 'blocking_ipv6'])
      for (const leaf of this.takeBoth(key))
        if (defaults.action === 'sinkhole') migration.carried(leaf, show(leaf))
        else migration.unneeded(leaf, show(leaf), 'not used with this blocking mode')
    for (const leaf of this.takeBoth('blocked_response_ttl')) {
      defaults.ttl = `${Number(leaf.value)}s`
      migration.carried(leaf, show(leaf))
    }
    for (const key of ['protection_enabled', 'filtering_enabled'])
      for (const leaf of this.leaves.filter(
        it => /^(filtering|dns)\./.test(it.key) && it.key.endsWith(`.${key}`)
      )) {
        this.handled.add(leaf)
        if (leaf.value === true) migration.unneeded(leaf, show(leaf), 'rules are in force')
        else
          migration.open(
            leaf,
            show(leaf),
            'it is off there, and on here: set "mode: monitor" in the rules, or delete them'
          )
      }
  }

  private readFilters(
    section: 'filters' | 'whitelist_filters',
    network: NetworkDraft,
    kind: 'block' | 'allow'
  ): void {
    this.readItems([section], (item, leaves) => {
      const { migration } = this
      const { enabled = true, url = '', name = '' } = isMapping(item) ? item : {}
      const text = `${section}: ${String(name)} ${String(url)}`
      const [first] = leaves
      if (enabled !== true) return migration.unneeded(first!, text, 'off', leaves.length)
      const list = this.listOf(String(url), String(name))
      if (list === undefined) {
        const advice = String(url).startsWith('http:')
          ? 'use https://, or add the list with its sha256: plain HTTP can be tampered with'
          : 'the file is not here: copy it, and add a list with file'
        return migration.open(first!, text, advice, leaves.length)
      }
      network[kind].push({ lists: [list] })
      migration.carried(first!, text, leaves.length)
    })
  }

  private listOf(url: string, name: string): string | undefined {
    const { migration } = this
    if (/^https:\/\/[!-~]+$/.test(url) && URL.canParse(url))
      return migration.addList(name || 'list', { url })
    if (/^https?:/.test(url)) return undefined
    const file = readNamed(this.source, url)
    return file === undefined
      ? undefined
      : migration.addListFile(name || 'list', file.octets, 'auto')
  }

  /** Items of a list of mappings, each with its values. */
  private readItems(
    path: readonly string[],
    read: (item: unknown, leaves: readonly YamlLeaf[]) => void
  ): void {
    const list = path.reduce<unknown>(
      (value, key) => (isMapping(value) ? value[key] : undefined),
      this.root
    )
    if (!Array.isArray(list)) return
    for (const [i, item] of list.entries()) {
      const at = [...path, i]
      const leaves = this.leaves.filter(({ path: own }) =>
        at.every((step, depth) => own[depth] === step)
      )
      for (const leaf of leaves) this.handled.add(leaf)
      if (leaves.length > 0) read(item, leaves)
    }
  }

  private readQueryLog(): void {
    const { migration } = this
    const isOn = this.valueOf('querylog', 'enabled') === true
    for (const leaf of this.take('querylog.enabled')) {
      migration.section('log').queries = { which: 'all', ...this.keptDays() }
      migration.carried(leaf, show(leaf))
    }
    for (const leaf of this.take('querylog.interval'))
      if (isOn && this.keptDays().keep !== undefined) migration.carried(leaf, show(leaf))
      else migration.unneeded(leaf, show(leaf), 'the query log is off, or kept for less than a day')
    for (const leaf of this.take('querylog.ignored'))
      migration.open(leaf, show(leaf), 'the query log has all lookups that log.queries.which says')
  }

  private keptDays(): { readonly keep?: { days: number } } {
    const [, hours] = /^(\d+)h$/.exec(String(this.valueOf('querylog', 'interval'))) ?? []
    const days = Math.floor(Number(hours ?? 0) / 24)
    return days > 0 ? { keep: { days } } : {}
  }

  private readRest(leaf: YamlLeaf): void {
    const { migration } = this
    const why = whyUnneeded(leaf.key)
    if (why !== undefined) migration.unneeded(leaf, show(leaf), why)
    else if (isOff(leaf.value)) migration.unneeded(leaf, show(leaf), 'empty or off')
    else if (leaf.key.includes('safe_search')) this.readSafeSearch(leaf)
    else if (leaf.key.includes('blocked_services.schedule.time_zone'))
      migration.unneeded(leaf, show(leaf), 'rules are in force at all hours')
    else if (leaf.key.includes('blocked_services.schedule'))
      migration.open(leaf, show(leaf), 'write the hours as "schedule" of the rule')
    else migration.open(leaf, show(leaf), adviceFor(leaf.key))
  }

  /** The shipped records of each search engine. AdGuard Home has the moderate mode of YouTube. */
  private readSafeSearch(leaf: YamlLeaf): void {
    const { migration } = this
    const isOn = this.leaves.some(
      ({ key, value }) => /^(filtering|dns)\.safe_search\.enabled$/.test(key) && value === true
    )
    const engine = String(leaf.path.at(-1))
    const file = SAFE_SEARCH[engine]
    if (!isOn) return migration.unneeded(leaf, show(leaf), 'safe search is off')
    if (file !== undefined)
      migration.recordFiles.push({ file: `safe-search/${file}.zone`, format: 'zone' })
    const isCarried = file !== undefined || engine === 'enabled'
    const advice = 'write a local record with the name that the search engine has for it'
    migration.settle(leaf, show(leaf), isCarried ? undefined : advice)
  }

  /** Keys that newer versions have in another section. */
  private takeBoth(key: string): readonly YamlLeaf[] {
    return [...this.take(`filtering.${key}`), ...this.take(`dns.${key}`)]
  }

  private valueOf(section: string, key: string): unknown {
    const found = this.root[section]
    return isMapping(found) ? found[key] : undefined
  }
}

function show({ key, value }: YamlLeaf): string {
  const text = typeof value === 'string' ? value : JSON.stringify(value)
  return `${key}: ${text.length > 100 ? `${text.slice(0, 100)}…` : text}`
}
