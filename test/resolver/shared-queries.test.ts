import t from 'tap'
import { allocateCache } from '../../src/resolver/cache/memory.js'
import { PackedAnswerCache } from '../../src/resolver/cache/packed.js'
import { Query } from '../../src/wire/dns/message/query.js'
import { encodeUpstreamQuery } from '../../src/wire/dns/message/encode-query.js'
import { questionKey } from '../../src/wire/dns/message/question.js'
import { VERDICT } from '../../src/lookups/event/query-event.js'
import { Fallback } from '../../src/resolver/answers/fallback.js'
import { IN_FLIGHT_SIZE, InFlightTable } from '../../src/resolver/answers/in-flight-table.js'
import { PendingQuery } from '../../src/resolver/stages/pending-query.js'
import { Prefetcher } from '../../src/resolver/answers/prefetcher.js'
import { SharedQueries } from '../../src/resolver/stages/shared-queries.js'
import { UpstreamResponseHandler } from '../../src/resolver/answers/upstream-response-handler.js'
import type {
  Forwarder,
  ForwardedQuestion,
  UpstreamOutcome
} from '../../src/resolver/upstream/forwarder.js'
import { FakeTime } from '../upstream/fake-time.js'
import { nxdomainTo, questionFor, responseTo } from '../upstream/messages.js'

const PATIENCE = 2000
/** TTL of `responseTo`. */
const TTL = 300
const SILENCE: UpstreamOutcome = { kind: 'failure', ede: 22, upstream: 0, took: 1 }

/** What the workers of one process share. */
class Shared {
  readonly time = new FakeTime()
  readonly answers = allocateCache(65_536, 8)
  readonly failures = allocateCache(65_536, 8, this.answers.generation)
  readonly inFlight = new SharedArrayBuffer(IN_FLIGHT_SIZE)
}

/** What of a worker takes part, with an upstream whose outcomes the test decides. */
class Worker {
  readonly table: InFlightTable
  readonly cache: PackedAnswerCache
  readonly responses: UpstreamResponseHandler
  readonly queries: SharedQueries
  /** Results of queries that waited for another worker: the verdict; undefined: it has to forward. */
  readonly ended: (number | undefined)[] = []
  readonly prefetched: ForwardedQuestion[] = []
  private readonly prefetcher: Prefetcher

  constructor(
    private readonly shared: Shared,
    readonly owner: number
  ) {
    const { clock, timers } = shared.time
    const limits = { minTtl: 0, maxTtl: 86_400, negativeMaxTtl: 3600, failureTtl: 5 }
    this.table = new InFlightTable(shared.inFlight, shared.answers.seed, owner)
    this.cache = new PackedAnswerCache(shared.answers, clock, 1000, owner)
    const failures = new PackedAnswerCache(shared.failures, clock, 0, owner)
    const fallback = new Fallback(this.cache, failures, { staleMax: 1000, staleRecheck: 30 })
    this.responses = new UpstreamResponseHandler(this.cache, fallback, limits, this.table)
    this.queries = new SharedQueries(this.table, this.cache, PATIENCE, clock, timers)
    this.queries.onEnd = pending => this.ended.push(this.responses.findCached(pending)?.verdict)
    const forwarder: Forwarder = {
      upstreams: ['canned'],
      inFlight: 0,
      close: () => undefined,
      forward: question => void this.prefetched.push(question)
    }
    this.prefetcher = new Prefetcher(this.cache, this.responses, forwarder, clock, this.table)
  }

  /** Whether a query for this name waits for another worker. */
  waits(name: string): boolean {
    const { question } = questionFor(name)
    const pending = new PendingQuery(question.length - 4, {
      onOutcome: () => undefined,
      onClientTimeout: () => undefined
    })
    pending.question.set(question)
    return this.queries.join(pending, this.shared.time.clock.now())
  }

  /** The upstream query for this name ends. */
  end(name: string, outcome: UpstreamOutcome = answered(name)): void {
    const now = this.shared.time.clock.now()
    this.responses.handle(questionFor(name), this.cache.generation, outcome, now)
  }

  /** As after a cache hit at this age of the answer. */
  maybePrefetch(name: string, age: number): void {
    const query = new Query()
    const octets = encoded(name)
    query.decode(octets, 0, octets.length, 0)
    const answer = this.cache.get(query.key())!
    this.prefetcher.maybePrefetch(query, answer, age)
  }
}

function encoded(name: string): Uint8Array {
  const octets = new Uint8Array(512)
  const { question } = questionFor(name)
  return octets.subarray(0, encodeUpstreamQuery(octets, 0, 0, question, false, false))
}

function answered(name: string, rcode = 0): UpstreamOutcome {
  return response(responseTo(encoded(name), { mark: 7, rcode }))
}

function response(message: Uint8Array): UpstreamOutcome {
  return { kind: 'response', message, upstream: 0, took: 1 }
}

