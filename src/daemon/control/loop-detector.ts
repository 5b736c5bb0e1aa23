import { randomBytes, randomInt } from 'node:crypto'
import type { Milliseconds } from '../../base/units.js'
import { MAX_UPSTREAM_QUERY_SIZE, encodeUpstreamQuery } from '../../dns/message/encode-query.js'
import { LoopProbes, PROBE_RESULT, decodeProbeResponse } from '../../dns/message/loop-probe.js'
import { encodeQuestion } from '../../dns/message/question.js'
import { RRCLASS } from '../../dns/registry/rrclass.js'
import { RRTYPE } from '../../dns/registry/rrtype.js'
import type { ServiceLog } from '../../querylog/record/service-log.js'
import type { DatagramBatch, Transport, UpstreamSocket } from '../../udp/datagram.js'
import { showEndpoint } from '../../upstream/selection/upstream.js'
import type { Timer, Timers } from '../../upstream/timers.js'
import type { Route } from './configured-upstreams.js'

/** How long the second sign may be behind the first: that it came back, and what was answered. */
const GRACE: Milliseconds = 1_000
/** Octets of a token and of the key, each two hexadecimal digits. */
const KEY_SIZE = 8

const randomHex = (): string => randomBytes(KEY_SIZE).toString('hex')

/** What probes are known by, as long as the process lives. */
export const newProbeKey = randomHex

export interface LoopDetectorOptions {
  readonly key: string
  readonly routes: readonly Route[]
  /** Between two rounds; 0: nothing is looked at. */
  readonly interval: Milliseconds
  readonly transport: Transport
  readonly timers: Timers
  readonly log: ServiceLog
  /** Told which routes lead back here, and no others, whenever that changes. */
  readonly disableRoutes: (routes: ReadonlySet<number>) => void
}

interface Probe {
  readonly route: Route
  readonly id: number
  readonly question: Uint8Array
  returned: boolean
  /** One of `PROBE_RESULT`. */
  answer: number
  deadline: Timer | undefined
}

/**
 * Finds out whether upstreams lead back here, over other resolvers or a translated address, without
 * their help: each is asked, at the start and again and again, for a name that nobody knows but us.
 *
 *     came back   answered
 *     ─────────   ────────
 *     yes         no, or with an error    a loop: the route is not taken
 *     yes         NXDOMAIN or NOERROR     it asks us among others: told, but good enough
 *     no          NXDOMAIN or NOERROR     no loop: the route is taken
 *     no          no, or with an error    nothing is known, and nothing changes
 *
 * So a loop is left only when somebody else has answered: two gateways that forward to each other,
 * and both know it, do not begin again because neither asks the other any more.
 */
export class LoopDetector {
  private readonly names: LoopProbes
  private readonly looping = new Set<number>()
  /** Routes that it was told of that they lead here as well. */
  private readonly partial = new Set<number>()
  private probes = new Map<string, Probe>()
  private readonly sockets = new Map<4 | 6, UpstreamSocket>()
  private timer: Timer | undefined
  private closed = false

  constructor(private readonly options: LoopDetectorOptions) {
    this.names = new LoopProbes(options.key)
  }

  /** What is not asked now, each by upstream and domain as they are shown. */
  get disabledRoutes(): readonly ReturnType<typeof fieldsOf>[] {
    return this.options.routes.filter(({ number }) => this.looping.has(number)).map(fieldsOf)
  }

  /** To be called when we listen: what comes back has to be heard. */
  start(): void {
    if (this.options.interval > 0) void this.runRound()
  }

  /** A worker was asked for the name of a probe. */
  onProbeReturned(token: string): void {
    const probe = this.probes.get(token)
    if (probe === undefined || probe.returned) return
    probe.returned = true
    this.update(probe)
  }

  close(): void {
    this.closed = true
    this.timer?.cancel()
    this.dropProbes()
    for (const socket of this.sockets.values()) socket.close()
    this.sockets.clear()
  }

