import { readAddress } from '../../src/base/values/address.js'
import { isSameQuestion } from '../../src/wire/dns/message/question.js'
import type { ReplyTarget, Responder } from '../../src/resolver/context/responder.js'
import type { Transport } from '../../src/wire/sockets/datagram.js'
import { createForwarder } from '../../src/resolver/upstream/create-forwarder.js'
import type { Forwarder, ForwardedQuestion } from '../../src/resolver/upstream/forwarder.js'
import { BadUpstream, framed, type Seen as AtUpstream } from '../upstream/bad-upstream.js'
import { FakeTime } from '../upstream/fake-time.js'
import { answers, CannedUpstream } from './canned.js'
import { LoopbackServer } from './loopback-server.js'
import { queryOctets, words } from './message-octets.js'
import type { Scenario, Step } from './scenario.js'
import type { Seen } from './stage.js'
import { World } from './world.js'

/** Longer than any upstream query takes, in milliseconds. */
const LONG_ENOUGH = 60_000
/** Steps in which time passes for a delayed response, in milliseconds. */
const TICK = 10

/**
 * A worker without its thread: listeners and upstream sockets of one transport, and between them the
 * resolver of one scenario after another. A PROXY header sets the client address; upstreams are on
 * loopback; time passes when one of them does not answer.
 */
export class SocketStage {
  private readonly time = new FakeTime()
  private canned = new CannedUpstream([])
  private world: World | undefined
  private forwarder: Forwarder | undefined
  /** Whether the forwarder remembers an upstream that did not answer. */
  private spoilt = true
  private forwarded: ForwardedQuestion | undefined
  private asked: Uint8Array | undefined
  private server: LoopbackServer | undefined
  /** Upstream queries in flight, and those of them whose delay has passed. */
  private waiting = 0
  private due = 0
  /** Delayed responses. */
  private delayed = 0
  private served = true
  private steps = 0
  /** As which the client is recognized. */
  private device: string | undefined

  private constructor(
    private readonly transport: Transport,
    private readonly upstream: BadUpstream
  ) {
    upstream.behaviour = query => this.respond(query)
  }

  static async open(transport: Transport): Promise<SocketStage> {
    const stage = new SocketStage(transport, await BadUpstream.open(() => undefined))
    const responder: Responder = {
      get hasValidCookie() {
        return stage.world!.resolver.hasValidCookie
      },
      beginBatch: () => stage.world!.resolver.beginBatch(),
      endBatch: () => stage.world!.resolver.endBatch(),
      answer: (octets, at, end, room, client, clientAt, protocol) => {
        const identity = stage.world!.identityOf(stage.device, client)
        const place = [octets, at, end, room] as const
        return stage.world!.resolver.answer(...place, client, clientAt, protocol, identity)
      },
      answerLater: asks => {
        const reply: ReplyTarget['reply'] = (...its) => {
          stage.served = true
          asks.reply(...its)
        }
        const { octets, start, end, client, clientAt, protocol } = asks
        const identity = stage.world!.identityOf(stage.device, client)
        const target = { octets, start, end, client, clientAt, protocol, identity, reply }
        stage.world!.resolver.answerLater(target)
      }
    }
    stage.server = await LoopbackServer.open(transport, responder)
    return stage
  }

  begin(scenario: Scenario): void {
    this.canned = new CannedUpstream(scenario.upstream)
    // A query still in flight would be joined by an equal one.
    if (this.waiting > 0) this.spoilt = true
    this.waiting = this.due = this.delayed = 0
    const forwarder: Forwarder = {
      upstreams: ['canned'],
      inFlight: 0,
      close: () => undefined,
      forward: (forwarded, waiter) => {
        this.forwarded = forwarded
        this.waiting++
        this.forwarder!.forward(forwarded, {
          onOutcome: outcome => {
            this.waiting--
            if (this.due > 0) this.due--
            this.spoilt = outcome.kind === 'failure'
            waiter.onOutcome(outcome)
          }
        })
      }
    }
    this.world = new World(scenario, forwarder, false)
  }

  /** Undefined for a step without a query. */
  async step(step: Step): Promise<Seen | undefined> {
    const { world, server } = this
    await world!.prepare(step)
    // Wait for responses that were sent meanwhile.
    while (this.due > 0 && this.waiting > 0) await turn()
    if (step.upstream !== undefined) this.canned.answers = step.upstream
    if (step.query === undefined) return undefined
    if (this.spoilt) await this.openForwarder()
    this.asked = undefined
    this.forwarded = undefined
    const query = queryOctets(step.query)
    const header = proxyHeader(step.query.from)
    const { protocol } = step.query
    this.device = step.query.device
    const began = world!.clock.now()
    this.served = false
    this.steps++
    const reply = await (protocol === 'udp'
      ? server!.askUdp(query, header)
      : protocol === 'tcp'
        ? server!.askTcp(query, header)
        : protocol === 'doh'
          ? server!.askDoh(query, header)
          : server!.askDot(
              query,
              header,
              step.expect !== undefined && step.expect.silence !== true
            ))
    const waited = (world!.clock.now() - began) / 1000
    // Also for prefetches.
    while (this.waiting > this.delayed) await turn()
    return { query, reply, asked: this.asked, waited, log: world!.recorded }
  }

  async close(): Promise<void> {
    this.server?.close()
    this.forwarder?.close()
    await this.upstream.close()
  }

  private async openForwarder(): Promise<void> {
    const { transport, time, upstream } = this
    const { clock, timers } = time
    const upstreams = [upstream.endpoint]
    this.forwarder?.close()
    this.forwarder = createForwarder({
      transport,
      clock,
      timers,
      upstreams,
      // `asked` checks what is passed on from the client.
      cookies: false,
      limits: { sockets: 1 }
    })
    this.spoilt = false
  }

  private respond(query: AtUpstream): void {
    // Retries of an earlier query may come late; after the first query, others may be for targets of aliases.
    if (this.forwarded === undefined) return
    if (this.asked === undefined && !asks(query.message, this.forwarded)) return
    this.asked ??= query.message
    const delay = this.canned.delay(query.message)
    if (delay === undefined) return this.answer(query)
    this.delayed++
    this.world!.clock.timers.after(delay * 1000, () => {
      this.delayed--
      this.due++
      this.answer(query)
    })
    void this.passTime()
  }

  /** Until the client has its reply. */
  private async passTime(): Promise<void> {
    const { steps } = this
    while (!this.served && steps === this.steps) {
      this.world!.clock.pass(TICK)
      await turn()
    }
  }

  private answer(query: AtUpstream): void {
    const response = this.canned.respond(query.message)
    if (response !== undefined) query.send(query.overTcp ? framed(response) : response)
    if (response === undefined || !answers(query.message, response)) {
      setImmediate(() => this.time.advance(LONG_ENOUGH))
    }
  }
}

function turn(): Promise<void> {
  return new Promise(resolve => setImmediate(resolve))
}

function asks(query: Uint8Array, { question }: ForwardedQuestion): boolean {
  return isSameQuestion(query.subarray(12, 12 + question.length), question)
}

/** PROXY protocol version 2, as a trusted proxy sends it. */
export function proxyHeader(from: string): Buffer {
  const address = readAddress(from)
  const ipv4 = from.includes('.') && !from.includes(':')
  const source = Buffer.from(ipv4 ? address.subarray(12) : address)
  return Buffer.concat([
    Buffer.from('0d0a0d0a000d0a515549540a21', 'hex'),
    Buffer.from([ipv4 ? 0x11 : 0x21]),
    words(2 * source.length + 4),
    source,
    Buffer.alloc(source.length),
    words(4000, 53)
  ])
}