function setUp() {
  const shared = new Shared()
  const pass = (ms: number): void => shared.time.advance(ms)
  return { shared, pass, one: new Worker(shared, 1), other: new Worker(shared, 2) }
}

t.test('a query waits while another worker has forwarded the same question', async t => {
  const { pass, one, other } = setUp()
  t.notOk(one.waits('www.example'), 'the first is forwarded')
  t.notOk(one.waits('www.example'), 'in one worker the forwarder shares it')
  t.ok(other.waits('www.example'))
  t.ok(other.waits('www.example'))
  t.notOk(other.waits('other.example'))
  pass(100)
  t.strictSame(other.ended, [])
  one.end('www.example')
  pass(10)
  t.strictSame(other.ended, [VERDICT.forwarded, VERDICT.forwarded])
  pass(PATIENCE)
  t.equal(other.ended.length, 2, 'once each')
})

const outcomes = [
  { it: 'silence', outcome: SILENCE, verdict: VERDICT.failed },
  { it: 'SERVFAIL', outcome: answered('www.example', 2), verdict: VERDICT.forwarded },
  {
    it: 'NXDOMAIN',
    outcome: response(nxdomainTo(encoded('www.example'))),
    verdict: VERDICT.forwarded
  }
]
for (const { it, outcome, verdict } of outcomes) {
  t.test(`workers share ${it} of an upstream`, async t => {
    const { pass, one, other } = setUp()
    one.waits('www.example')
    other.waits('www.example')
    one.end('www.example', outcome)
    pass(10)
    t.strictSame(other.ended, [verdict])
  })
}

t.test('workers share the stale answer while the upstream is silent', async t => {
  const { pass, one, other } = setUp()
  one.end('www.example')
  pass(1000 * TTL)
  one.waits('www.example')
  t.ok(other.waits('www.example'))
  one.end('www.example', SILENCE)
  pass(10)
  t.strictSame(other.ended, [VERDICT.stale])
})

t.test('an answer that came between the miss and the claim is used', async t => {
  const { pass, one, other } = setUp()
  one.waits('www.example')
  one.end('www.example')
  t.ok(other.waits('www.example'))
  t.ok(other.waits('www.example'))
  pass(10)
  t.strictSame(other.ended, [VERDICT.forwarded, VERDICT.forwarded])
})

t.test('a query is forwarded if the other worker has cached nothing', async t => {
  const { pass, shared, one, other } = setUp()
  one.waits('www.example')
  other.waits('www.example')
  one.cache.discardInFlight()
  const now = shared.time.clock.now()
  one.responses.handle(questionFor('www.example'), 0, answered('www.example'), now)
  pass(10)
  t.strictSame(other.ended, [undefined], 'it was flushed')
})

t.test('a query waits for a limited time, then takes the question over', async t => {
  const { shared, pass, one, other } = setUp()
  const third = new Worker(shared, 3)
  one.waits('www.example')
  other.waits('www.example')
  pass(PATIENCE - 10)
  t.strictSame(other.ended, [])
  t.ok(third.waits('www.example'))
  pass(20)
  t.strictSame(other.ended, [undefined])
  t.strictSame(third.ended, [undefined], 'all that waited for the first worker look for themselves')
  t.ok(third.waits('www.example'), 'others wait for the second from now on')
  t.ok(one.waits('www.example'))
})

t.test('a worker that died keeps nobody waiting', async t => {
  const { shared, pass, one, other } = setUp()
  one.waits('www.example')
  other.waits('www.example')
  t.notOk(other.waits('other.example'))
  new InFlightTable(shared.inFlight, shared.answers.seed, 255).releaseAll(1)
  pass(10)
  t.strictSame(other.ended, [undefined])
  t.ok(one.waits('other.example'), 'claims of others stay')
})

t.test('one worker prefetches, and nobody while a query is in flight', async t => {
  const { pass, one, other } = setUp()
  one.end('www.example')
  const age = TTL - 10
  pass(1000 * age)
  for (const worker of [one, other, one, other]) worker.maybePrefetch('www.example', age)
  t.strictSame([one, other].map(({ prefetched }) => prefetched.length).sort(), [0, 1])
  const [busy, idle] = one.prefetched.length === 1 ? [one, other] : [other, one]
  t.ok(idle.waits('www.example'), 'a query that misses meanwhile waits for it')
  const { clock } = new FakeTime()
  busy.responses.handlePrefetch(questionFor('www.example'), 0, SILENCE, clock.now())
  const key = questionKey(questionFor('www.example'))
  t.ok(busy.table.claim(key), 'a failed prefetch ends the claim')
  busy.table.release(key)

  idle.waits('new.example')
  idle.end('new.example')
  pass(1000 * age)
  busy.table.claim(questionKey(questionFor('new.example')))
  for (let i = 0; i < 3; i++) idle.maybePrefetch('new.example', age)
  t.equal(idle.prefetched.length, 0, 'another worker has just forwarded it')
})
