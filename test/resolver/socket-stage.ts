import { readAddress } from '../../src/base/address.js'
import type { Responder } from '../../src/resolver/responder.js'
import type { Transport } from '../../src/socket/datagram.js'
import { createForwarder } from '../../src/upstream/create-forwarder.js'
import type { Forwarder, Inquiry } from '../../src/upstream/forwarder.js'
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
  private inquired: Inquiry | undefined
  private asked: Uint8Array | undefined
  private counter: Counter | undefined

  private constructor(
    private readonly transport: Transport,
    private readonly upstream: BadUpstream
  ) {
    upstream.behaviour = query => this.respond(query)
  }

  static async open(transport: Transport): Promise<SocketStage> {
    const stage = new SocketStage(transport, await BadUpstream.open(() => undefined))
    const responder: Responder = {
      beginBatch: () => stage.world!.resolver.beginBatch(),
      answer: (...query) => stage.world!.resolver.answer(...query),
      answerLater: (...query) => stage.world!.resolver.answerLater(...query)
    }
    stage.counter = await Counter.open(transport, responder)
    return stage
  }

  begin(scenario: Scenario): void {
    this.canned = new CannedUpstream(scenario.upstream)
    const forwarder: Forwarder = {
      upstreams: ['canned'],
      inFlight: 0,
      close: () => undefined,
      forward: (inquiry, done) => {
        this.inquired = inquiry
        this.forwarder!.forward(inquiry, outcome => {
          this.spoilt = outcome.kind === 'failure'
          done(outcome)
        })
      }
    }
    this.world = new World(scenario, forwarder, false)
  }

  /** Undefined for a step without a query. */
  async step(step: Step): Promise<Seen | undefined> {
    const { world, counter } = this
    await world!.prepare(step)
    if (step.query === undefined) return undefined
    if (this.spoilt) await this.openForwarder()
    this.asked = undefined
    this.inquired = undefined
    const query = queryOctets(step.query)
    const header = proxyHeader(step.query.from)
    const { protocol } = step.query
    const reply = await (protocol === 'udp'
      ? counter!.askUdp(query, header)
      : counter!.askTcp(query, header))
    return { query, reply, asked: this.asked, log: world!.recorded }
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
      limits: { sockets: 1 }
    })
    this.spoilt = false
  }

  private respond(query: AtUpstream): void {
    // What was sent again and again to one that did not answer may come late.
    if (this.inquired === undefined || !asks(query.message, this.inquired)) return
    this.asked ??= query.message
    const response = this.canned.respond(query.message)
    if (response !== undefined) query.send(query.overTcp ? framed(response) : response)
    if (response === undefined || !answers(query.message, response)) {
      setImmediate(() => this.time.advance(LONG_ENOUGH))
    }
  }
}

function asks(query: Uint8Array, { qname, qtype }: Inquiry): boolean {
  const question = Buffer.from(query).subarray(12, 12 + qname.length + 2)
  const wanted = Buffer.concat([qname, words(qtype)])
  return question.toString('latin1').toLowerCase() === wanted.toString('latin1').toLowerCase()
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
