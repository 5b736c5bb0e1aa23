import { readAddress } from '../../src/base/address.js'
import { isSameQuestion } from '../../src/dns/message/question.js'
import type { ReplyTarget, Responder } from '../../src/resolver/responder.js'
import type { Transport } from '../../src/udp/datagram.js'
import { createForwarder } from '../../src/upstream/create-forwarder.js'
import type { Forwarder, ForwardedQuestion } from '../../src/upstream/forwarder.js'
import { BadUpstream, framed, type Seen as AtUpstream } from '../upstream/bad-upstream.js'
import { FakeTime } from '../upstream/fake-time.js'
import { answers, CannedUpstream } from './canned.js'
import { Counter } from './counter.js'
import { queryOctets, words } from './message-octets.js'
import type { Scenario, Step } from './scenario.js'
import type { Seen } from './stage.js'
import { World } from './world.js'

/** More than any inquiry takes. */
const LONG_ENOUGH = 60_000
/** How time passes where an upstream takes some, in milliseconds. */
const TICK = 10

/**
 * All that a worker has but its thread: listeners and upstream sockets of one transport, and the
 * resolver of one scenario after the other between them. The client is who the scenario says, by a
 * PROXY header; upstreams are on loopback; their time passes where one of them does not answer.
 */
export class SocketStage {
  private readonly time = new FakeTime()
  private canned = new CannedUpstream([])
  private world: World | undefined
  private forwarder: Forwarder | undefined
  /** Whether the forwarder remembers an upstream that did not answer. */
  private spoilt = true
  private inquired: ForwardedQuestion | undefined
  private asked: Uint8Array | undefined
  private counter: Counter | undefined
  /** Inquiries that are not answered yet, and those of them whose time has come. */
  private waiting = 0
  private due = 0
  /** Answers that upstreams take their time for. */
  private delayed = 0
  private served = true
  private steps = 0

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
      answer: (...query) => stage.world!.resolver.answer(...query),
      answerLater: asks => {
        const reply: ReplyTarget['reply'] = (...its) => {
          stage.served = true
          asks.reply(...its)
        }
        const { octets, start, end, client, clientAt, protocol } = asks
        const asker = { octets, start, end, client, clientAt, protocol, reply }
        stage.world!.resolver.answerLater(asker)
      }
    }
    stage.counter = await Counter.open(transport, responder)
    return stage
  }

  begin(scenario: Scenario): void {
    this.canned = new CannedUpstream(scenario.upstream)
    // What is still under way would be joined by who asks the same.
    if (this.waiting > 0) this.spoilt = true
    this.waiting = this.due = this.delayed = 0
    const forwarder: Forwarder = {
      upstreams: ['canned'],
      inFlight: 0,
      close: () => undefined,
      forward: (inquiry, waiter) => {
        this.inquired = inquiry
        this.waiting++
        this.forwarder!.forward(inquiry, {
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
    const { world, counter } = this
    await world!.prepare(step)
    // What an upstream answered meanwhile is on its way.
    while (this.due > 0 && this.waiting > 0) await turn()
    if (step.upstream !== undefined) this.canned.answers = step.upstream
    if (step.query === undefined) return undefined
    if (this.spoilt) await this.openForwarder()
    this.asked = undefined
    this.inquired = undefined
    const query = queryOctets(step.query)
    const header = proxyHeader(step.query.from)
    const { protocol } = step.query
    const began = world!.clock.now()
    this.served = false
    this.steps++
    const reply = await (protocol === 'udp'
      ? counter!.askUdp(query, header)
      : counter!.askTcp(query, header))
    const waited = (world!.clock.now() - began) / 1000
    // So is what was asked for beside, for whoever asks next.
    while (this.waiting > this.delayed) await turn()
    return { query, reply, asked: this.asked, waited, log: world!.recorded }
  }

  async close(): Promise<void> {
    this.counter?.close()
    this.forwarder?.close()
    await this.upstream.close()
  }

  private async openForwarder(): Promise<void> {
    const { transport, time, upstream } = this
    const { clock, timers } = time
    const upstreams = [upstream.endpoint]
    this.forwarder?.close()
    this.forwarder = await createForwarder({
      transport,
      clock,
      timers,
      upstreams,
      // `asked` is about what is passed on.
      cookies: false,
      limits: { sockets: 1 }
    })
    this.spoilt = false
  }

  private respond(query: AtUpstream): void {
    // What was sent again and again to one that did not answer may come late.
    if (this.inquired === undefined || !asks(query.message, this.inquired)) return
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

  /** Until the client is served. */
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

/** Version 2, PROXY, as a listed front end sends it. */
function proxyHeader(from: string): Buffer {
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
