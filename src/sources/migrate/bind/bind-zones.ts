import { show, sizeOf, type Statement } from './bind-statements.js'
import type { Mapping } from '../draft/mapping.js'
import type { Migration, NetworkDraft } from '../draft/migration.js'
import { canonicalAddress, endpoint } from '../draft/server-address.js'
import { readNamed, type SourceFile } from '../draft/source-file.js'
import { addServers, addTransfer } from '../draft/add-servers.js'
import { carryPolicyZone, carryZoneFile } from '../draft/zone-files.js'

/** Policies of `response-policy` that override the actions of a zone. */
const POLICIES: Readonly<Record<string, Mapping | undefined>> = {
  given: {},
  nxdomain: { action: 'nxdomain' },
  nodata: { action: 'nodata' },
  drop: { action: 'drop' },
  'tcp-only': { action: 'truncate' },
  disabled: { mode: 'monitor' }
}
const ALGORITHMS = ['hmac-sha256', 'hmac-sha384', 'hmac-sha512']

/** Zones, forwarders, primaries and keys of named.conf. */
export class BindZones {
  readonly primaries = new Map<string, readonly Statement[]>()
  private readonly keys = new Set<string>()
  /** Names of the zones of `response-policy`. */
  private policyNames: ReadonlySet<string> = new Set()
  private folders: readonly string[] = []
  /** Lists of policy zones, by zone. */
  private readonly lists = new Map<string, string>()
  /** In the order of `response-policy`. */
  private readonly rules: { zone: string; statement: Statement; reply: Mapping | undefined }[] = []

  constructor(
    private readonly source: SourceFile,
    private readonly migration: Migration,
    private readonly network: NetworkDraft
  ) {}

  /** Finds what has to be known before zones are read. */
  start(options: readonly Statement[], statements: readonly Statement[]): void {
    this.folders = options
      .filter(({ words }) => words[0] === 'directory')
      .flatMap(({ words }) => words.slice(1, 2))
    const policies = [...options, ...statements].filter(
      ({ words }) => words[0] === 'response-policy'
    )
    const zones = policies.flatMap(({ block = [] }) => block).map(({ words }) => zoneName(words[1]))
    this.policyNames = new Set(zones)
  }

  addKey(statement: Statement): void {
    const { words, block = [] } = statement
    const valueOf = (key: string) => block.find(it => it.words[0] === key)?.words[1]
    const [name, algorithm, secret] = [
      zoneName(words[1]),
      valueOf('algorithm')?.toLowerCase(),
      valueOf('secret')
    ]
    if (algorithm === undefined || !ALGORITHMS.includes(algorithm) || secret === undefined) {
      const advice = `make a key with ${ALGORITHMS.join(', ')} at both ends: see docs/guides/rpz.md`
      return this.migration.open(statement, `key ${name}`, advice, sizeOf(statement))
    }
    const file = `keys/${name.replaceAll(/[^a-z0-9.-]/g, '_')}`
    this.migration.secrets.set(file, `${secret}\n`)
    const transfers = this.migration.section('transfers')
    transfers.keys = { ...(transfers.keys as object), [name]: { algorithm, 'secret-file': file } }
    this.keys.add(name)
    this.migration.carried(statement, `key ${name}`, sizeOf(statement))
  }

  readForwarders(statement: Statement, domain: string): void {
    for (const one of statement.block ?? []) {
      const server = serverOf(one)
      const advice = one.words.includes('tls')
        ? 'name the resolver as tls://ADDRESS#NAME in upstreams, with the name in its certificate'
        : 'not an address'
      this.migration.settle(
        one,
        `forwarders ${show(one)}`,
        server === undefined ? advice : undefined
      )
      if (server !== undefined) addServers(this.migration, domain, [server])
    }
  }

  readPolicy(statement: Statement): void {
    const options = statement.words.slice(1).join(' ')
    if (options !== '')
      this.migration.unneeded(
        statement,
        `response-policy: ${options}`,
        'see "Response policy zones" in docs/reference/rules.md',
        0
      )
    for (const one of statement.block ?? []) {
      const { words } = one
      const policy = words.includes('policy')
        ? words[words.indexOf('policy') + 1]!.toLowerCase()
        : 'given'
      const target = policy === 'cname' ? words[words.indexOf('policy') + 2] : undefined
      const reply: Mapping | undefined =
        target === undefined ? POLICIES[policy] : { action: 'cname', target: zoneName(target) }
      this.rules.push({ zone: zoneName(words[1]), statement: one, reply })
    }
  }

