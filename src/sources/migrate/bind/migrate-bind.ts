import { BindZones } from './bind-zones.js'
import { readStatements, show, sizeOf, type Statement } from './bind-statements.js'
import { Migration, type NetworkDraft } from '../draft/migration.js'
import { LOCAL_PREFIXES, PRIVATE_PREFIXES } from '../draft/prefixes.js'
import { canonicalAddress, canonicalPrefix, endpoint } from '../draft/server-address.js'
import type { SourceFile } from '../draft/source-file.js'
import { carryPolicyZone } from '../draft/zone-files.js'

/** Statements of `options` that need nothing here. */
const UNNEEDED =
  /^(directory|pid-file|dump-file|statistics-file|memstatistics-file|session-key.*|recursing-file|secroots-file|managed-keys-directory|bindkeys-file|key-directory|version|hostname|server-id|auth-nxdomain|empty-.*|max-cache-size|max-ncache-ttl|min-.*ttl|cleaning-interval|recursive-clients|clients-per-query|max-.*|tcp-.*|edns-udp-size|minimal-.*|qname-minimization|prefetch|stale-.*|serve-stale.*|querylog|zone-statistics|dnssec-(enable|lookaside|accept-expired|policy)|forward|notify.*|also-notify|allow-(transfer|update|notify|query-cache.*|recursion-on|query-on)|ixfr-.*|provide-ixfr|request-.*|transfer.*|root-.*|servfail-ttl|resolver-.*|lame-ttl|synth-from-dnssec|geoip-directory|port|additional-from-.*|interface-interval|automatic-interface-scan|check-.*|reuseport|message-compression|require-server-cookie|answer-cookie|cookie-.*|send-cookie|nocookie-.*|trust-anchor-telemetry|preferred-glue|flush-zones-on-shutdown|lmdb-mapsize|heartbeat-interval|dialup|fetches-.*|nta-.*|masterfile-.*|match-mapped-addresses|rrset-order|sortlist|tkey-.*)$/

const ADVICE: readonly (readonly [RegExp, string])[] = [
  [/^dnssec-validation$/, 'to validate answers here, set "dnssec: enforce" in the network'],
  [/^(recursion)$/, 'Interdict always forwards for its clients'],
  [
    /^(blackhole|no-case-compress|keep-response-order)$/,
    'leave these clients out of all networks: they are refused'
  ],
  [/^rate-limit$/, 'set limits.queries-per-second and its neighbours in the settings'],
  [/^query-source/, 'set upstreams.source-ports; the source address is that of the route'],
  [/^dns64/, 'set "dns64" in the network: see docs/guides/forwarders.md'],
  [
    /^(filter-aaaa|plugin)/,
    'no rule drops AAAA alone: put "||NAME^$dnstype=AAAA" into a list with format adblock'
  ],
  [/^(deny-answer-addresses)$/, 'set rebinding-guard in the settings'],
  [/^(deny-answer-aliases)$/, 'block the names: rules apply to aliases as well'],
  [/^(disable-|validate-except)/, 'write a DNSSEC exception with purpose, approval and end'],
  [/^(dual-stack-servers)$/, 'name upstreams of both families']
]

/** What to do instead of statements at the top of named.conf. */
const TOP: Readonly<Record<string, readonly ['open' | 'unneeded', string]>> = {
  logging: ['unneeded', 'see "log" in docs/reference/settings.md'],
  controls: ['unneeded', 'interdict status, flush and others use the admin socket'],
  'statistics-channels': ['open', 'set admin.http: it serves metrics and the dashboard'],
  'trust-anchors': ['open', 'set dnssec.trust-anchors in the settings for zones of your own'],
  'trusted-keys': ['open', 'set dnssec.trust-anchors in the settings for zones of your own'],
  'managed-keys': ['open', 'set dnssec.trust-anchors in the settings for zones of your own'],
  view: ['open', 'write a network for its clients, with rules of its own'],
  server: ['open', 'upstreams have their settings in upstreams.servers'],
  tls: [
    'open',
    'name the resolver as tls://ADDRESS#NAME in upstreams; for clients, see docs/guides/encrypted-dns.md'
  ],
  http: ['open', 'add a listener with protocol doh: see docs/guides/encrypted-dns.md'],
  'dnssec-policy': ['unneeded', 'Interdict signs no zones'],
  dlz: ['open', 'forward the zone to a server that has it']
}

/** Settings and rules of named.conf, or a list of one response policy zone. */
export function migrateBind(source: SourceFile, isZoneFile: boolean): Migration {
  const migration = new Migration('BIND')
  const network = migration.network('clients', 'Clients that BIND allowed')
  if (isZoneFile) {
    const list = carryPolicyZone(migration, 'rpz', source)
    if (list !== undefined) network.block.push({ lists: [list] })
    for (const prefix of PRIVATE_PREFIXES) network.prefixes.add(prefix)
    return migration
  }
  const statements = readStatements(source, migration)
  new NamedConf(source, migration, network).read(statements)
  return migration
}

class NamedConf {
  private readonly acls = new Map<string, readonly Statement[]>()
  private readonly zones: BindZones
  private hasListen4 = false

  constructor(
    private readonly source: SourceFile,
    private readonly migration: Migration,
    private readonly network: NetworkDraft
  ) {
    this.zones = new BindZones(source, migration, network)
  }

