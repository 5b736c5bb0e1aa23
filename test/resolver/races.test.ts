import fc from 'fast-check'
import t from 'tap'
import { PROTOCOL } from '../../src/lookups/event/query-event.js'
import { PENDING } from '../../src/resolver/context/responder.js'
import type { ForwardedQuestion, OutcomeHandler } from '../../src/resolver/upstream/forwarder.js'
import { runs } from '../runs.js'
import { markOf, responseTo } from '../upstream/messages.js'
import { queryOctets } from './message-octets.js'
import { replyTarget } from './reply-target.js'
import type { QueryText, Scenario } from './scenario.js'
import { wordsOf } from './stage.js'
import { World } from './world.js'

/*
 * Queries, responses in any order, prefetches, flushes and new rules, in every interleaving: what
 * clients get is allowed under the rules in force, and no older than it may be. RFC 2181 §8, RFC 8767.
 */

const NAMES = ['a.example', 'b.example'] as const
/** TTL of `responseTo`. */
const TTL = 300
/** Settings of `World`. */
const STALE_RECHECK = 30
const SECOND = 1000

type Name = (typeof NAMES)[number]
type Command =
  | { readonly do: 'query' | 'flush' | 'ban' | 'lift'; readonly name: Name }
  | { readonly do: 'respond' | 'fail'; readonly nth: number }
  | { readonly do: 'pass'; readonly seconds: number }

const someName = fc.constantFrom(...NAMES)
const someCommand: fc.Arbitrary<Command> = fc.oneof(
  { weight: 12, arbitrary: fc.record({ do: fc.constant('query' as const), name: someName }) },
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constantFrom('respond', 'respond', 'respond', 'fail'),
      nth: fc.nat(3)
    })
  },
  {
    weight: 4,
    // Also the last tenth of a TTL, in which answers are prefetched, and its end.
    arbitrary: fc.record({
      do: fc.constant('pass' as const),
      seconds: fc.constantFrom(0.5, 1, 5, 25, 29, 135, 136, 271, 301)
    })
  },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constantFrom('flush', 'ban', 'lift'), name: someName })
  }
)

/** An upstream query and its response, which `mark` identifies. */
interface Fetch {
  readonly name: Name
  readonly mark: number
  readonly sent: number
  readonly waiter: OutcomeHandler
  readonly question: Uint8Array
  received?: number
}

const scenario = {
  ...{ prefetch: true, limits: {}, start: '2026-01-01T00:00:00Z' },
  identity: { version: '', name: '' }
}
const queryText = (name: Name): QueryText => ({
  ...{ from: '10.1.1.1', protocol: 'udp', name, type: 'A', class: 'IN', flags: 'RD' },
  ...{ opcode: 0, edns: false }
})

/** The resolver between clients and an upstream that answers on command. */
class Race {
  private readonly world: World
  private readonly fetches: Fetch[] = []
  private readonly open: Fetch[] = []
  private readonly banned = new Set<Name>()
  /** When each name was last flushed, and when its upstream last failed or was too slow. */
  private readonly flushed = new Map<Name, number>()
  private readonly failed = new Map<Name, number>()
  private sent = 0
  private replied = 0
  private prefetched = 0
  private served = 0

  constructor() {
    const forwarder = {
      upstreams: ['held back'],
      inFlight: 0,
      close: () => undefined,
      forward: (asked: ForwardedQuestion, waiter: OutcomeHandler) => this.onForward(asked, waiter)
    }
    this.world = new World(scenario as unknown as Scenario, forwarder, true)
  }

  async begin(): Promise<void> {
    await this.world.prepare({})
  }

  async run(command: Command): Promise<void> {
    switch (command.do) {
      case 'query':
        this.query(command.name)
        return
      case 'respond':
      case 'fail':
        this.respond(command.nth, command.do)
        return
      case 'pass':
        this.pass(command.seconds)
        return
      case 'flush':
        await this.world.prepare({ flush: { name: command.name, subtree: false } })
        this.flushed.set(command.name, this.now)
        return
      case 'ban':
      case 'lift':
        if (command.do === 'ban') this.banned.add(command.name)
        else this.banned.delete(command.name)
        await this.world.prepare({ ban: [...this.banned] })
    }
  }

  /** Every client has one reply. */
  end(): void {
    while (this.open.length > 0) this.respond(0, 'respond')
    if (this.replied !== this.sent) throw new Error(`${this.replied} replies to ${this.sent}`)
  }

  get tally() {
    const { prefetched, served } = this
    return { prefetched, served }
  }

  private get now(): number {
    return this.world.clock.now()
  }

  private pass(seconds: number): void {
    const isWaiting = (name: Name): boolean => this.open.some(fetch => fetch.name === name)
    const slow = NAMES.filter(isWaiting)
    this.world.clock.pass(seconds * SECOND)
    // The client response timer of RFC 8767 §5 may have run out at any time until now.
    for (const name of slow) this.failed.set(name, this.now)
  }

