import { readAddress } from '../../src/base/values/address.js'
import { MAX_ALIASES } from '../../src/wire/dns/message/alias-chain.js'
import { encodeUpstreamQuery } from '../../src/wire/dns/message/encode-query.js'
import { OPTION_BIT, Query, QUERY_KIND } from '../../src/wire/dns/message/query.js'
import { PROTOCOL } from '../../src/lookups/event/query-event.js'
import { PENDING } from '../../src/resolver/context/responder.js'
import type { Forwarder, ForwardedQuestion } from '../../src/resolver/upstream/forwarder.js'
import { ResponseChain, seemsPartial } from '../../src/wire/dns/message/response-chain.js'
import { CannedUpstream } from './canned.js'
import { queryOctets } from './message-octets.js'
import { replyTarget } from './reply-target.js'
import type { QueryText, Scenario, Step } from './scenario.js'
import { World, type Recorded } from './world.js'

/** The result of one step. */
export interface Seen {
  readonly query: Uint8Array
  readonly reply: Uint8Array | undefined
  /** The query that reached an upstream, if one did. */
  readonly asked: Uint8Array | undefined
  /** Seconds that the client waited. */
  readonly waited: number
  readonly log: Recorded | undefined
}

/** Longest wait for a reply, in milliseconds, and the steps in which time passes. */
const MAX_WAIT = 10_000
const TICK = 10

/**
 * The real resolver between an in-memory client and upstream. `path` is the way that queries take:
 * `fast`: as from listeners; `forward`: each answerable query is forwarded, whatever is cached;
 * `shelf`: like `fast`, but each query is sent three times, so that the shelf answers where it can.
 */
export class Stage {
  private readonly world: World
  private readonly upstream: CannedUpstream
  private asked: Uint8Array | undefined

  constructor(
    scenario: Scenario,
    private readonly path: 'fast' | 'forward' | 'shelf'
  ) {
    this.upstream = new CannedUpstream(scenario.upstream)
    this.world = new World(scenario, this.forwarder(this.upstream), path === 'shelf')
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
    if (this.path === 'shelf') {
      await this.ask(step.query, query)
      reply = await this.ask(step.query, query)
    }
    const waited = (this.world.clock.now() - began) / 1000
    // Prefetches are answered before the next step.
    await turn()
    return { query, reply, asked: this.asked, waited, log: this.world.recorded }
  }

  private forwarder(upstream: CannedUpstream): Forwarder {
    return {
      upstreams: ['canned'],
      inFlight: 0,
      close: () => undefined,
      forward: (forwarded, waiter) => {
        this.asked = encoded(forwarded)
        const { message, aliases } = followed(forwarded, upstream, upstream.respond(this.asked))
        const delay = upstream.delay(this.asked)
        const respond = (): void => {
          if (message === undefined)
            waiter.onOutcome({ kind: 'failure', ede: 22, upstream: 0, took: 1, aliases })
          else waiter.onOutcome({ kind: 'response', message, upstream: 0, took: 1 })
        }
        if (delay === undefined) setImmediate(respond)
        else this.world.clock.timers.after(delay * 1000, respond)
      }
    }
  }

  private async ask(query: QueryText, message: Buffer): Promise<Uint8Array | undefined> {
    const protocol = PROTOCOL[query.protocol]
    const client = wordsOf(query.from)
    const { resolver } = this.world
    const identity = this.world.identityOf(query.device, client)
    let reply: { octets: Uint8Array | undefined } | undefined
    const answered = replyTarget(message, client, protocol, (octets, start, end) => {
      reply = { octets: octets?.slice(start, end) }
    })
    const target = { ...answered, identity }
    resolver.beginBatch()
    if (this.path === 'forward' && isAnswerable(message)) {
      resolver.forward(target)
    } else {
      const octets = new Uint8Array(protocol === PROTOCOL.udp ? 2048 : 65_535)
      octets.set(message)
      const place = [octets, 0, message.length, octets.length] as const
      const length = resolver.answer(...place, client, 0, protocol, identity)
      if (length !== PENDING) return length === 0 ? undefined : octets.slice(0, length)
      resolver.answerLater(target)
    }
    // One turn for each upstream query; after that it is time that has to pass.
    for (let turns = 0; reply === undefined && turns <= MAX_ALIASES; turns++) await turn()
    for (let waited = 0; reply === undefined && waited < MAX_WAIT; waited += TICK) {
      this.world.clock.pass(TICK)
      await turn()
    }
    if (reply === undefined) throw new Error('neither a reply nor a drop')
    return reply.octets
  }
}

function encoded({ question, dnssecOk, checkingDisabled }: ForwardedQuestion): Uint8Array {
  const octets = Buffer.alloc(512)
  const length = encodeUpstreamQuery(octets, 0, 0, question, dnssecOk, checkingDisabled)
  return octets.subarray(0, length)
}

/** The response, followed by those for the targets of its aliases, as the real forwarder does. */
function followed(
  forwarded: ForwardedQuestion,
  upstream: CannedUpstream,
  first: Uint8Array | undefined
): { message: Uint8Array | undefined; aliases?: Uint8Array } {
  if (first === undefined || !seemsPartial(first, forwarded.question)) return { message: first }
  const chain = new ResponseChain(forwarded.question)
  let message: Uint8Array | undefined = first
  while (message !== undefined) {
    chain.add(message)
    const { next } = chain
    if (next === undefined) return { message: chain.join() }
    message = upstream.respond(encoded({ ...forwarded, question: next }))
  }
  return { message: undefined, aliases: chain.join() }
}

function turn(): Promise<void> {
  return new Promise(resolve => setImmediate(resolve))
}

/** Only queries for which `answer` would return PENDING may be forwarded directly. */
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
