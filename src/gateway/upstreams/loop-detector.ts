import { randomBytes, randomInt } from 'node:crypto'
import { isDeepStrictEqual } from 'node:util'
import type { Milliseconds } from '../../base/units.js'
import {
  MAX_UPSTREAM_QUERY_SIZE,
  encodeUpstreamQuery
} from '../../wire/dns/message/encode-query.js'
import {
  LoopProbes,
  PROBE_RESULT,
  decodeProbeResponse,
  type LoopProbeResult
} from '../../wire/dns/message/loop-probe.js'
import { encodeQuestion } from '../../wire/dns/message/question.js'
import { RRCLASS } from '../../wire/dns/registry/rrclass.js'
import { RRTYPE } from '../../wire/dns/registry/rrtype.js'
import type { ServiceLog } from '../../base/log/service-log.js'
import type { DatagramBatch, Transport, UpstreamSocket } from '../../wire/sockets/datagram.js'
import { SourcePorts, type PortRange } from '../../wire/sockets/source-ports.js'
import type { Timer, Timers } from '../../base/time/timers.js'
import { TlsExchange } from '../../resolver/upstream/connections/tls-exchange.js'
import {
  showServer,
  type UpstreamServer,
  type UpstreamTls
} from '../../wire/sockets/upstream-server.js'
import type { RouteId } from '../../resolver/upstream/create-forwarder.js'
import type { Route } from './configured-upstreams.js'

/** How long to wait for the second event after the first: the probe's return, and the upstream's answer. */
const GRACE: Milliseconds = 1_000
/** Size of a token and of the key in octets, each written as two hexadecimal digits. */
const KEY_SIZE = 8

const randomHex = (): string => randomBytes(KEY_SIZE).toString('hex')

/** The key by which this process recognizes its own probes. */
export const newProbeKey = randomHex

/** What is checked; may be replaced. */
export interface LoopCheckPlan {
  readonly routes: readonly Route[]
  /** Time between two rounds; 0: off. */
  readonly interval: Milliseconds
  /** See `ForwarderSettings.sourcePorts`. */
  readonly sourcePorts?: readonly PortRange[]
}

export interface LoopDetectorOptions {
  readonly key: string
  readonly plan: LoopCheckPlan
  readonly transport: Transport
  readonly timers: Timers
  readonly log: ServiceLog
  /** Called with the set of routes that loop, whenever it changes. */
  readonly disableRoutes: (routes: ReadonlySet<RouteId>) => void
}

interface Probe {
  readonly route: Route
  readonly id: number
  readonly question: Uint8Array
  returned: boolean
  answer: LoopProbeResult
  deadline: Timer | undefined
}

/**
 * Detects upstreams that forward back to this gateway, through other resolvers or a translated address,
 * without their cooperation: sends each a probe for a unique name, at the start and at every interval.
 *
 *     returned   answer
 *     ────────   ──────
 *     yes        none, or an error     forwarding loop: the route is disabled
 *     yes        NXDOMAIN or NOERROR   partial loop: the upstream also has others; warned about, used
 *     no         NXDOMAIN or NOERROR   no loop: the route is enabled
 *     no         none, or an error     unknown: nothing changes
 *
 * A disabled route is enabled only after an answer from elsewhere. So two gateways that forward to each
 * other and have both detected it do not start over just because neither queries the other any more.
 */
export class LoopDetector {
  private readonly names: LoopProbes
  private looping = new Set<RouteId>()
  /** Routes whose partial loop has been logged. */
  private partial = new Set<RouteId>()
  private plan: LoopCheckPlan
  private probes = new Map<string, Probe>()
  private readonly sockets = new Map<4 | 6, UpstreamSocket>()
  private readonly exchanges = new Set<TlsExchange>()
  private timer: Timer | undefined
  private isStarted = false

  constructor(private readonly options: LoopDetectorOptions) {
    this.names = new LoopProbes(options.key)
    this.plan = options.plan
  }

  /**
   * Replaces what is checked, and begins a round. Loops that are known stay known.
   *
   * @returns the routes that loop, by their new numbers
   */
  configure(plan: LoopCheckPlan): ReadonlySet<RouteId> {
    if (isDeepStrictEqual(plan, this.plan)) return this.looping
    const known = this.plan.routes
    const renumbered = (before: ReadonlySet<RouteId>): Set<RouteId> => {
      const names = new Set(known.filter(({ number }) => before.has(number)).map(nameOf))
      const after = plan.interval === 0 ? [] : plan.routes.filter(one => names.has(nameOf(one)))
      return new Set(after.map(({ number }) => number))
    }
    this.looping = renumbered(this.looping)
    this.partial = renumbered(this.partial)
    this.plan = plan
    this.timer?.cancel()
    this.dropProbes()
    if (this.isStarted) this.start()
    return this.looping
  }

  /** Routes disabled because of a loop. */
  get disabledRoutes(): readonly ReturnType<typeof fieldsOf>[] {
    return this.plan.routes.filter(({ number }) => this.looping.has(number)).map(fieldsOf)
  }

  /** Call once the workers listen, so that returning probes are received. */
  start(): void {
    this.isStarted = true
    if (this.plan.interval > 0) this.runRound()
  }

