import { showName } from '../../src/wire/dns/name/name.js'
import { PENDING } from '../../src/resolver/context/responder.js'
import { PROTOCOL } from '../../src/lookups/event/query-event.js'
import { CannedUpstream } from '../resolver/canned.js'
import { encodeUpstreamQuery } from '../../src/wire/dns/message/encode-query.js'
import { replyTarget } from '../resolver/reply-target.js'
import type { Canned, Scenario } from '../resolver/scenario.js'
import { World } from '../resolver/world.js'

/** The real resolver with these rules, in memory. It forwards to an upstream that knows every name. */
export class MemoryGateway {
  readonly world: World
  /** How the upstream fails: it does not answer, or knows no name. */
  fails: 'silent' | 'nxdomain' | undefined
  /** Queries that went to the upstream. */
  forwarded = 0
  private constructor(networks: object, start: string) {
    const scenario = {
      ...{ prefetch: false, limits: {}, start },
      identity: { version: '', name: '' },
      rules: { networks }
    }
    const forwarder = {
      ...{ upstreams: ['all'], inFlight: 0, close: () => undefined },
      forward: (
        { question }: { readonly question: Uint8Array },
        waiter: { onOutcome(outcome: object): void }
      ) => {
        const message = everyName(question)
        this.forwarded++
        if (this.fails === 'nxdomain') noName(message)
        const outcome =
          this.fails === 'silent'
            ? { kind: 'failure', ede: 22, upstream: 0, took: 1, text: 'no answer' }
            : { kind: 'response', message, upstream: 0, took: 1 }
        setImmediate(() => waiter.onOutcome(outcome))
      }
    }
    this.world = new World(scenario as unknown as Scenario, forwarder, true)
  }

  static async open(networks: object, start: string): Promise<MemoryGateway> {
    const gateway = new MemoryGateway(networks, start)
    await gateway.world.prepare({})
    return gateway
  }

  /** Time passes; rules begin and end. */
  pass(seconds: number): void {
    this.world.clock.pass(1000 * seconds)
  }

  async ask(
    query: Uint8Array,
    client: Uint32Array,
    isUdp: boolean
  ): Promise<Uint8Array | undefined> {
    const { resolver } = this.world
    const protocol = isUdp ? PROTOCOL.udp : PROTOCOL.tcp
    const octets = new Uint8Array(4096)
    octets.set(query)
    resolver.beginBatch()
    const length = resolver.answer(octets, 0, query.length, octets.length, client, 0, protocol)
    if (length !== PENDING) return length <= 0 ? undefined : octets.slice(0, length)
    return new Promise(resolve => {
      const target = replyTarget(Buffer.from(query), client, protocol, (reply, start, end) =>
        resolve(reply?.slice(start, end))
      )
      resolver.answerLater(target)
    })
  }
}

/** Makes NXDOMAIN of an answer: RCODE 3, and no records. RFC 1035 §4.1.1. */
function noName(message: Uint8Array): void {
  message[3] = (message[3]! & 0xf0) | 3
  message.fill(0, 6, 12)
}

/** An answer of an upstream that knows every name. */
export function everyName(question: Uint8Array): Uint8Array {
  const name = showName(question.subarray(0, -4)).replace(/\.$/, '').toLowerCase()
  const answers = [`${name} 300 A 198.51.100.7`]
  const type = question[question.length - 3] === 1 ? 'A' : 'other'
  const canned = {
    name,
    type: 'A',
    rcode: 'NOERROR',
    flags: '',
    answers,
    authorities: [],
    additionals: [],
    edns: false,
    dead: false
  }
  const buffer = new Uint8Array(512)
  const length = encodeUpstreamQuery(buffer, 0, 0, question, false, false)
  const query = buffer.subarray(0, length)
  if (type === 'A') return new CannedUpstream([canned as Canned]).respond(query)!
  const qtype = question[question.length - 3] === 28 ? 'AAAA' : 'HTTPS'
  return new CannedUpstream([{ ...canned, type: qtype, answers: [] } as Canned]).respond(query)!
}

/** The question of a query, for an upstream that answers it. */
export function questionIn(query: Uint8Array): Uint8Array {
  let end = 12
  while (query[end] !== 0) end += query[end]! + 1
  return query.slice(12, end + 5)
}
