import { patternFault, BlockedNames } from '../draft/block-names.js'
import { uniqueId, type Migration, type NetworkDraft, type Place } from '../draft/migration.js'
import { PRIVATE_PREFIXES } from '../draft/prefixes.js'
import { canonicalPrefix } from '../draft/server-address.js'

/** A row of a table of Pi-hole. */
export interface Row extends Place {
  readonly values: Readonly<Record<string, unknown>>
}
/** Rows by table. */
export type Tables = ReadonlyMap<string, readonly Row[]>

const DEFAULT_GROUP = 0
/** Values of `domainlist.type`. */
const [EXACT_ALLOW, EXACT_DENY, REGEX_ALLOW, REGEX_DENY] = [0, 1, 2, 3]
const ALLOW_LIST = 1

/** Groups, lists, domains and clients of Pi-hole: each group is a network that others extend. */
export class PiHoleLists {
  private readonly groups = new Map<
    number,
    { id: string; network: NetworkDraft; blocked: BlockedNames }
  >()
  private readonly lists = new Map<string, string>()

  constructor(
    private readonly tables: Tables,
    private readonly migration: Migration
  ) {}

  read(): void {
    const { migration } = this
    for (const row of this.rows('group')) this.readGroup(row)
    if (!this.groups.has(DEFAULT_GROUP)) this.addGroup(DEFAULT_GROUP, 'Default')
    for (const row of this.rows('adlist')) this.readList(row)
    for (const row of this.rows('domainlist')) this.readDomain(row)
    for (const { blocked } of this.groups.values()) blocked.finish()
    const clients = migration.network('clients', 'Clients that Pi-hole served')
    clients.extends.push(this.groups.get(DEFAULT_GROUP)!.id)
    for (const prefix of PRIVATE_PREFIXES) clients.prefixes.add(prefix)
    this.readClients()
    for (const table of ['adlist_by_group', 'domainlist_by_group', 'client_by_group']) {
      const [first, ...more] = this.rows(table)
      if (first !== undefined)
        migration.carried(first, `${table}: members of groups`, more.length + 1)
    }
    for (const row of this.rows('domain_audit'))
      migration.unneeded(row, `domain_audit: ${text(row, 'domain')}`, 'a note of the web interface')
  }

  /** The network with what all clients in no other group have. */
  get common(): NetworkDraft {
    return this.groups.get(DEFAULT_GROUP)!.network
  }

  private rows(table: string): readonly Row[] {
    return this.tables.get(table) ?? []
  }

  private addGroup(key: number, name: string): void {
    const { migration } = this
    const id = uniqueId(`group-${name}`, migration.networks)
    const network = migration.network(id, `Group ${name} of Pi-hole`)
    this.groups.set(key, {
      id,
      network,
      blocked: new BlockedNames(migration, network, `denied-${name}`)
    })
  }

  private readGroup(row: Row): void {
    const name = text(row, 'name')
    if (isOff(row)) return this.migration.unneeded(row, `group ${name}`, 'off')
    this.addGroup(number(row, 'id'), name)
    this.migration.carried(row, `group ${name}`)
  }

  /** The enabled groups of a list, domain or client. */
  private groupsOf(table: string, column: string, id: number) {
    const members = this.rows(`${table}_by_group`).filter(row => number(row, column) === id)
    return members.flatMap(row => this.groups.get(number(row, 'group_id')) ?? [])
  }

  private readList(row: Row): void {
    const { migration } = this
    const url = text(row, 'address')
    const groups = this.groupsOf('adlist', 'adlist_id', number(row, 'id'))
    const shown = `adlist ${url}`
    if (isOff(row)) return migration.unneeded(row, shown, 'off')
    if (groups.length === 0) return migration.unneeded(row, shown, 'in no group that is on')
    if (!/^https:\/\/[!-~]+$/.test(url) || !URL.canParse(url)) {
      const advice = url.startsWith('http:')
        ? 'use https://, or add the list with its sha256: plain HTTP can be tampered with'
        : 'copy the file, and add a list with file'
      return migration.open(row, shown, advice)
    }
    const list = this.lists.get(url) ?? migration.addList(listName(url), { url })
    this.lists.set(url, list)
    const section = number(row, 'type') === ALLOW_LIST ? 'allow' : 'block'
    for (const { network } of groups) network[section].push({ lists: [list] })
    migration.carried(row, shown)
  }