  private query(name: Name): void {
    const { world } = this
    const message = queryOctets(queryText(name))
    const client = wordsOf('10.1.1.1')
    const octets = new Uint8Array(2048)
    octets.set(message)
    this.sent++
    world.resolver.beginBatch()
    const before = this.fetches.length
    const length = world.resolver.answer(octets, 0, message.length, 2048, client, 0, PROTOCOL.udp)
    if (length !== PENDING) {
      this.prefetched += this.fetches.length - before
      this.replied++
      this.check(name, octets.subarray(0, length))
      return
    }
    if (this.banned.has(name)) throw new Error(`${name} is banned, but was forwarded`)
    const asked = this.now
    world.resolver.answerLater(
      replyTarget(message, client, PROTOCOL.udp, (reply, start, end) => {
        this.replied++
        this.checkLate(name, reply!.slice(start, end), asked)
      })
    )
  }

  private onForward({ question }: ForwardedQuestion, waiter: OutcomeHandler): void {
    const name = NAMES.find(name => question[1] === name.charCodeAt(0))!
    const mark = this.fetches.length + 1
    const fetch = { name, mark, sent: this.now, waiter, question: question.slice() }
    this.fetches.push(fetch)
    this.open.push(fetch)
  }

  private respond(nth: number, how: 'respond' | 'fail'): void {
    const [fetch] = this.open.splice(nth % Math.max(1, this.open.length), 1)
    if (fetch === undefined) return
    const { name, mark, waiter, question } = fetch
    if (how === 'fail') {
      this.failed.set(name, this.now)
      waiter.onOutcome({ kind: 'failure', ede: 22, upstream: 0, took: 1 })
      return
    }
    fetch.received = this.now
    const query = Uint8Array.of(0, 0, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, ...question)
    const message = responseTo(query, { mark })
    waiter.onOutcome({ kind: 'response', message, upstream: 0, took: 1 })
  }

  /** A reply without waiting: from the rules, the cache, or the reply shelf. */
  private check(name: Name, reply: Uint8Array): void {
    const [rcode, answers] = [reply[3]! & 15, reply[7]!]
    if (this.banned.has(name)) {
      if (answers !== 0 || rcode !== 3) throw new Error(`${name} is banned, but was answered`)
      return
    }
    const hasFailed = this.now - (this.failed.get(name) ?? -Infinity) < STALE_RECHECK * SECOND
    if (rcode === 2) {
      if (!hasFailed) throw new Error(`SERVFAIL for ${name}, whose upstream has not failed`)
      return
    }
    if (rcode !== 0 || answers !== 1) throw new Error(`RCODE ${rcode} for ${name}`)
    const { age, sent } = this.checkAnswer(name, reply)
    if (sent < (this.flushed.get(name) ?? 0)) throw new Error(`${name} was flushed, and came back`)
    const ttl = new DataView(reply.buffer, reply.byteOffset).getUint32(reply.length - 10)
    if (age < TTL && Math.abs(ttl - (TTL - age)) > 1) throw new Error(`TTL ${ttl} at age ${age}`)
    if (age >= TTL && !(hasFailed && ttl <= STALE_RECHECK)) throw new Error(`stale at age ${age}`)
  }

  /** A reply after waiting. The rules may have changed since the query, either way. */
  private checkLate(name: Name, reply: Uint8Array, asked: number): void {
    const [rcode, answers] = [reply[3]! & 15, reply[7]!]
    if (rcode !== 0 || answers !== 1) return
    const { age, received } = this.checkAnswer(name, reply)
    const isStale = received < asked
    if (isStale && age < TTL) throw new Error(`${name} waited, although its answer was fresh`)
  }

  private checkAnswer(name: Name, reply: Uint8Array) {
    this.served++
    const { received, sent, ...fetch } = this.fetches[markOf(reply) - 1]!
    if (fetch.name !== name) throw new Error(`${name} got the answer of ${fetch.name}`)
    if (received === undefined) throw new Error(`${name} got what no upstream has sent`)
    return { age: (this.now - received) / SECOND, received, sent }
  }
}

t.test('no interleaving serves what is banned, flushed or too old, or loses a query', async t => {
  const total = { prefetched: 0, served: 0 }
  await fc.assert(
    fc.asyncProperty(fc.array(someCommand, { minLength: 20, maxLength: 80 }), async commands => {
      const race = new Race()
      await race.begin()
      for (const command of commands) await race.run(command)
      race.end()
      total.prefetched += race.tally.prefetched
      total.served += race.tally.served
    }),
    runs(2000)
  )
  t.ok(total.prefetched > 10, 'answers were prefetched')
  t.ok(total.served > 1000, 'answers were served')
})
