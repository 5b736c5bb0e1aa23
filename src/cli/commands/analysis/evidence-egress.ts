import { dirname } from 'node:path'
import type { Milliseconds } from '../../../base/units.js'
import { gatewayColumn } from '../../../analysis/evidence/fleet-tables.js'
import type { Gateway, Segment } from '../../../analysis/evidence/rule-segments.js'
import {
  addFinding,
  byConnections,
  isAboutBan,
  type BanSubject
} from '../../../analysis/report/connections/egress-findings.js'
import { deviceText, type FindDevice } from '../../../analysis/report/device-text.js'
import { column, type Table, type Tile, type Value } from '../../../analysis/report/report.js'
import {
  ALIVE_INTERVAL,
  encodeFindingLine,
  type EgressFinding,
  type FindingLine
} from '../../../lookups/egress/egress-finding.js'
import { ObservedTime } from '../../../lookups/egress/observed-time.js'
import { readFindings } from '../../../lookups/egress/read-findings.js'
import type { RuleSet } from '../../../policy/rules/model/types.js'
import { stateSpans } from './evidence-dnssec.js'

/*
 * Packets beside names: what networks did about connections, and who connected to addresses of the ban. verify.py in the pack has the same
 * rules in Python.
 */

/** Of each version of the rules that is at hand, by `versionKey`: `egress` of each network. */
type EgressByVersion = ReadonlyMap<string, Readonly<Record<string, string>>>

/** What was observed. Times are milliseconds since 1970. */
export interface ObservedEgress {
  /** Lines about the ban, and those that say what was observed. Public: `egress.jsonl`. */
  readonly lines: readonly FindingLine[]
  /** For how long connections were observed. */
  readonly observed: Milliseconds
  readonly period: Milliseconds
  /** Device and user of a client at the first and at the last of its connections, by client. */
  readonly devices: ReadonlyMap<string, readonly [device: string | null, user: string | null]>
}

interface Period {
  readonly since: Milliseconds
  readonly until: Milliseconds
}

export const egressStates = ({ networks }: Pick<RuleSet, 'networks'>): Record<string, string> =>
  Object.fromEntries(networks.map(({ id, egress = 'off' }) => [id, egress]))

/**
 * Reads the findings beside a query log. Throws the system error if a file cannot be read.
 *
 * @param log path of the query log
 * @param ban under all rules of the period
 */
export async function observedEgress(
  log: string,
  { since, until }: Period,
  ban: BanSubject,
  findDevice: FindDevice
): Promise<ObservedEgress> {
  const lines: FindingLine[] = []
  const observed = new ObservedTime(since)
  await readFindings(dirname(log), { since, until }, line => {
    observed.add(line)
    if (line.event !== 'finding' || isAboutBan(line.finding, ban)) lines.push(line)
  })
  const devices = new Map<string, readonly [string | null, string | null]>()
  for (const { client, first, last } of rowsOf(lines)) {
    if (client === null || devices.has(client)) continue
    devices.set(client, await deviceText(client, first, last, findDevice))
  }
  return { lines, observed: observed.time, period: until - since, devices }
}

/** One for each client and destination, those with most connections first. */
function rowsOf(lines: readonly FindingLine[]): EgressFinding[] {
  const sums = new Map<string, EgressFinding>()
  for (const line of lines) if (line.event === 'finding') addFinding(sums, line.finding)
  return [...sums.values()].sort(byConnections)
}

/** `egress.json` and `egress.jsonl` */
export function egressFiles(
  versions: EgressByVersion,
  { lines, devices }: Pick<ObservedEgress, 'lines' | 'devices'>
): [string, string][] {
  const facts = {
    ...{ v: 1, versions: Object.fromEntries(versions) },
    devices: Object.fromEntries(devices)
  }
  return [
    ['egress.json', `${JSON.stringify(facts, undefined, 2)}\n`],
    ['egress.jsonl', lines.map(line => `${encodeFindingLine(line)}\n`).join('')]
  ]
}

export function egressTile({ lines, observed, period }: ObservedEgress): Tile {
  const connections = rowsOf(lines).reduce((sum, one) => sum + one.connections, 0)
  const lost = lines.reduce((sum, one) => sum + (one.event === 'lost' ? one.count : 0), 0)
  return {
    ...{ key: 'egressConnections', title: 'Connections to its addresses', kind: 'count' },
    value: observed > 0 ? connections : null,
    note:
      observed > 0
        ? `observed for ${count(observed)} of ${count(period)} minutes; ${lost} connections not judged`
        : 'connections were not observed',
    warn: observed < period - SLACK || connections > 0 || lost > 0
  }
}

export function egressTables(
  versions: EgressByVersion,
  segments: readonly Segment[],
  gateways: readonly Gateway[],
  { lines, devices }: ObservedEgress
): Table[] {
  return [
    {
      id: 'egress',
      title: 'Connections: what was ordered',
      description:
        'What each network did about connections to addresses of banned names, by the rules in force. deny: rejected by the firewall where no other name has the address; observe: reported; off: not looked at. Whether the firewall had the addresses is not in the history of rules.',
      emptyText: 'Nothing is known of it.',
      columns: [
        ...gatewayColumn(gateways),
        ...[column('from', 'time'), column('until', 'time'), column('minutes', 'count')],
        ...[column('egress', 'text'), column('networks', 'text')]
      ],
      rows: stateSpans(versions, segments).map(({ gateway, from, until, state, networks }) => [
        ...(gateway === undefined ? [] : [gateway]),
        ...[new Date(from), new Date(until), Math.ceil((until - from) / MINUTE)],
        ...[state, networks.join(', ')]
      ])
    },
    {
      id: 'egress-connections',
      title: 'Connections to addresses of the ban',
      description:
        'Packets that reached the machine of the observer, by client and destination: the proof is in egress.jsonl, which is in the chain of the log. The device is that of the history of bindings, if it is certain for the first and the last of them.',
      emptyText: 'None was observed.',
      columns: [
        ...[column('client', 'text'), column('network', 'text')],
        ...[column('device', 'text'), column('user', 'text')],
        ...[column('destination', 'text'), column('port', 'text')],
        ...[column('apps', 'text'), column('names', 'text')],
        ...[column('connections', 'count'), column('octets', 'count', 'bytes')],
        ...[column('first', 'time'), column('last', 'time')]
      ],
      rows: rowsOf(lines).map((one): Value[] => {
        const [device, user] = devices.get(one.client ?? '') ?? [null, null]
        return [
          ...[one.client, one.network, device, user],
          ...[one.destination, `${one.port}/${one.protocol}`],
          ...[one.apps.join(', ') || null, one.names.join(', ') || null],
          ...[one.connections, one.octets, new Date(one.first), new Date(one.last)]
        ]
      })
    }
  ]
}

export const egressByVersion = (
  known: Iterable<readonly [string, { readonly rules: RuleSet }]>
): EgressByVersion => new Map([...known].map(([key, { rules }]) => [key, egressStates(rules)]))

const MINUTE: Milliseconds = 60_000
/** The last minutes of what is observed are not known. */
const SLACK: Milliseconds = 2 * ALIVE_INTERVAL

const count = (time: Milliseconds): string => Math.floor(time / MINUTE).toLocaleString('en')
