import { Migration, type NetworkDraft } from '../draft/migration.js'
import { BlockedNames } from '../draft/block-names.js'
import { LOCAL_PREFIXES } from '../draft/prefixes.js'
import { readUnboundData } from './unbound-data.js'
import { readClauses, show, type UnboundClause, type UnboundSetting } from './unbound-clauses.js'
import { adviceFor, whyUnneeded } from './unbound-settings.js'
import { carryRpz, carryAuthZone } from './unbound-zones.js'
import { addServers } from '../draft/add-servers.js'
import { canonicalAddress, canonicalPrefix, endpoint, tlsServer } from '../draft/server-address.js'
import type { SourceFile } from '../draft/source-file.js'

const YES = 'yes'

/** Settings and rules of unbound.conf. */
export function migrateUnbound(source: SourceFile): Migration {
  const migration = new Migration('Unbound')
  const network = migration.network('clients', 'Clients that Unbound allowed')
  const blocked = new BlockedNames(migration, network, 'unbound')
  const clauses = readClauses(source, migration)
  const server = new UnboundServer(migration, network, blocked)
  const folders = clauses
    .flatMap(({ settings }) => settings)
    .filter(({ key }) => key === 'directory')
    .flatMap(({ values }) => values)
  for (const clause of clauses) {
    if (clause.name === 'server') clause.settings.forEach(setting => server.read(setting))
    else if (clause.name === 'forward-zone') carryForward(clause, 'forward', migration)
    else if (clause.name === 'stub-zone') carryForward(clause, 'stub', migration)
    else if (clause.name === 'rpz') carryRpz(clause, { source, folders, migration, network })
    else if (clause.name === 'auth-zone') carryAuthZone(clause, { source, folders, migration })
    else dropClause(clause, migration)
  }
  server.finish()
  blocked.finish()
  if (migration.settings.upstreams?.servers === undefined) {
    const advice =
      'Unbound resolves by itself, Interdict forwards: name a resolver in upstreams.servers, such as this Unbound on another port'
    migration.open({ file: source.file, line: 1 }, 'no forward-zone for "."', advice, 0)
  }
  return migration
}

const CLAUSE_ADVICE: Readonly<Record<string, string>> = {
  view: 'write a network for its clients, with rules of its own',
  'remote-control': 'interdict status, flush and others need no setting: see docs/reference/cli.md',
  dnstap: 'add an output of type dnstap to log.outputs',
  cachedb: 'the cache is in memory only',
  ipset: 'Interdict does not fill address sets of the kernel'
}

function dropClause({ name, settings }: UnboundClause, migration: Migration): void {
  const advice = CLAUSE_ADVICE[name] ?? `Interdict has nothing like ${name}`
  for (const setting of settings) {
    const text = `${name}: ${show(setting)}`
    if (name === 'remote-control') migration.unneeded(setting, text, advice)
    else migration.open(setting, text, advice)
  }
}

/** Settings of the clause `server`. */
class UnboundServer {
  private port: number | undefined
  private readonly interfaces: { address: string; port: number | undefined }[] = []
  private isDns64 = false

  constructor(
    private readonly migration: Migration,
    private readonly network: NetworkDraft,
    private readonly blocked: BlockedNames
  ) {
    for (const prefix of LOCAL_PREFIXES) network.prefixes.add(prefix)
  }

  read(setting: UnboundSetting): void {
    const { migration, network, blocked } = this
    const { key, values } = setting
    const [value = ''] = values
    const text = show(setting)
    const data = readUnboundData(setting, { migration, blocked })
    if (data !== undefined) migration.settle(setting, text, data.advice)
    else if (key === 'access-control') readAccess(setting, migration, network)
    else if (key === 'interface' || key === 'ip-address') this.readInterface(setting)
    else if (key === 'port') {
      this.port = Number(value)
      migration.carried(setting, text)
    } else if (key === 'module-config') {
      this.isDns64 = /\bdns64\b/.test(value)
      migration.unneeded(setting, text, 'the order of stages is fixed')
    } else if (key === 'dns64-prefix') {
      network.others.dns64 = value
      migration.carried(setting, text)
    } else if (key === 'cache-min-ttl' || key === 'cache-max-ttl') {
      migration.section('cache')[key.slice('cache-'.length)] = `${Number(value)}s`
      migration.carried(setting, text)
    } else if (key === 'private-address') {
      this.guard('addresses', canonicalPrefix(value) ?? value)
      migration.carried(setting, text)
    } else if (key === 'private-domain') {
      this.guard('allow', value.replace(/\.$/, ''))
      migration.carried(setting, text)
    } else if (/^do-(ip4|ip6|udp|tcp)$/.test(key)) {
      if (value === YES) migration.unneeded(setting, text, 'on by default')
      else
        migration.open(setting, text, 'leave the addresses out of listen; UDP and TCP go together')
    } else {
      const why = whyUnneeded(key)
      if (why === undefined) migration.open(setting, text, adviceFor(key))
      else migration.unneeded(setting, text, why)
    }
  }