  /** Called when a worker received a query for the name of a probe. */
  onProbeReturned(token: string): void {
    const probe = this.probes.get(token)
    if (probe === undefined || probe.returned) return
    probe.returned = true
    this.update(probe)
  }

  close(): void {
    this.timer?.cancel()
    this.dropProbes()
    this.closeSockets()
    for (const exchange of this.exchanges) exchange.close()
  }

  private runRound(): void {
    const { timers } = this.options
    const { routes, interval } = this.plan
    const previous = [...this.probes.values()]
    this.dropProbes()
    for (const probe of previous) if (isUndecided(probe)) this.conclude(probe)
    const overUdp = routes.filter(({ server }) => server.tls === undefined)
    this.closeSockets()
    for (const family of new Set(overUdp.map(familyOf))) this.openSocket(family)
    for (const route of routes) this.send(route)
    this.timer = timers.after(interval, () => this.runRound())
  }

  /** Without a socket of a family its upstreams cannot be used anyway; the next round tries again. */
  private openSocket(family: 4 | 6): void {
    const { transport } = this.options
    const ports = new SourcePorts(this.plan.sourcePorts)
    try {
      const socket = transport.open(family, batch => this.receive(batch), undefined, ports)
      this.sockets.set(family, socket)
    } catch {
      // Counts as no answer.
    }
  }

  private closeSockets(): void {
    for (const socket of this.sockets.values()) socket.close()
    this.sockets.clear()
  }

  private send(route: Route): void {
    const token = randomHex()
    const qname = route.name && this.names.probeName(token, route.name)
    if (qname === undefined) return
    const { server } = route
    // RFC 8484 §4.1.
    const id = server.tls?.path === undefined ? randomInt(0x10000) : 0
    // Type A, which every resolver forwards, whatever else it filters.
    const question = encodeQuestion(qname, RRTYPE.A, RRCLASS.IN)
    const answer = PROBE_RESULT.none
    this.probes.set(token, { route, id, question, returned: false, answer, deadline: undefined })
    const buffer = new Uint8Array(MAX_UPSTREAM_QUERY_SIZE)
    const length = encodeUpstreamQuery(buffer, 0, id, question, false, false)
    if (server.tls !== undefined) this.sendOverTls(server, server.tls, buffer.subarray(0, length))
    else
      this.sockets
        .get(familyOf(route))
        ?.send(buffer, 0, length, this.options.transport.peer(server))
  }

  private sendOverTls(server: UpstreamServer, tls: UpstreamTls, query: Uint8Array): void {
    const exchange = new TlsExchange(server, tls, query, message => this.onMessage(message))
    this.exchanges.add(exchange)
    void exchange.ended.then(() => this.exchanges.delete(exchange))
  }

  private receive({ octets, starts, lengths, count }: DatagramBatch): void {
    for (let i = 0; i < count; i++) {
      const start = starts[i]!
      this.onMessage(octets.subarray(start, start + lengths[i]!))
    }
  }

  private onMessage(message: Uint8Array): void {
    for (const probe of this.probes.values()) {
      const { id, question } = probe
      const answer = decodeProbeResponse(message, 0, message.length, id, question)
      if (answer === PROBE_RESULT.none || probe.answer !== PROBE_RESULT.none) continue
      probe.answer = answer
      this.update(probe)
    }
  }

  /** Called for each of the two events; waits for the other one at most for the grace time. */
  private update(probe: Probe): void {
    probe.deadline?.cancel()
    if (probe.returned && probe.answer !== PROBE_RESULT.none) this.conclude(probe)
    else probe.deadline = this.options.timers.after(GRACE, () => this.conclude(probe))
  }

  private conclude({ returned, answer, route }: Probe): void {
    const isGood = answer === PROBE_RESULT.good
    if (returned && !isGood) this.disable(route)
    else if (isGood) this.enable(route)
    if (returned && isGood) this.warnPartial(route)
  }

  private disable(route: Route): void {
    if (this.looping.has(route.number)) return
    this.looping.add(route.number)
    this.options.disableRoutes(new Set(this.looping))
    this.options.log.warn(fieldsOf(route), 'forwarding loop; upstream disabled')
  }

  private enable(route: Route): void {
    if (!this.looping.delete(route.number)) return
    this.options.disableRoutes(new Set(this.looping))
    this.options.log.info(fieldsOf(route), 'forwarding loop resolved; upstream enabled')
  }

  private warnPartial(route: Route): void {
    if (this.partial.has(route.number)) return
    this.partial.add(route.number)
    this.options.log.warn(
      fieldsOf(route),
      'possible forwarding loop; upstream also forwards queries back to this gateway'
    )
  }

  private dropProbes(): void {
    for (const { deadline } of this.probes.values()) deadline?.cancel()
    this.probes = new Map()
  }
}

/** Whether exactly one of the two events has happened. */
function isUndecided({ returned, answer }: Probe): boolean {
  return returned !== (answer !== PROBE_RESULT.none)
}

/** A route, whatever its number. */
function nameOf(route: Route): string {
  const { upstream, domain } = fieldsOf(route)
  return `${upstream} ${domain}`
}

function familyOf({ server }: Route): 4 | 6 {
  return server.address.includes(':') ? 6 : 4
}

function fieldsOf({ server, domain }: Route): {
  readonly upstream: string
  readonly domain: string
} {
  return { upstream: showServer(server), domain }
}