  read(statement: Statement): void {
    const { words, block = [] } = statement
    const name = zoneName(words[1])
    const valueOf = (key: string) => block.find(it => it.words[0] === key)
    const type = valueOf('type')?.words[1] ?? 'primary'
    const text = `zone ${name === '' ? '.' : name}, ${type}`
    const count = sizeOf(statement)
    const file = valueOf('file')?.words[1]
    const source = file === undefined ? undefined : readNamed(this.source, file, this.folders)
    const isPrimary = type === 'primary' || type === 'master'
    const isSecondary = type === 'secondary' || type === 'slave'
    const settle = (advice: string | undefined) =>
      advice === undefined
        ? this.migration.carried(statement, text, count)
        : this.migration.open(statement, text, advice, count)
    if (type === 'hint' || (isPrimary && isEmptyZone(name)))
      this.migration.unneeded(
        statement,
        text,
        'Interdict needs no root hints, and answers special-use names itself',
        count
      )
    else if (type === 'forward') {
      const forwarders = valueOf('forwarders')
      if (forwarders === undefined) settle('it has no forwarders')
      else {
        this.readForwarders(forwarders, name)
        const rest = count - sizeOf(forwarders)
        if (rest > 0) this.migration.carried(statement, text, rest)
      }
    } else if (this.policyNames.has(name))
      settle(isSecondary ? this.transfer(name, block) : this.policyFile(name, source))
    else if (isPrimary && source !== undefined) {
      settle(undefined)
      carryZoneFile(this.migration, name, source)
    } else if (isPrimary)
      settle('the zone file is not here: copy it beside named.conf and migrate again')
    else settle(this.forwardTo(name, block))
  }

  /** Writes the rules of `response-policy`, in their order. */
  finish(): void {
    for (const { zone, statement, reply } of this.rules) {
      const list = this.lists.get(zone)
      const text = `response-policy ${show(statement)}`
      if (list === undefined)
        this.migration.open(statement, text, 'its zone was not carried over: add it as a list')
      else if (reply === undefined)
        this.migration.open(
          statement,
          text,
          'the zone is used with its own actions, see "Response policy zones" in docs/reference/rules.md'
        )
      else this.migration.carried(statement, text)
      if (list !== undefined) this.network.block.push({ lists: [list], ...reply })
    }
  }

  private policyFile(name: string, source: SourceFile | undefined): string | undefined {
    if (source === undefined)
      return 'the zone file is not here: copy it beside named.conf and migrate again'
    const list = carryPolicyZone(this.migration, name, source)
    if (list === undefined) return 'repair the zone file'
    this.lists.set(name, list)
    return undefined
  }

  private transfer(name: string, block: readonly Statement[]): string | undefined {
    const found = this.primariesOf(block)
    if (found === undefined) return 'write a list with transfer: see docs/guides/rpz.md'
    if (found.key !== undefined && !this.keys.has(found.key))
      return `key ${found.key} was not carried over`
    this.lists.set(name, addTransfer(this.migration, name, found.address, found.key))
    return undefined
  }

  /** Forwards a zone whose records are at another server. */
  private forwardTo(name: string, block: readonly Statement[]): string | undefined {
    const addresses = block
      .filter(({ words }) => /^(primaries|masters|server-addresses)$/.test(words[0] ?? ''))
      .flatMap(it => it.block ?? [])
      .flatMap(one => serverOf(one) ?? [])
    if (addresses.length === 0 || name === '')
      return 'forward the zone to its servers: upstreams.forward'
    addServers(this.migration, name, addresses)
    return undefined
  }

  private primariesOf(block: readonly Statement[]) {
    const listed =
      block.find(({ words }) => words[0] === 'primaries' || words[0] === 'masters')?.block ?? []
    const all = listed.flatMap(one => this.primaries.get(one.words[0] ?? '') ?? [one])
    for (const one of all) {
      const address = serverOf(one)
      const at = one.words.indexOf('key')
      if (address !== undefined)
        return { address, key: at === -1 ? undefined : zoneName(one.words[at + 1]) }
    }
    return undefined
  }
}

const zoneName = (text = ''): string => text.replace(/\.$/, '').toLowerCase()

/** Zones that distributions put into named.conf for special-use names. RFC 6303 */
const isEmptyZone = (name: string): boolean =>
  /^(localhost|0\.in-addr\.arpa|127\.in-addr\.arpa|255\.in-addr\.arpa|(0\.)*0\.0\.127\.in-addr\.arpa|1?(\.?0)+\.ip6\.arpa)$/.test(
    name
  )

/** `192.0.2.53 port 5353`. */
function serverOf({ words }: Statement): string | undefined {
  const address = canonicalAddress(words[0] ?? '')
  if (address === undefined || words.includes('tls')) return undefined
  const port = words.includes('port') ? Number(words[words.indexOf('port') + 1]) : undefined
  return endpoint(address, port)
}