  finish(): void {
    const { migration, network, port = 53 } = this
    for (const one of this.interfaces)
      migration.listen.add(endpoint(one.address, one.port ?? port, 0))
    if (this.interfaces.length === 0)
      for (const address of ['127.0.0.1', '::1']) migration.listen.add(endpoint(address, port, 0))
    if (!this.isDns64) delete network.others.dns64
    else if (!('dns64' in network.others)) network.others.dns64 = '64:ff9b::/96'
    const guard = migration.settings['rebinding-guard']
    if (guard !== undefined && guard.addresses === undefined)
      delete migration.settings['rebinding-guard']
  }

  private guard(key: 'addresses' | 'allow', value: string): void {
    const section = this.migration.section('rebinding-guard')
    section.enabled = true
    section[key] = [...((section[key] as string[] | undefined) ?? []), value]
  }

  private readInterface(setting: UnboundSetting): void {
    const [address, port] = (setting.values[0] ?? '').split('@')
    const known = canonicalAddress(address!)
    if (known !== undefined)
      this.interfaces.push({ address: known, port: port === undefined ? undefined : Number(port) })
    const advice = 'name the address of the interface in listen'
    this.migration.settle(setting, show(setting), known === undefined ? advice : undefined)
  }
}

const ALLOWED = ['allow', 'allow_snoop', 'allow_setrd', 'allow_cookie']

function readAccess(setting: UnboundSetting, migration: Migration, network: NetworkDraft): void {
  const [prefix = '', action = ''] = setting.values
  const known = canonicalPrefix(prefix)
  const text = show(setting)
  if (known === undefined) migration.open(setting, text, `${prefix} is not a prefix`)
  else if (ALLOWED.includes(action)) {
    network.prefixes.add(known)
    migration.carried(setting, text)
  } else if (prefix.endsWith('/0'))
    migration.unneeded(setting, text, 'clients outside all networks are refused')
  else {
    const advice =
      'clients outside all networks are refused: if this prefix is within an allowed one, write the other parts of that one instead'
    migration.open(setting, text, advice)
  }
}

/** A `forward-zone` or `stub-zone`: its resolvers, for all names or for a domain. */
function carryForward(clause: UnboundClause, kind: 'forward' | 'stub', migration: Migration): void {
  const { settings } = clause
  const name = settings.find(({ key }) => key === 'name')?.values[0] ?? '.'
  const isTls = settings.some(
    ({ key, values }) => /^(forward|stub)-(tls|ssl)-upstream$/.test(key) && values[0] === YES
  )
  const servers: string[] = []
  for (const setting of settings) {
    const { key, values } = setting
    const text = `${clause.name}: ${show(setting)}`
    if (key === `${kind}-addr`) {
      const server = serverOf(values[0] ?? '', isTls)
      if (server !== undefined) servers.push(server)
      const advice = isTls
        ? 'name the resolver: tls://ADDRESS#NAME in upstreams, with the name in its certificate'
        : 'not an address'
      migration.settle(setting, text, server === undefined ? advice : undefined)
    } else if (key === 'name' || /-(tls|ssl)-upstream$/.test(key)) migration.carried(setting, text)
    else if (key.endsWith('-host'))
      migration.open(setting, text, 'name the addresses of the host in upstreams')
    else if (key.endsWith('-first') && values[0] === YES)
      migration.open(
        setting,
        text,
        'Interdict never resolves by itself: name a second resolver to fall back to'
      )
    else
      migration.unneeded(
        setting,
        text,
        'Interdict caches answers of all upstreams, and chooses the fastest'
      )
  }
  addServers(migration, name, servers)
}

/** `192.0.2.53@853#dns.example`. */
function serverOf(text: string, isTls: boolean): string | undefined {
  const [, address = '', port, name] = /^([^@#]+)(?:@(\d+))?(?:#(.+))?$/.exec(text) ?? []
  const known = canonicalAddress(address)
  if (known === undefined) return undefined
  const digits = port === undefined ? undefined : Number(port)
  if (isTls) return name === undefined ? undefined : tlsServer(known, digits, name)
  return endpoint(known, digits)
}
