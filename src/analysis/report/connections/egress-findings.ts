import { containsPrefix, readPrefix, type Prefix } from '../../../base/values/address.js'
import type { Milliseconds, Octets } from '../../../base/units.js'
import type { EgressFinding, FindingWord } from '../../../lookups/egress/egress-finding.js'
import { ObservedTime } from '../../../lookups/egress/observed-time.js'
import { readFindings, type FindingPeriod } from '../../../lookups/egress/read-findings.js'

/** What a ban is about. */
export interface BanSubject {
  readonly id: string
  readonly apps: readonly string[]
  /** Besides those of its apps, with all names below them; canonical text. */
  readonly names: ReadonlySet<string>
  readonly prefixes: readonly Prefix[]
}

export interface EgressSelection extends FindingPeriod {
  readonly timeZone: string
  readonly network?: string | undefined
  readonly app?: string | undefined
  /** As the log writes it. */
  readonly client?: string | undefined
  readonly ban?: BanSubject | undefined
  /** Rows of each table. */
  readonly top: number
}

/** Findings about one client in a network. */
export interface ClientFindings {
  readonly client: string | null
  readonly network: string
  readonly kinds: Set<FindingWord>
  readonly apps: Set<string>
  readonly destinations: Set<string>
  connections: number
  octets: Octets | null
  first: Milliseconds
  last: Milliseconds
}

export interface CollectedFindings {
  readonly observed: ObservedTime
  readonly skipped: number
  /** Events that were not judged. */
  readonly lost: number
  /** One for each subject, those with most connections first. */
  readonly findings: readonly EgressFinding[]
  readonly clients: readonly ClientFindings[]
}

type Sum = { -readonly [Key in keyof EgressFinding]: EgressFinding[Key] }

/** Reads the findings of a selection, and adds up what is about the same. Throws the system error if a file cannot be read. */
export async function collectFindings(
  folder: string,
  selection: EgressSelection
): Promise<CollectedFindings> {
  const sums = new Map<string, EgressFinding>()
  let lost = 0
  const observed = new ObservedTime(selection.since ?? -Infinity)
  const { skipped } = await readFindings(folder, selection, line => {
    if (line.event === 'lost') lost += line.count
    observed.add(line)
    if (line.event === 'finding' && isSelected(line.finding, selection))
      addFinding(sums, line.finding)
  })
  const findings = [...sums.values()].toSorted(byConnections)
  return { skipped, observed, lost, findings, clients: clientsOf(findings) }
}

function isSelected(
  finding: EgressFinding,
  { network: wanted, client: only, app, ban }: EgressSelection
): boolean {
  const { network, client, apps } = finding
  return (
    (wanted === undefined || network === wanted) &&
    (only === undefined || client === only) &&
    (app === undefined || apps.includes(app)) &&
    (ban === undefined || isAboutBan(finding, ban))
  )
}

export function isAboutBan(
  { kind, apps, names, destination }: EgressFinding,
  ban: BanSubject
): boolean {
  if (apps.some(app => ban.apps.includes(app))) return true
  if (names.some(name => hasName(ban.names, name))) return true
  if (kind !== 'banned' || ban.prefixes.length === 0) return false
  const address = readPrefix(destination)
  return ban.prefixes.some(prefix => containsPrefix(prefix, address))
}

function hasName(names: ReadonlySet<string>, name: string): boolean {
  for (let text = name; ; text = text.slice(text.indexOf('.') + 1)) {
    if (names.has(text)) return true
    if (!text.includes('.')) return false
  }
}

/** Adds a finding to that about the same, if there is one. */
export function addFinding(sums: Map<string, EgressFinding>, finding: EgressFinding): void {
  const { kind, network, client, destination, port, protocol } = finding
  const key = [kind, network, client, destination, port, protocol].join(' ')
  const sum: Sum | undefined = sums.get(key)
  if (sum === undefined) return void sums.set(key, { ...finding })
  sum.connections += finding.connections
  sum.octets = addOctets(sum.octets, finding.octets)
  sum.first = Math.min(sum.first, finding.first)
  sum.last = Math.max(sum.last, finding.last)
  sum.apps = [...new Set([...sum.apps, ...finding.apps])]
  sum.names = [...new Set([...sum.names, ...finding.names])]
}

const addOctets = (one: Octets | null, other: Octets | null): Octets | null =>
  one === null ? other : one + (other ?? 0)

function clientsOf(findings: readonly EgressFinding[]): ClientFindings[] {
  const clients = new Map<string, ClientFindings>()
  for (const finding of findings) {
    const { client, network, kind, destination, apps, first, last } = finding
    const key = `${network} ${client}`
    const one: ClientFindings = clients.get(key) ?? {
      ...{ client, network, kinds: new Set(), apps: new Set(), destinations: new Set() },
      ...{ connections: 0, octets: null, first, last }
    }
    clients.set(key, one)
    one.kinds.add(kind)
    one.destinations.add(destination)
    for (const app of apps) one.apps.add(app)
    one.connections += finding.connections
    one.octets = addOctets(one.octets, finding.octets)
    one.first = Math.min(one.first, first)
    one.last = Math.max(one.last, last)
  }
  return [...clients.values()].toSorted(byConnections)
}

/** Connections by client. Throws the system error if a file cannot be read. @param folder of the query log */
export async function connectionsByClient(
  folder: string,
  period: FindingPeriod
): Promise<ReadonlyMap<string, number>> {
  const connections = new Map<string, number>()
  await readFindings(folder, period, line => {
    if (line.event !== 'finding' || line.finding.client === null) return
    const { client, connections: more } = line.finding
    connections.set(client, (connections.get(client) ?? 0) + more)
  })
  return connections
}

/** Most connections first, then the latest. */
export const byConnections = (
  one: { readonly connections: number; readonly last: Milliseconds },
  other: { readonly connections: number; readonly last: Milliseconds }
): number => other.connections - one.connections || other.last - one.last
