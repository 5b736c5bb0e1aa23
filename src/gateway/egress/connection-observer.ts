import type { Clock } from '../../base/time/clock.js'
import { MS_PER_SECOND, type Milliseconds } from '../../base/units.js'
import type { FindingLine } from '../../lookups/egress/egress-finding.js'
import { FindingTally } from '../../lookups/egress/finding-tally.js'
import { ConnectionJudge, type JudgeSources } from '../../policy/egress/connection-judge.js'
import { LocalDestinations } from '../../policy/egress/local-destinations.js'
import { EGRESS, type ClientTable } from '../../policy/tables/client-table.js'
import type { ConnectionEvent } from '../../sources/egress/conntrack-event.js'

/** A connection follows its answer at once; the worker hands the answer over later. */
export const JUDGE_DELAY: Milliseconds = 2000
/** Connections that wait to be judged. */
const MAX_WAITING = 50_000
/** Connections that are findings and still open: their octets are added when they end. */
const MAX_OPEN = 20_000
const NAMES_OF_FINDING = 5

export interface ObserverSources extends Pick<JudgeSources, 'answered' | 'target'> {
  readonly clock: Clock
  /** Of a client, as the privacy mode of its network writes it. */
  readonly clientText: (client: string, network: string, wall: Milliseconds) => string | null
  readonly write: (line: FindingLine) => void
}

/** What was observed since the start; its JSON form is public. */
export interface ObserverCounts {
  /** Connections of clients of networks with `egress`. */
  readonly connections: number
  /** Connections that are findings, by kind. */
  readonly findings: Readonly<Record<'banned' | 'resolver' | 'unresolved', number>>
  /** Connections begun when it was not known which answers clients had. */
  readonly unknown: number
  /** Events that were not judged, for lack of room. */
  readonly lost: number
  /** When the last finding was; null: there was none. */
  readonly lastFinding: Milliseconds | null
}

interface Waiting {
  readonly event: ConnectionEvent
  readonly network: string
  readonly judgeAt: Milliseconds
}

/** Judges connections of clients, and writes those that are findings. */
export class ConnectionObserver {
  private readonly tally = new FindingTally()
  private readonly judge: ConnectionJudge
  private waiting: Waiting[] = []
  /** The end of each connection that waits, by its id; undefined: it has not ended. */
  private readonly ends = new Map<number, ConnectionEvent | undefined>()
  /** Keys of findings, by the id of the connection. */
  private readonly open = new Map<number, string>()
  private clients: ClientTable | undefined
  private local: LocalDestinations | undefined
  private own: readonly string[] = []
  private connections = 0
  private lost = 0
  private unwrittenLost = 0
  private lastFinding: Milliseconds | null = null
  private readonly findings = { banned: 0, resolver: 0, unresolved: 0 }

  constructor(private readonly sources: ObserverSources) {
    const { answered, target } = sources
    const isLocal = (address: string): boolean => this.local?.isLocal(address) !== false
    this.judge = new ConnectionJudge({ answered, target, isLocal })
  }

  get counts(): ObserverCounts {
    const { connections, lost, findings, lastFinding } = this
    const { unknown } = this.judge.counts
    return { connections, findings: { ...findings }, unknown, lost, lastFinding }
  }

  setRules(clients: ClientTable): void {
    this.clients = clients
    this.local = new LocalDestinations(clients)
    this.local.setOwn(this.own)
  }

  /** @param addresses of the gateway's interfaces, in canonical text */
  setOwn(addresses: readonly string[]): void {
    this.own = addresses
    this.local?.setOwn(addresses)
  }

  add(event: ConnectionEvent): void {
    if (event.kind === 'end') return this.end(event)
    const network = this.networkOf(event.client)
    if (network === undefined) return
    this.connections++
    if (this.waiting.length >= MAX_WAITING) return this.lose(1)
    this.ends.set(event.id, undefined)
    this.waiting.push({ event, network, judgeAt: this.sources.clock.now() + JUDGE_DELAY })
  }

  /** Events that never came here. */
  lose(count: number): void {
    this.lost += count
    this.unwrittenLost += count
  }

  /** Judges what has waited, and hands on what was found. Call it several times a second. */
  tick(): void {
    const { clock, answered } = this.sources
    const now = clock.now()
    const due = this.waiting.findIndex(({ judgeAt }) => judgeAt > now)
    const ready = this.waiting.splice(0, due === -1 ? this.waiting.length : due)
    for (const one of ready) this.decide(one)
    answered.expire(clock.wall() / MS_PER_SECOND)
    this.write(false)
  }

  /** Writes what has not been written yet. What waits is not judged. */
  close(): void {
    this.write(true)
  }

  private decide({ event, network }: Waiting): void {
    const { clock, clientText } = this.sources
    const { protocol, destination, port, client, time, id } = event
    const end = this.ends.get(id)
    this.ends.delete(id)
    const connection = { network, client, protocol, destination, port }
    const found = this.judge.judge(connection, clock.wall() / MS_PER_SECOND)
    if (found === undefined) return
    const { kind, target } = found
    this.findings[kind]++
    this.lastFinding = clock.wall()
    const text = clientText(client, network, clock.wall())
    const apps = target?.apps ?? []
    const names = target?.names.slice(0, NAMES_OF_FINDING) ?? []
    const key = this.tally.begin({ ...connection, kind, client: text, apps, names }, time)
    if (key === undefined) return
    if (end !== undefined) this.tally.end(key, end.time, end.octets)
    else if (this.open.size < MAX_OPEN) this.open.set(id, key)
  }

  private end(event: ConnectionEvent): void {
    const { id, time, octets } = event
    if (this.ends.has(id)) return void this.ends.set(id, event)
    const key = this.open.get(id)
    if (key === undefined) return
    this.open.delete(id)
    this.tally.end(key, time, octets)
  }

  private write(isLast: boolean): void {
    const { clock, write } = this.sources
    const time = clock.wall()
    for (const finding of this.tally.take(time, isLast)) write({ event: 'finding', time, finding })
    const count = this.unwrittenLost + this.tally.takeLost()
    this.unwrittenLost = 0
    if (count > 0) write({ event: 'lost', time, count })
  }

  /** The network of a client whose connections are observed; undefined: they are not. */
  private networkOf(client: string): string | undefined {
    const { local, clients } = this
    if (local === undefined || clients === undefined || local.isOwn(client)) return undefined
    const clientClass = local.classOf(client)
    return clients.egress[clientClass] === EGRESS.off ? undefined : local.networkOf(clientClass)
  }
}