  private async runRound(): Promise<void> {
    const { routes, timers, interval: every } = this.options
    const last = [...this.probes.values()]
    this.dropProbes()
    for (const probe of last) if (isUndecided(probe)) this.conclude(probe)
    for (const family of new Set(routes.map(familyOf))) await this.openSocket(family)
    if (this.closed) return
    for (const route of routes) this.send(route)
    this.timer = timers.after(every, () => void this.runRound())
  }

  /** Without sockets of a family its upstreams cannot be asked anyhow; the next round tries again. */
  private async openSocket(family: 4 | 6): Promise<void> {
    if (this.sockets.has(family)) return
    const { transport } = this.options
    const opened = await transport.open(family, batch => this.receive(batch)).catch(() => undefined)
    if (opened === undefined) return
    if (this.closed) opened.close()
    else this.sockets.set(family, opened)
  }

  private send(route: Route): void {
    const token = randomHex()
    const qname = route.name && this.names.probeName(token, route.name)
    if (qname === undefined) return
    const id = randomInt(0x10000)
    // What everybody forwards, whatever else they filter.
    const question = encodeQuestion(qname, RRTYPE.A, RRCLASS.IN)
    const answer = PROBE_RESULT.none
    this.probes.set(token, { route, id, question, returned: false, answer, deadline: undefined })
    const desk = new Uint8Array(MAX_UPSTREAM_QUERY_SIZE)
    const length = encodeUpstreamQuery(desk, 0, id, question, false, false)
    const { server } = route
    this.sockets.get(familyOf(route))?.send(desk, 0, length, this.options.transport.peer(server))
  }

  private receive({ octets, starts, lengths, count }: DatagramBatch): void {
    for (let i = 0; i < count; i++) {
      const start = starts[i]!
      for (const probe of this.probes.values()) {
        const end = start + lengths[i]!
        const answer = decodeProbeResponse(octets, start, end, probe.id, probe.question)
        if (answer === PROBE_RESULT.none || probe.answer !== PROBE_RESULT.none) continue
        probe.answer = answer
        this.update(probe)
      }
    }
  }

  /** One of two signs is there; the other one, if there is one, will not be long. */
  private update(probe: Probe): void {
    probe.deadline?.cancel()
    if (probe.returned && probe.answer !== PROBE_RESULT.none) this.conclude(probe)
    else probe.deadline = this.options.timers.after(GRACE, () => this.conclude(probe))
  }

  private conclude({ returned: back, answer, route }: Probe): void {
    const isGood = answer === PROBE_RESULT.good
    if (back && !isGood) this.disable(route)
    else if (isGood) this.enable(route)
    if (back && isGood) this.warnPartial(route)
  }

  private disable(route: Route): void {
    if (this.looping.has(route.number)) return
    this.looping.add(route.number)
    this.options.disableRoutes(new Set(this.looping))
    this.options.log.warn(fieldsOf(route), 'an upstream leads back here: a loop; it is not asked')
  }

  private enable(route: Route): void {
    if (!this.looping.delete(route.number)) return
    this.options.disableRoutes(new Set(this.looping))
    this.options.log.info(fieldsOf(route), 'an upstream leads elsewhere again: it is asked')
  }

  private warnPartial(route: Route): void {
    if (this.partial.has(route.number)) return
    this.partial.add(route.number)
    this.options.log.warn(fieldsOf(route), 'an upstream asks us too for what we ask it')
  }

  private dropProbes(): void {
    for (const { deadline: settling } of this.probes.values()) settling?.cancel()
    this.probes = new Map()
  }
}

/** Whether one of the two signs is there, and the other one may be missing. */
function isUndecided({ returned: back, answer }: Probe): boolean {
  return back !== (answer !== PROBE_RESULT.none)
}

function familyOf({ server }: Route): 4 | 6 {
  return server.address.includes(':') ? 6 : 4
}

function fieldsOf({ server, domain }: Route): {
  readonly upstream: string
  readonly domain: string
} {
  return { upstream: showEndpoint(server), domain }
}
