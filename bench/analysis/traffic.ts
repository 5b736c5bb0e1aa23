import type { Milliseconds } from '../../src/base/units.js'
import { HashedName } from '../../src/wire/dns/name/hashed-name.js'
import { readName } from '../../src/wire/dns/name/name.js'
import { RRTYPE } from '../../src/wire/dns/registry/rrtype.js'
import type { Policy } from '../../src/policy/evaluate/policy.js'
import { Decision } from '../../src/policy/tables/decision.js'
import {
  MATCH,
  PROTOCOL,
  QueryEvent,
  VERDICT,
  type LookupVerdict
} from '../../src/lookups/event/query-event.js'
import { seeded } from '../kit/random.js'
import { settle, type Crowd } from './population.js'

const HOUR: Milliseconds = 3_600_000
const MINUTE: Milliseconds = 60_000
const DAY: Milliseconds = 24 * HOUR

/** Of names asked for, those that are no app's, but lead to one. */
const ALIASES = 0.02
/** Of questions for A, those that come with one for AAAA, and with one for HTTPS. */
const [WITH_AAAA, WITH_HTTPS] = [0.9, 0.35]
/** Of clients, those that send EDNS; of queries, those over TCP. */
const [WITH_EDNS, OVER_TCP] = [0.5, 0.01]

/** What the rules say of a name to a class of clients, as an event has it. */
interface Said {
  readonly verdict: LookupVerdict
  readonly rcode: number
  readonly claim: number
  readonly record: number
  readonly ede: number
}

/**
 * Lookups on which rules spoke, in the order of time: decided by the product's own policy, asked by
 * made-up clients. The same for the same numbers.
 */
export class Traffic {
  readonly #crowds: readonly Crowd[]
  readonly #names: readonly Uint8Array[]
  readonly #aliases: readonly Uint8Array[]
  readonly #said = new Map<number, Said | undefined>()
  readonly #random = seeded(2023)
  readonly #event = new QueryEvent()
  readonly #policy: Policy

  constructor(policy: Policy, patterns: ReadonlyMap<string, readonly string[]>) {
    this.#policy = policy
    const { crowds, names } = settle(patterns)
    this.#crowds = crowds
    this.#names = names.map(readName)
    this.#aliases = names.map((_, i) => readName(`edge-${i % 500}.shared-cdn.example`))
  }

  /** How much of an ordinary day there is between two instants. */
  weight(from: Milliseconds, to: Milliseconds): number {
    let sum = 0
    for (let at = from; at < to; at = nextHour(at)) {
      const part = (Math.min(nextHour(at), to) - at) / HOUR
      sum += part * this.#shares(at).reduce((all, share) => all + share)
    }
    return sum
  }

  /**
   * Gives each lookup between two instants to `take`, which must not keep it.
   *
   * @param rate lookups of an ordinary day
   * @returns how many there were
   */
  between(
    from: Milliseconds,
    to: Milliseconds,
    rate: number,
    take: (event: QueryEvent) => void
  ): number {
    let done = 0
    let due = 0
    for (let at = from; at < to; at += MINUTE) {
      const end = Math.min(at + MINUTE, to)
      const shares = this.#shares(at)
      const all = shares.reduce((sum, share) => sum + share)
      due += (rate * all * (end - at)) / HOUR
      const count = Math.max(0, due - done)
      for (let since = done; done - since < count;) {
        const wall = at + Math.floor(((done - since + this.#random()) / (count + 1)) * (end - at))
        done += this.#ask(this.#crowd(shares, all), wall, take)
      }
    }
    return done
  }

  #shares(at: Milliseconds): number[] {
    const date = new Date(at)
    const isWeekend = date.getUTCDay() % 6 === 0
    return this.#crowds.map(crowd => crowd.share(date.getUTCHours(), isWeekend))
  }

  #crowd(shares: readonly number[], all: number): Crowd {
    let left = this.#random() * all
    for (let i = 0; i < shares.length; i++) if ((left -= shares[i]!) < 0) return this.#crowds[i]!
    return this.#crowds[0]!
  }

  /** One name by one client: for A, and mostly for AAAA and HTTPS at once. */
  #ask(crowd: Crowd, wall: Milliseconds, take: (event: QueryEvent) => void): number {
    const random = this.#random
    const event = this.#event
    const client = 4 * Math.floor(random() * (crowd.clients.length / 4))
    for (let i = 0; i < 4; i++) event.client[i] = crowd.clients[client + i]!
    const clientClass = this.#policy.classOf(event.client, 0)
    const name = crowd.wanted[Math.floor(random() * crowd.wanted.length)]!
    const said = this.#judge(name, clientClass)
    if (said === undefined) return 0
    const isAlias = random() < ALIASES
    const qname = (isAlias ? this.#aliases : this.#names)[name]!
    event.qname.set(qname)
    event.qnameLength = qname.length
    event.match = isAlias ? MATCH.cname : MATCH.qname
    event.generation = 1
    event.clientClass = clientClass
    event.protocol = random() < OVER_TCP ? PROTOCOL.tcp : PROTOCOL.udp
    event.rcode = said.rcode
    event.verdict = said.verdict
    event.claim = said.claim
    event.entry = said.record
    event.ede = (event.client[3]! * 0x9e3779b1) >>> 0 < WITH_EDNS * 2 ** 32 ? said.ede : -1
    const types: number[] = [RRTYPE.A]
    if (random() < WITH_AAAA) types.push(RRTYPE.AAAA)
    if (random() < WITH_HTTPS) types.push(RRTYPE.HTTPS)
    for (const [i, type] of types.entries()) {
      event.qtype = type
      event.time = wall + (i >> 1)
      // Mostly 2 to 10 µs; a few wait for others.
      event.latency = Math.floor(2 + 8 * random() + (random() < 0.01 ? 300 * random() : 0))
      take(event)
    }
    return types.length
  }

  #judge(name: number, clientClass: number): Said | undefined {
    const key = clientClass * this.#names.length + name
    if (!this.#said.has(key)) this.#said.set(key, this.#decide(name, clientClass))
    return this.#said.get(key)
  }

  #decide(name: number, clientClass: number): Said | undefined {
    const octets = this.#names[name]!
    const hashed = new HashedName()
    hashed.set(octets, 0, this.#policy.seed)
    const found = new Decision()
    this.#policy.evaluateName(hashed, RRTYPE.A, clientClass, Date.now() / 1000, found)
    const { claim, entry: record, monitorClaim: monitor, monitorEntry: monitorRecord } = found
    const kind = this.#policy.claims.at(claim)?.kind
    if (kind === 'exception') return { verdict: VERDICT.allowed, rcode: 0, claim, record, ede: -1 }
    if (kind === 'ban') return { verdict: VERDICT.blocked, rcode: 3, claim, record, ede: 15 }
    if (monitor === -1) return undefined
    return { verdict: VERDICT.monitored, rcode: 0, claim: monitor, record: monitorRecord, ede: -1 }
  }
}

const nextHour = (at: Milliseconds): Milliseconds => (Math.floor(at / HOUR) + 1) * HOUR

export const startOfDay = (at: Milliseconds): Milliseconds => Math.floor(at / DAY) * DAY
export { DAY }
