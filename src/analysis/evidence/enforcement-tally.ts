import type { Milliseconds } from '../../base/units.js'
import type { QueryRecord } from '../../lookups/event/schema.js'
import { startOfDay } from '../../base/time/instant.js'
import type { Tally } from '../report/questions/count-by-key.js'
import { versionKey, type Enforcement, type EnforcementOutcome } from './enforcement.js'
import type { CoveredLookup } from './covered-lookups.js'
import { AnsweredCounts } from './answered-counts.js'

/** Counts of lookups with the same key. */
export interface Count {
  lookups: number
  blocked: number
  monitored: number
  allowed: number
  /** Neither blocked, nor exempted by an exception, nor refused. */
  answered: number
  first: Milliseconds
  last: Milliseconds
  /** As numbers, since the same client is in many counts. */
  readonly clients: Set<number>
}

const NOT_ANSWERED: readonly EnforcementOutcome[] = ['blocked', 'exempt', 'refused']

/** Counts the lookups of a pack, one after the other. */
export class EnforcementTally {
  readonly outcomes = new Map<string, Count>()
  /** The same of lookups since all are logged, in networks that have the ban: by network, then outcome. */
  readonly byNetwork = new Map<string, Map<string, Count>>()
  readonly networks = new Map<string, Count>()
  readonly days = new Map<string, Count>()
  readonly names = new Map<string, Count>()
  readonly matches = new Map<string, Count>()
  readonly exceptions = new Map<string, Count>()
  readonly versions = new Map<string, Count>()
  /** Answered without an exception. */
  readonly answered: AnsweredCounts
  private readonly clients = new Map<string, number>()

  /** @param knownSince since when lookups are logged whatever the verdict; Infinity: they were not */
  constructor(
    private readonly enforcement: Enforcement,
    private readonly timeZone: string,
    private readonly knownSince: Milliseconds
  ) {
    this.answered = new AnsweredCounts(enforcement)
  }

  add({ record, at, gateway }: CoveredLookup): void {
    const outcome = this.enforcement.add(record, at, gateway)
    const { network = '', exception, qname, match = '', sha256 = '', serial } = record
    const client = this.clientOf(record)
    const count = (map: Map<string, Count>, key: string): void =>
      addTo(map, key, record, at, outcome, client)
    count(this.networks, network)
    count(this.days, String(startOfDay(at, this.timeZone)))
    count(this.names, qname)
    count(this.matches, match)
    count(this.versions, versionKey({ sha256, serial: serial ?? null }))
    if (outcome === 'exempt') count(this.exceptions, `${exception!}\n${network}`)
    if (!NOT_ANSWERED.includes(outcome)) this.answered.add(gateway, network, at)
    if (at < this.knownSince) return
    const own = this.byNetwork.get(network) ?? new Map<string, Count>()
    this.byNetwork.set(network, own)
    count(own, outcome)
  }

  private clientOf({ device, client }: QueryRecord): number | undefined {
    const name = device ?? client
    if (name === undefined) return undefined
    const known = this.clients.get(name) ?? this.clients.size
    this.clients.set(name, known)
    return known
  }

  /** Lookups by outcome in the networks that have the ban; complete after the last lookup. */
  ofOrdered(): ReadonlyMap<EnforcementOutcome, number> {
    const sums = new Map<EnforcementOutcome, number>()
    for (const network of this.enforcement.networks)
      for (const [outcome, { lookups }] of this.byNetwork.get(network) ?? [])
        sums.set(
          outcome as EnforcementOutcome,
          (sums.get(outcome as EnforcementOutcome) ?? 0) + lookups
        )
    return sums
  }
}

function addTo(
  map: Map<string, Count>,
  key: string,
  record: QueryRecord,
  at: Milliseconds,
  outcome: EnforcementOutcome,
  client: number | undefined
): void {
  const fresh = { lookups: 0, blocked: 0, monitored: 0, allowed: 0, answered: 0 }
  const count = map.get(key) ?? { ...fresh, first: at, last: at, clients: new Set() }
  map.set(key, count)
  const { verdict } = record
  count.lookups++
  if (verdict === 'blocked' || verdict === 'monitored' || verdict === 'allowed') count[verdict]++
  if (!NOT_ANSWERED.includes(outcome)) count.answered++
  count.last = Math.max(count.last, at)
  if (client !== undefined) count.clients.add(client)
}

/** Counts as rows, with most lookups first, or by day. */
export function talliesOf(map: ReadonlyMap<string, Count>, isByDay = false): Tally[] {
  const rows = [...map].map(
    ([key, { clients, first, last, lookups, blocked, monitored, allowed }]) => {
      const counts = { lookups, blocked, monitored, allowed, clients: clients.size }
      const times = { first: new Date(first), last: new Date(last) }
      return { key: isByDay ? new Date(Number(key)) : key, ...counts, ...times }
    }
  )
  return rows.sort((a, b) =>
    isByDay ? Number(a.key) - Number(b.key) : b.lookups - a.lookups || (a.key < b.key ? -1 : 1)
  )
}
