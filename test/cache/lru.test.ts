import t from 'tap'
import { answerOf as answer } from '../../bench/kit/answer.js'
import type { Clock } from '../../src/base/time/clock.js'
import type { Milliseconds } from '../../src/base/units.js'
import { LruAnswerCache, memoryOf } from '../../src/resolver/cache/lru.js'

class FakeClock implements Clock {
  constructor(public at: Milliseconds) {}
  now(): Milliseconds {
    return this.at
  }
  wall(): Milliseconds {
    return 0
  }
}

const key = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text, 'latin1'))

t.test('returns what was put until it is deleted', async t => {
  const cache = new LruAnswerCache(10_000, new FakeClock(0))
  const cached = answer()
  t.equal(cache.get(key('a')), undefined)
  cache.put(key('a'), cached)
  t.strictSame(cache.get(key('a')), cached)
  t.equal(cache.entries, 1)
  t.equal(cache.size, memoryOf(cached, 'a'))
  cache.delete(key('a'))
  t.equal(cache.get(key('a')), undefined)
  t.equal(cache.size, 0)
})

const lives = [
  { it: 'at once', storedAt: 5000, now: 5000, cached: true },
  { it: 'a millisecond before the end', storedAt: 5000, now: 14_999, cached: true },
  { it: 'at the end', storedAt: 5000, now: 15_000, cached: false },
  { it: 'when stored at clock 0', storedAt: 0, now: 10_000, cached: false }
]

for (const { it, storedAt, now, cached } of lives) {
  t.test(`a lifetime of 10 seconds ${cached ? 'has not ended' : 'has ended'} ${it}`, async t => {
    const clock = new FakeClock(storedAt)
    const cache = new LruAnswerCache(10_000, clock)
    cache.put(key('a'), answer({ storedAt }))
    clock.at = now
    t.equal(cache.get(key('a')) !== undefined, cached)
    t.equal(cache.entries, cached ? 1 : 0, 'an expired answer is removed')
  })
}

t.test('an answer without lifetime is not cached and replaces nothing', async t => {
  const cache = new LruAnswerCache(10_000, new FakeClock(0))
  const first = answer()
  cache.put(key('a'), answer({ lifetime: 0 }))
  t.equal(cache.entries, 0)
  cache.put(key('a'), first)
  cache.put(key('a'), answer({ lifetime: 0 }))
  t.strictSame(cache.get(key('a')), first)
})

t.test('a later answer replaces an earlier one, in the size too', async t => {
  const cache = new LruAnswerCache(10_000, new FakeClock(0))
  const later = answer({ body: new Uint8Array(50) })
  cache.put(key('a'), answer())
  cache.put(key('a'), later)
  t.strictSame(cache.get(key('a')), later)
  t.equal(cache.size, memoryOf(later, 'a'))
})

t.test('evicts the least recently used answer when the limit is reached', async t => {
  const each = memoryOf(answer(), 'a')
  const cache = new LruAnswerCache(3 * each, new FakeClock(0))
  for (const name of ['a', 'b', 'c']) cache.put(key(name), answer())
  cache.get(key('a'))
  cache.put(key('d'), answer())
  t.strictSame(
    ['a', 'b', 'c', 'd'].filter(name => cache.get(key(name)) !== undefined),
    ['a', 'c', 'd']
  )
  cache.put(key('e'), answer({ body: new Uint8Array(100 + each) }))
  t.equal(cache.entries, 2, 'an answer of double size replaces two')
  t.ok(cache.size <= 3 * each)
})

t.test('the caller may reuse what it put', async t => {
  const cache = new LruAnswerCache(10_000, new FakeClock(0))
  const body = Uint8Array.of(1, 2, 3)
  cache.put(key('a'), answer({ body }))
  body.fill(0)
  t.strictSame(cache.get(key('a'))?.body, Uint8Array.of(1, 2, 3))
})

t.test('an answer above the limit is not cached', async t => {
  const cache = new LruAnswerCache(1000, new FakeClock(0))
  cache.put(key('a'), answer({ body: new Uint8Array(2000) }))
  t.equal(cache.entries, 0)
})

t.test('all parts of an answer count', async t => {
  const bare = memoryOf(answer(), 'a')
  t.equal(memoryOf(answer(), 'abc'), bare + 2)
  t.equal(memoryOf(answer({ body: new Uint8Array(130) }), 'a'), bare + 30)
  const more = [
    answer({ targets: new Uint8Array(9) }),
    answer({ targetKinds: new Uint8Array(1) }),
    answer({ addresses: new Uint32Array(4) }),
    answer({ ede: { code: 1, option: new Uint8Array(6) } })
  ]
  for (const one of more) t.ok(memoryOf(one, 'a') > bare + 100)
})
