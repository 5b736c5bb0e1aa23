import type { Milliseconds, Octets } from '../../../base/units.js'
import type { EgressFinding, FindingWord } from '../../../lookups/egress/egress-finding.js'
import { deviceText, type FindDevice } from '../device-text.js'
import { column, type Fact, type Report, type Table, type Tile, type Value } from '../report.js'
import {
  collectFindings,
  type ClientFindings,
  type CollectedFindings,
  type EgressSelection
} from './egress-findings.js'

/** What a report has besides the findings. */
export interface EgressSources {
  readonly findDevice: FindDevice
  /** Blocked lookups by client, as the log writes it; undefined: the query log cannot be read here. */
  readonly blockedLookups:
    ((clients: readonly string[]) => Promise<ReadonlyMap<string, number>>) | undefined
  /** Whether the log and the findings are unaltered. */
  readonly proof: Fact
}

/** In words, for readers who do not know the terms. */
const REASONS: Readonly<Record<FindingWord, string>> = {
  banned: 'banned address',
  resolver: 'other resolver',
  unresolved: 'no answer led there'
}

/**
 * `interdict report egress`: which devices connected where no answer led them, to addresses of banned names, or to other resolvers.
 *
 * @param folder of the query log
 */
export async function egressReport(
  folder: string,
  selection: EgressSelection,
  { findDevice, blockedLookups, proof }: EgressSources
): Promise<Report> {
  const { timeZone, top, ban, since, until } = selection
  const found = await collectFindings(folder, selection)
  const clients = found.clients.slice(0, top)
  const devices = await Promise.all(clients.map(one => deviceOf(one, findDevice)))
  const names = clients.flatMap(({ client }) => client ?? [])
  const blocked = await blockedLookups?.([...new Set(names)])
  return {
    title: ban === undefined ? 'Bypass by address' : `Who bypassed ${ban.id} by address`,
    timeZone,
    tiles: tilesOf(found),
    facts: [
      ['Period', periodText(since, until)],
      ...((ban?.apps.length ?? 0) === 0 ? [] : [['Apps', ban!.apps.join(', ')] as const]),
      proof
    ],
    tables: [
      clientsTable(clients, devices, blocked),
      connectionsTable(found.findings.slice(0, top))
    ],
    remarks: remarksOf(found, selection)
  }
}

const MINUTE: Milliseconds = 60_000
const iso = (at: Milliseconds): string => `${new Date(at).toISOString().slice(0, 16)}Z`

const periodText = (since?: Milliseconds, until?: Milliseconds): string =>
  `${since === undefined ? 'the first finding' : iso(since)} to ${until === undefined ? 'now' : iso(until)}`

function tilesOf({ clients, findings }: CollectedFindings): Tile[] {
  const connections = findings.reduce((sum, one) => sum + one.connections, 0)
  const banned = findings.filter(({ kind }) => kind === 'banned')
  const ofBanned = banned.reduce((sum, one) => sum + one.connections, 0)
  return [
    {
      ...{ key: 'egressClients', title: 'Clients', value: clients.length, kind: 'count' },
      ...{ note: 'that bypass by address', warn: clients.length > 0 }
    },
    { key: 'egressConnections', title: 'Connections', value: connections, kind: 'count' },
    {
      ...{ key: 'egressBanned', title: 'To banned addresses', value: ofBanned, kind: 'count' },
      note: 'that only banned names have'
    }
  ]
}

interface Device {
  readonly device: string | null
  readonly user: string | null
}

const UNKNOWN: Device = { device: null, user: null }

async function deviceOf(
  { client, first, last }: ClientFindings,
  findDevice: FindDevice
): Promise<Device> {
  if (client === null) return UNKNOWN
  const [device, user] = await deviceText(client, first, last, findDevice)
  return { device, user }
}

const octetsOf = (octets: Octets | null): Value => octets
const list = (texts: Iterable<string>): Value => [...texts].join(', ') || null

function clientsTable(
  clients: readonly ClientFindings[],
  devices: readonly Device[],
  blocked: ReadonlyMap<string, number> | undefined
): Table {
  return {
    id: 'egress-clients',
    title: 'Who bypasses',
    description:
      'Clients with most such connections, and how many of their lookups were blocked. The device is from the history of bindings, if it is certain.',
    emptyText: 'No such clients.',
    columns: [
      column('client', 'text'),
      column('network', 'text'),
      column('device', 'text'),
      column('user', 'text'),
      column('reasons', 'text'),
      column('apps', 'text'),
      column('blockedLookups', 'count', 'blocked lookups'),
      column('destinations', 'count'),
      column('connections', 'count'),
      column('octets', 'count', 'bytes'),
      column('first', 'time'),
      column('last', 'time')
    ],
    rows: clients.map((one, i) => [
      ...[one.client, one.network, devices[i]!.device, devices[i]!.user],
      ...[list([...one.kinds].map(kind => REASONS[kind])), list(one.apps)],
      one.client === null || blocked === undefined ? null : (blocked.get(one.client) ?? 0),
      ...[one.destinations.size, one.connections, octetsOf(one.octets)],
      ...[new Date(one.first), new Date(one.last)]
    ])
  }
}

function connectionsTable(findings: readonly EgressFinding[]): Table {
  return {
    id: 'egress-connections',
    title: 'Connections',
    description: 'What was connected to: the proof of each row above.',
    emptyText: 'No such connections.',
    columns: [
      column('client', 'text'),
      column('network', 'text'),
      column('reason', 'text'),
      column('destination', 'text'),
      column('port', 'text'),
      column('apps', 'text'),
      column('names', 'text'),
      column('connections', 'count'),
      column('octets', 'count', 'bytes'),
      column('first', 'time'),
      column('last', 'time')
    ],
    rows: findings.map(one => [
      ...[one.client, one.network, REASONS[one.kind], one.destination],
      ...[`${one.port}/${one.protocol}`, list(one.apps), list(one.names)],
      ...[one.connections, octetsOf(one.octets), new Date(one.first), new Date(one.last)]
    ])
  }
}

function remarksOf(
  { observed, skipped, lost, clients, findings }: CollectedFindings,
  { top }: EgressSelection
): string[] {
  const more = Math.max(clients.length, findings.length) - top
  return [
    observed.isAny
      ? `Connections were observed for ${Math.floor(observed.time / MINUTE)} minutes; ten more are not known after each start.`
      : findings.length > 0
        ? 'It is not known for how long connections were observed.'
        : 'Connections have not been observed: no network has egress, or the helper does not run.',
    ...(lost === 0 ? [] : [`${lost} or more connections were not judged, for lack of room.`]),
    ...(skipped === 0 ? [] : [`${skipped} lines of the findings cannot be read.`]),
    ...(more > 0 ? [`${more} more rows not shown; raise --top.`] : []),
    'Only connections that pass the machine of the helper are seen, and of networks with egress.'
  ]
}