  private readDomain(row: Row): void {
    const { migration } = this
    const [domain, type] = [text(row, 'domain'), number(row, 'type')]
    const isAllow = type === EXACT_ALLOW || type === REGEX_ALLOW
    const shown = `${isAllow ? 'allowed' : 'denied'} ${type === REGEX_ALLOW || type === REGEX_DENY ? 'regex' : 'domain'} ${domain}`
    const groups = this.groupsOf('domainlist', 'domainlist_id', number(row, 'id'))
    if (isOff(row)) return migration.unneeded(row, shown, 'off')
    if (groups.length === 0) return migration.unneeded(row, shown, 'in no group that is on')
    const pattern = type === EXACT_ALLOW || type === EXACT_DENY ? `=${domain}` : patternOf(domain)
    if (pattern === undefined) {
      return migration.open(
        row,
        shown,
        'rules have no regular expressions: name the domains that it is for'
      )
    }
    const why = patternFault(pattern)
    if (why !== undefined) return migration.open(row, shown, why)
    for (const { network, blocked } of groups) {
      if (isAllow) network.allow.push(pattern)
      else blocked.add(pattern)
    }
    migration.carried(row, shown)
  }

  /** Clients with the same groups are one network. */
  private readClients(): void {
    const { migration } = this
    const networks = new Map<string, NetworkDraft>()
    for (const row of this.rows('client')) {
      const client = text(row, 'ip')
      const groups = this.groupsOf('client', 'client_id', number(row, 'id')).sort((a, b) =>
        a.id < b.id ? -1 : 1
      )
      const prefix = canonicalPrefix(client)
      const shown = `client ${client}`
      const isCommon = groups.length === 1 && groups[0] === this.groups.get(DEFAULT_GROUP)
      if (isCommon) migration.unneeded(row, shown, 'it is in the default group alone')
      else if (prefix === undefined) {
        const advice = `clients are told apart by address: give it a fixed one, and add it to a network that extends ${groups.map(({ id }) => id).join(', ') || 'nothing'}`
        migration.open(row, shown, advice)
      } else {
        const key = groups.map(({ id }) => id).join(' ')
        const network = networks.get(key) ?? this.addClients(groups, networks, key)
        network.prefixes.add(prefix)
        migration.carried(row, shown)
      }
    }
  }

  private addClients(
    groups: readonly { readonly id: string }[],
    networks: Map<string, NetworkDraft>,
    key: string
  ): NetworkDraft {
    const { migration } = this
    const name =
      groups.length === 0
        ? 'unfiltered'
        : `clients-${groups.map(({ id }) => id.replace(/^group-/, '')).join('-')}`
    const network = migration.network(
      uniqueId(name, migration.networks),
      'Clients of Pi-hole with the same groups'
    )
    network.extends.push(...groups.map(({ id }) => id))
    networks.set(key, network)
    return network
  }
}

const text = ({ values }: Row, column: string): string => {
  const value = values[column]
  return typeof value === 'string' || typeof value === 'number' ? String(value) : ''
}
const number = ({ values }: Row, column: string): number => Number(values[column] ?? 0)
const isOff = ({ values }: Row): boolean => Number(values.enabled ?? 1) === 0

/** The domain that a regular expression is for, if it is one of the usual forms. */
function patternOf(regex: string): string | undefined {
  const body = '((?:[a-z0-9_-]+\\\\\\.)+[a-z0-9-]+)'
  const below = new RegExp(
    `^(?:\\(\\\\\\.\\|\\^\\)|\\(\\^\\|\\\\\\.\\)|\\^\\(\\.\\+\\\\\\.\\)\\?|\\^\\(\\.\\*\\\\\\.\\)\\?)${body}\\$$`,
    'i'
  )
  const exact = new RegExp(`^\\^${body}\\$$`, 'i')
  const found = below.exec(regex)?.[1]
  if (found !== undefined) return found.replaceAll('\\.', '.')
  const only = exact.exec(regex)?.[1]
  return only === undefined ? undefined : `=${only.replaceAll('\\.', '.')}`
}

/** A name for a list: host and last part of its URL. */
function listName(url: string): string {
  const { hostname, pathname } = new URL(url)
  const last =
    pathname
      .split('/')
      .filter(part => part !== '')
      .at(-1) ?? ''
  return `${hostname.replace(/^(www|raw)\./, '')}-${last.replace(/\.\w+$/, '')}`
}