  read(statements: readonly Statement[]): void {
    const { migration, network, zones } = this
    const options = statements
      .filter(({ words }) => words[0] === 'options')
      .flatMap(({ block = [] }) => block)
    for (const statement of statements) this.readName(statement)
    zones.start(options, statements)
    for (const statement of options) this.readOption(statement, options)
    for (const statement of statements) {
      const [kind = ''] = statement.words
      if (kind === 'zone') zones.read(statement)
      else if (
        !['options', 'acl', 'key', 'primaries', 'masters', 'remote-servers', 'include'].includes(
          kind
        )
      )
        this.dropTop(statement, kind)
    }
    zones.finish()
    if (network.prefixes.size === 0) {
      for (const prefix of PRIVATE_PREFIXES) network.prefixes.add(prefix)
    } else for (const prefix of LOCAL_PREFIXES) network.prefixes.add(prefix)
    if (!this.hasListen4)
      for (const address of ['0.0.0.0', '[::]']) migration.listen.add(`${address}:53`)
    if (migration.settings.upstreams?.servers === undefined) {
      const advice =
        'BIND resolves by itself, Interdict forwards: name a resolver in upstreams.servers, such as this BIND on another port'
      migration.open({ file: this.source.file, line: 1 }, 'no forwarders for all names', advice, 0)
    }
  }

  /** Statements that give names to what others use. */
  private readName(statement: Statement): void {
    const { words, block = [] } = statement
    const [kind, name = ''] = words
    if (kind === 'acl') {
      this.acls.set(name, block)
      this.migration.carried(statement, show(statement), sizeOf(statement))
    } else if (kind === 'key') this.zones.addKey(statement)
    else if (kind === 'primaries' || kind === 'masters' || kind === 'remote-servers') {
      this.zones.primaries.set(name, block)
      this.migration.carried(statement, show(statement), sizeOf(statement))
    }
  }

  private readOption(statement: Statement, options: readonly Statement[]): void {
    const { migration } = this
    const [key = '', value] = statement.words
    const text = show(statement)
    const has = (name: string) => options.some(({ words }) => words[0] === name)
    if (key === 'forwarders') this.zones.readForwarders(statement, '.')
    else if (key === 'listen-on' || key === 'listen-on-v6') this.readListen(statement)
    else if (key === 'allow-recursion' || (key === 'allow-query' && !has('allow-recursion')))
      this.readClients(statement)
    else if (key === 'allow-query')
      migration.unneeded(
        statement,
        text,
        'allow-recursion says who the clients are',
        sizeOf(statement)
      )
    else if (key === 'response-policy') this.zones.readPolicy(statement)
    else if (key === 'recursion' && value === 'yes')
      migration.unneeded(statement, text, 'Interdict serves all its networks')
    else if (key === 'dnssec-validation' && value === 'no')
      migration.unneeded(statement, text, 'off by default')
    else if (UNNEEDED.test(key))
      migration.unneeded(
        statement,
        text,
        'Interdict does it without a setting, or it concerns recursion or zones of its own',
        sizeOf(statement)
      )
    else {
      const advice = ADVICE.find(([keys]) => keys.test(key))?.[1]
      migration.open(
        statement,
        text,
        advice ?? 'no such setting here; docs/reference/settings.md has all that there are',
        sizeOf(statement)
      )
    }
  }

  private readListen(statement: Statement): void {
    const { words, block = [] } = statement
    this.hasListen4 = true
    const port = Number(words[words.indexOf('port') + 1] ?? 53) || 53
    const isV6 = words[0] === 'listen-on-v6'
    if (words.includes('tls') || words.includes('http')) {
      const advice =
        'add a listener with protocol, certificate and key: see docs/guides/encrypted-dns.md'
      this.migration.open(statement, show(statement), advice, sizeOf(statement))
      return
    }
    for (const one of block) {
      const [word = ''] = one.words
      const named: Readonly<Record<string, string>> = isV6
        ? { any: '::', localhost: '::1' }
        : { any: '0.0.0.0', localhost: '127.0.0.1' }
      const address = named[word] ?? canonicalAddress(word)
      if (address !== undefined) this.migration.listen.add(endpoint(address, port, 0))
      const advice = 'name the addresses of this machine in listen'
      this.migration.settle(
        one,
        `${words[0]} ${show(one)}`,
        address === undefined && word !== 'none' ? advice : undefined
      )
    }
  }

  /** Clients as prefixes; named lists are written out. */
  private readClients(statement: Statement): void {
    for (const one of statement.block ?? []) {
      const [word = ''] = one.words
      const advice = this.addClient(word, 0)
      this.migration.settle(one, `${statement.words[0]} ${show(one)}`, advice)
    }
  }

  private addClient(word: string, depth: number): string | undefined {
    const { network, acls } = this
    const prefixes: Readonly<Record<string, readonly string[]>> = {
      any: ['0.0.0.0/0', '::/0'],
      none: [],
      localhost: LOCAL_PREFIXES,
      localnets: PRIVATE_PREFIXES
    }
    const known = prefixes[word] ?? canonicalPrefix(word)
    if (known !== undefined) {
      for (const prefix of [known].flat()) network.prefixes.add(prefix)
      return word === 'localnets'
        ? 'written as all private addresses: name the prefixes of your networks'
        : undefined
    }
    const acl = acls.get(word)
    if (acl === undefined || depth > 10) {
      return word.startsWith('!')
        ? 'clients outside all networks are refused: write the other parts of the allowed prefix instead'
        : `${word} is not a prefix: name the prefixes of these clients in the network`
    }
    const advice = acl.map(({ words }) => this.addClient(words[0] ?? '', depth + 1))
    return advice.find(one => one !== undefined)
  }

  private dropTop(statement: Statement, kind: string): void {
    const [outcome, why] = TOP[kind] ?? [
      'open',
      'no such setting here; docs/reference/settings.md has all that there are'
    ]
    this.migration[outcome](statement, show(statement), why, sizeOf(statement))
  }
}
