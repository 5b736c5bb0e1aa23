import t from 'tap'
import { allocateCache } from '../../src/resolver/cache/memory.js'
import { PackedAnswerCache } from '../../src/resolver/cache/packed.js'
import { encodeUpstreamQuery } from '../../src/wire/dns/message/encode-query.js'
import { Query } from '../../src/wire/dns/message/query.js'
import { questionKey } from '../../src/wire/dns/message/question.js'
import { Fallback } from '../../src/resolver/answers/fallback.js'
import { Prefetcher } from '../../src/resolver/answers/prefetcher.js'
import { UpstreamResponseHandler } from '../../src/resolver/answers/upstream-response-handler.js'
import type {
  Forwarder,
  ForwardedQuestion,
  UpstreamOutcome
} from '../../src/resolver/upstream/forwarder.js'
import { FakeTime } from '../upstream/fake-time.js'
import { questionFor, responseTo } from '../upstream/messages.js'

/** TTL of `responseTo`. */
const TTL = 300
const DUE = 270

/** A cache with one answer, mark 1, and an upstream whose answers the test triggers. */
class Rig {
  readonly time = new FakeTime()
  readonly cache = new PackedAnswerCache(allocateCache(65_536, 1), this.time.clock)
  readonly failures = new PackedAnswerCache(allocateCache(65_536, 1), this.time.clock)
  readonly responses: UpstreamResponseHandler
  readonly prefetch: Prefetcher
  readonly asked: { forwarded: ForwardedQuestion; done: (outcome: UpstreamOutcome) => void }[] = []
  private readonly query = new Query()
  private readonly octets = new Uint8Array(512)
  private readonly start = this.time.clock.now()

  constructor() {
    const { cache, failures, time } = this
    const limits = { minTtl: 0, maxTtl: 86_400, negativeMaxTtl: 3600, failureTtl: 5 }
    const fallback = new Fallback(cache, failures, { staleMax: 0, staleRecheck: 30 })
    this.responses = new UpstreamResponseHandler(cache, fallback, limits)
    const forwarder: Forwarder = {
      upstreams: ['canned'],
      inFlight: 0,
      close: () => undefined,
      forward: (forwarded, waiter) =>
        void this.asked.push({ forwarded, done: outcome => waiter.onOutcome(outcome) })
    }
    this.prefetch = new Prefetcher(cache, this.responses, forwarder, time.clock)
    const { question } = questionFor('www.example')
    const length = encodeUpstreamQuery(this.octets, 0, 0, question, false, false)
    this.query.decode(this.octets, 0, length, 0)
    this.responses.handle(questionFor('www.example'), 0, this.response(1), time.clock.now())
  }

  /** Queries at an age in seconds; returns the mark of the cached answer, -1 if it has expired. */
  askAt(age: number): number {
    const { cache, time, query, prefetch } = this
    time.advance(age * 1000 - (time.clock.now() - this.start))
    const answer = cache.get(query.key())
    if (answer === undefined) return -1
    const since = Math.floor((time.clock.now() - answer.storedAt) / 1000)
    prefetch.maybePrefetch(query, answer, since)
    return answer.body.at(-1)!
  }

  response(mark: number, rcode = 0): UpstreamOutcome {
    const message = responseTo(this.octets.subarray(0, 29), { mark, rcode })
    return { kind: 'response', message, upstream: 0, took: 1 }
  }
}

t.test('prefetches once, however often clients query before the answer comes', async t => {
  const rig = new Rig()
  t.equal(rig.askAt(1), 1)
  for (let i = 0; i < 100; i++) t.equal(rig.askAt(DUE), 1)
  t.equal(rig.asked.length, 1)
  rig.asked[0]!.done(rig.response(2))
  t.equal(rig.askAt(DUE), 2)
  t.equal(rig.askAt(DUE + DUE - 1), 2)
  t.equal(rig.asked.length, 1)
  t.equal(rig.askAt(DUE + DUE), 2)
  t.equal(rig.asked.length, 2, 'the new answer is prefetched in its last tenth, too')
})

t.test('prefetches the same question, in lower case', async t => {
  const rig = new Rig()
  for (const age of [1, DUE]) rig.askAt(age)
  const { question, dnssecOk, checkingDisabled } = rig.asked[0]!.forwarded
  t.strictSame({ dnssecOk, checkingDisabled }, { dnssecOk: false, checkingDisabled: false })
  t.strictSame(Buffer.from(question).toString('latin1'), '\x03www\x07example\0\0\x01\0\x01')
})

const failures: { it: string; outcome: (rig: Rig) => UpstreamOutcome }[] = [
  { it: 'silence', outcome: () => ({ kind: 'failure', ede: 22, upstream: 0, took: 1 }) },
  { it: 'SERVFAIL', outcome: rig => rig.response(2, 2) },
  { it: 'REFUSED', outcome: rig => rig.response(2, 5) },
  {
    it: 'a broken message',
    outcome: () => ({ kind: 'response', message: new Uint8Array(20), upstream: 0, took: 1 })
  }
]

for (const { it, outcome } of failures) {
  t.test(`${it} leaves the cached answer, and is not cached itself`, async t => {
    const rig = new Rig()
    for (const age of [1, DUE]) rig.askAt(age)
    rig.asked[0]!.done(outcome(rig))
    t.equal(rig.askAt(TTL - 1), 1)
    t.equal(rig.asked.length, 1, 'one prefetch per answer')
    t.equal(rig.failures.entries, 0)
    t.equal(rig.askAt(TTL), -1)
  })
}

t.test('an answer flushed during a prefetch does not come back', async t => {
  const rig = new Rig()
  for (const age of [1, DUE]) rig.askAt(age)
  rig.cache.discardInFlight()
  rig.cache.delete(questionKey(rig.asked[0]!.forwarded))
  rig.asked[0]!.done(rig.response(2))
  t.equal(rig.askAt(DUE), -1)
})

t.test('a cached failure is not prefetched', async t => {
  const rig = new Rig()
  const key = questionKey(questionFor('www.example'))
  const answer = { ...rig.cache.get(key)!, rcode: 2, lifetime: 300 }
  t.equal(rig.prefetch.maybePrefetch(new Query(), answer, 299), 300)
  t.equal(rig.asked.length, 0)
})
