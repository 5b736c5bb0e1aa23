import { randomBytes, randomInt } from 'node:crypto'
import type { Milliseconds } from '../../base/units.js'
import { MAX_INQUIRY, writeInquiry } from '../../dns/message/inquiry.js'
import { LoopProbes, PROBE_ANSWER, readProbeAnswer } from '../../dns/message/loop-probe.js'
import { questionOf } from '../../dns/message/question.js'
import { RRCLASS } from '../../dns/registry/rrclass.js'
import { RRTYPE } from '../../dns/registry/rrtype.js'
import type { ServiceLog } from '../../querylog/record/service-log.js'
import type { DatagramBatch, Transport, UpstreamSocket } from '../../udp/datagram.js'
import { showEndpoint } from '../../upstream/selection/upstream.js'
import type { Timer, Timers } from '../../upstream/timers.js'
import type { Route } from './upstream-plan.js'

/** How long the second sign may be behind the first: that it came back, and what was answered. */
const LATE: Milliseconds = 1_000
/** Octets of a token and of the key, each two hexadecimal digits. */
const RANDOM = 8

const random = (): string => randomBytes(RANDOM).toString('hex')

/** What probes are known by, as long as the process lives. */
export const newProbeKey = random

export interface LoopWatchParts {
  readonly key: string
  readonly routes: readonly Route[]
  /** Between two rounds; 0: nothing is looked at. */
  readonly every: Milliseconds
  readonly transport: Transport
  readonly timers: Timers
  readonly log: ServiceLog
  /** Told which routes lead back here, and no others, whenever that changes. */
  readonly leaveOut: (routes: ReadonlySet<number>) => void
}

interface Probe {
  readonly route: Route
  readonly id: number
  readonly question: Uint8Array
  back: boolean
  /** One of `PROBE_ANSWER`. */
  answer: number
  settling: Timer | undefined
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
export class LoopWatch {
  private readonly names: LoopProbes
  private readonly looped = new Set<number>()
  /** Routes that it was told of that they lead here as well. */
  private readonly mixed = new Set<number>()
  private probes = new Map<string, Probe>()
  private readonly sockets = new Map<4 | 6, UpstreamSocket>()
  private timer: Timer | undefined
  private closed = false

  constructor(private readonly parts: LoopWatchParts) {
    this.names = new LoopProbes(parts.key)
  }

  /** What is not asked now, each by upstream and domain as they are shown. */
  get leftOut(): readonly ReturnType<typeof fieldsOf>[] {
    return this.parts.routes.filter(({ number }) => this.looped.has(number)).map(fieldsOf)
  }

  /** To be called when we listen: what comes back has to be heard. */
  start(): void {
    if (this.parts.every > 0) void this.round()
  }

  /** A worker was asked for the name of a probe. */
  cameBack(token: string): void {
    const probe = this.probes.get(token)
    if (probe === undefined || probe.back) return
    probe.back = true
    this.consider(probe)
  }

  close(): void {
    this.closed = true
    this.timer?.cancel()
    this.forget()
    for (const socket of this.sockets.values()) socket.close()
    this.sockets.clear()
  }

  private async round(): Promise<void> {
    const { routes, timers, every } = this.parts
    const last = [...this.probes.values()]
    this.forget()
    for (const probe of last) if (isWaiting(probe)) this.settle(probe)
    for (const family of new Set(routes.map(familyOf))) await this.open(family)
    if (this.closed) return
    for (const route of routes) this.send(route)
    this.timer = timers.after(every, () => void this.round())
  }

  /** Without sockets of a family its upstreams cannot be asked anyhow; the next round tries again. */
  private async open(family: 4 | 6): Promise<void> {
    if (this.sockets.has(family)) return
    const { transport } = this.parts
    const opened = await transport.open(family, batch => this.receive(batch)).catch(() => undefined)
    if (opened === undefined) return
    if (this.closed) opened.close()
    else this.sockets.set(family, opened)
  }

  private send(route: Route): void {
    const token = random()
    const qname = route.name && this.names.nameOf(token, route.name)
    if (qname === undefined) return
    const id = randomInt(0x10000)
    // What everybody forwards, whatever else they filter.
    const question = questionOf(qname, RRTYPE.A, RRCLASS.IN)
    const answer = PROBE_ANSWER.none
    this.probes.set(token, { route, id, question, back: false, answer, settling: undefined })
    const desk = new Uint8Array(MAX_INQUIRY)
    const length = writeInquiry(desk, 0, id, question, false, false)
    const { server } = route
    this.sockets.get(familyOf(route))?.send(desk, 0, length, this.parts.transport.peer(server))
  }

  private receive({ octets, starts, lengths, count }: DatagramBatch): void {
    for (let i = 0; i < count; i++) {
      const start = starts[i]!
      for (const probe of this.probes.values()) {
        const end = start + lengths[i]!
        const answer = readProbeAnswer(octets, start, end, probe.id, probe.question)
        if (answer === PROBE_ANSWER.none || probe.answer !== PROBE_ANSWER.none) continue
        probe.answer = answer
        this.consider(probe)
      }
    }
  }

  /** One of two signs is there; the other one, if there is one, will not be long. */
  private consider(probe: Probe): void {
    probe.settling?.cancel()
    if (probe.back && probe.answer !== PROBE_ANSWER.none) this.settle(probe)
    else probe.settling = this.parts.timers.after(LATE, () => this.settle(probe))
  }

  private settle({ back, answer, route }: Probe): void {
    const isGood = answer === PROBE_ANSWER.good
    if (back && !isGood) this.leave(route)
    else if (isGood) this.take(route)
    if (back && isGood) this.tellMixed(route)
  }

  private leave(route: Route): void {
    if (this.looped.has(route.number)) return
    this.looped.add(route.number)
    this.parts.leaveOut(new Set(this.looped))
    this.parts.log.warn(fieldsOf(route), 'an upstream leads back here: a loop; it is not asked')
  }

  private take(route: Route): void {
    if (!this.looped.delete(route.number)) return
    this.parts.leaveOut(new Set(this.looped))
    this.parts.log.info(fieldsOf(route), 'an upstream leads elsewhere again: it is asked')
  }

  private tellMixed(route: Route): void {
    if (this.mixed.has(route.number)) return
    this.mixed.add(route.number)
    this.parts.log.warn(fieldsOf(route), 'an upstream asks us too for what we ask it')
  }

  private forget(): void {
    for (const { settling } of this.probes.values()) settling?.cancel()
    this.probes = new Map()
  }
}

/** Whether one of the two signs is there, and the other one may be missing. */
function isWaiting({ back, answer }: Probe): boolean {
  return back !== (answer !== PROBE_ANSWER.none)
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
