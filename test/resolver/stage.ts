import { readAddress } from '../../src/base/address.js'
import { encodeUpstreamQuery } from '../../src/dns/message/encode-query.js'
import { OPTION_BIT, Query, QUERY_KIND } from '../../src/dns/message/query.js'
import { PROTOCOL } from '../../src/querylog/record/query-event.js'
import { PENDING } from '../../src/resolver/responder.js'
import type { Forwarder } from '../../src/upstream/forwarder.js'
import { CannedUpstream } from './canned.js'
import { queryOctets } from './message-octets.js'
import { asker } from './reply-target.js'
import type { QueryText, Scenario, Step } from './scenario.js'
import { World, type Recorded } from './world.js'

/** What came of one step. */
export interface Seen {
  readonly query: Uint8Array
  readonly reply: Uint8Array | undefined
  /** The query that an upstream got, if one was asked. */
  readonly asked: Uint8Array | undefined
  /** Seconds that the client waited. */
  readonly waited: number
  readonly log: Recorded | undefined
}

/** Nobody waits longer than this, in milliseconds, and how time passes meanwhile. */
const PATIENCE = 10_000
const TICK = 10

/**
 * The real resolver between in-memory ends. `door` says how queries come in: `fast` is how
 * listeners do it; `full` takes each query through `answerLater`, whatever it is;
 * `ready` asks three times, as `fast` does, so that what can be is given from the shelf.
 */
export class Stage {
  private readonly world: World
  private readonly upstream: CannedUpstream
  private asked: Uint8Array | undefined

  constructor(
    scenario: Scenario,
    private readonly door: 'fast' | 'full' | 'ready'
  ) {
    this.upstream = new CannedUpstream(scenario.upstream)
    this.world = new World(scenario, this.forwarder(this.upstream), door === 'ready')
  }

  /** Undefined for a step without a query. */
  async step(step: Step): Promise<Seen | undefined> {
    await this.world.prepare(step)
    if (step.upstream !== undefined) this.upstream.answers = step.upstream
    if (step.query === undefined) return undefined
    this.asked = undefined
    const began = this.world.clock.now()
    const query = queryOctets(step.query)
    let reply = await this.ask(step.query, query)
    if (this.door === 'ready') {
      await this.ask(step.query, query)
      reply = await this.ask(step.query, query)
    }
    const waited = (this.world.clock.now() - began) / 1000
    // What is asked for beside, for whoever asks next, comes before that.
    await new Promise(resolve => setImmediate(resolve))
    return { query, reply, asked: this.asked, waited, log: this.world.recorded }
  }

  private forwarder(upstream: CannedUpstream): Forwarder {
    return {
      upstreams: ['canned'],
      inFlight: 0,
      close: () => undefined,
      forward: (inquiry, waiter) => {
        const { question, dnssecOk, checkingDisabled } = inquiry
        const octets = Buffer.alloc(512)
        const length = encodeUpstreamQuery(octets, 0, 0, question, dnssecOk, checkingDisabled)
        this.asked = octets.subarray(0, length)
        const message = upstream.respond(this.asked)
        const delay = upstream.delay(this.asked)
        const tell = (): void => {
          if (message === undefined)
            waiter.onOutcome({ kind: 'failure', ede: 22, upstream: 0, took: 1 })
          else waiter.onOutcome({ kind: 'response', message, upstream: 0, took: 1 })
        }
        if (delay === undefined) setImmediate(tell)
        else this.world.clock.timers.after(delay * 1000, tell)
      }
    }
  }

  private async ask(query: QueryText, message: Buffer): Promise<Uint8Array | undefined> {
    const protocol = PROTOCOL[query.protocol]
    const client = wordsOf(query.from)
    const { resolver } = this.world
    resolver.beginBatch()
    if (this.door !== 'full' || !isAnswerable(message)) {
      const octets = new Uint8Array(protocol === PROTOCOL.tcp ? 65_535 : 2048)
      octets.set(message)
      const length = resolver.answer(octets, 0, message.length, octets.length, client, 0, protocol)
      if (length !== PENDING) return length === 0 ? undefined : octets.slice(0, length)
    }
    let reply: { octets: Uint8Array | undefined } | undefined
    const asks = asker(message, client, protocol, (octets, start, end) => {
      reply = { octets: octets?.slice(start, end) }
    })
    resolver.answerLater(asks)
    await new Promise(resolve => setImmediate(resolve))
    for (let waited = 0; reply === undefined && waited < PATIENCE; waited += TICK) {
      this.world.clock.pass(TICK)
    }
    if (reply === undefined) throw new Error('no reply, and no silence either')
    return reply.octets
  }
}

/** Only what `answer` would say LATER to may go through the other door. */
function isAnswerable(message: Uint8Array): boolean {
  const query = new Query()
  if (query.decode(message, 0, message.length, 0) !== QUERY_KIND.ok) return false
  // A client cookie alone, or with a server cookie. RFC 7873 §4.
  const { cookieLength: length } = query
  return (query.options & OPTION_BIT.cookie) === 0 || length === 8 || (length >= 16 && length <= 40)
}

/** The four words of an address. */
export function wordsOf(address: string): Uint32Array {
  const octets = readAddress(address)
  const view = new DataView(octets.buffer, octets.byteOffset)
  return Uint32Array.from([0, 4, 8, 12], at => view.getUint32(at))
}
