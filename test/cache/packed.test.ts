import t from 'tap'
import { answerOf as answer } from '../../bench/kit/answer.js'
import { seeded } from '../../bench/kit/random.js'
import type { Clock } from '../../src/base/time/clock.js'
import type { Milliseconds } from '../../src/base/units.js'
import { HashIndex, WAYS } from '../../src/resolver/cache/hash-index.js'
import { NameScope } from '../../src/resolver/cache/name-scope.js'
import { allocateCache } from '../../src/resolver/cache/memory.js'
import { PackedAnswerCache } from '../../src/resolver/cache/packed.js'
import type { Answer } from '../../src/wire/dns/records/answer.js'

class FakeClock implements Clock {
  constructor(public at: Milliseconds) {}
  now(): Milliseconds {
    return this.at
  }
  wall(): Milliseconds {
    return 0
  }
}

const SEED = 1
/** All names. */
const ALL = new NameScope(Uint8Array.of(0), true)
/** Four segments of 4096 octets. */
const SMALL = 16_384

const NO_OCTETS = new Uint8Array(0)

const key = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text, 'latin1'))

/** A one-label name for `key`. */
const named = (number: number): string => {
  const label = String(number)
  return `${String.fromCharCode(label.length)}${label}\0\0\x01\0\x01\0`
}

const open = (clock: Clock = new FakeClock(0), staleMax = 0) =>
  new PackedAnswerCache(allocateCache(SMALL, 8, undefined, SEED), clock, staleMax)

const wholes: { it: string; cached: Partial<Answer> }[] = [
  { it: 'a short answer', cached: { body: Uint8Array.of(1, 2, 3), ttls: Uint16Array.of(1, 2, 3) } },
  { it: 'nothing but a code', cached: { body: NO_OCTETS, ttls: new Uint16Array(0), rcode: 3 } },
  { it: 'flags and counts', cached: { authentic: true, answers: 0xffff, authorities: 0xfffe } },
  { it: 'an upstream', cached: { upstream: 12 } },
  { it: 'no upstream', cached: { upstream: -1 } },
  { it: 'a time with a fraction', cached: { storedAt: 1234567.891 } },
  { it: 'addresses', cached: { addresses: Uint32Array.of(0, 0, 0xffff, 0xc0000201) } },
  {
    it: 'target names',
    cached: { targets: Uint8Array.of(1, 97, 0, 1, 98, 0), targetKinds: Uint8Array.of(1, 3) }
  },
  {
    it: 'an extended error',
    cached: { ede: { code: 22, option: Uint8Array.from({ length: 70 }, (_, i) => i) } }
  }
]

for (const { it, cached } of wholes) {
  t.test(`returns ${it} as it was put`, async t => {
    const whole = answer(cached)
    const cache = open(new FakeClock(whole.storedAt))
    cache.put(key('before'), answer())
    cache.put(key('\x03www\0\xff'), whole)
    cache.put(key('behind'), answer())
    t.strictSame(cache.get(key('\x03www\0\xff')), whole)
  })
}

t.test('a returned answer does not change when its memory is reused', async t => {
  const cache = open()
  cache.put(key('a'), answer({ body: Uint8Array.of(7) }))
  const given = cache.get(key('a'))
  for (let i = 0; i < 1000; i++) cache.put(key(`${i}`), answer())
  t.strictSame(given?.body, Uint8Array.of(7))
})

t.test('counts entries and size until they are deleted', async t => {
  const cache = open()
  t.equal(cache.get(key('a')), undefined)
  cache.put(key('a'), answer())
  cache.put(key('b'), answer())
  t.equal(cache.entries, 2)
  t.ok(cache.size >= 200)
  cache.delete(key('a'))
  t.equal(cache.get(key('a')), undefined)
  t.not(cache.get(key('b')), undefined)
  cache.delete(key('b'))
  t.equal(cache.entries, 0)
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
    const cache = open(clock)
    cache.put(key('a'), answer({ storedAt }))
    clock.at = now
    t.equal(cache.get(key('a')) !== undefined, cached)
    t.equal(cache.entries, cached ? 1 : 0, 'an expired answer is removed')
  })
}

const stales = [
  { it: 'a millisecond before it expires', now: 9_999, fresh: true, stale: true },
  { it: 'when it expires', now: 10_000, fresh: false, stale: true },
  { it: 'until the stale limit', now: 14_999, fresh: false, stale: true },
  { it: 'after the stale limit', now: 15_000, fresh: false, stale: false }
]

for (const { it, now, fresh, stale } of stales) {
  t.test(`an answer that is stale ${it}`, async t => {
    const clock = new FakeClock(0)
    const cache = open(clock, 5)
    cache.put(key('a'), answer({ rcode: 3 }))
    clock.at = now
    t.equal(cache.getStale(key('a'))?.rcode, stale ? 3 : undefined)
    t.equal(cache.get(key('a'))?.rcode, fresh ? 3 : undefined)
    t.equal(cache.missedExpired, stale && !fresh)
    t.equal(cache.entries, stale ? 1 : 0, 'an answer that is too old is removed')
  })
}

t.test('an expired answer stays as long as it is used', async t => {
  const clock = new FakeClock(0)
  const cache = open(clock, 1000)
  cache.put(key('a'), answer({ rcode: 3 }))
  cache.put(key('unused'), answer())
  clock.at = 10_000
  for (let i = 0; i < 2000; i++) {
    cache.put(key(`${i}`), answer({ storedAt: 10_000 }))
    // Else it would stay on probation, like the unused one.
    cache.get(key(`${i}`))
    if (i % 20 === 0) t.equal(cache.getStale(key('a'))?.rcode, 3)
  }
  t.equal(cache.getStale(key('unused')), undefined)
})

t.test('an answer without lifetime is not cached and replaces nothing', async t => {
  const cache = open()
  cache.put(key('a'), answer({ lifetime: 0 }))
  t.equal(cache.entries, 0)
  cache.put(key('a'), answer({ rcode: 3 }))
  cache.put(key('a'), answer({ lifetime: 0 }))
  t.equal(cache.get(key('a'))?.rcode, 3)
})

t.test('a later answer replaces an earlier one, in the size too', async t => {
  const cache = open()
  cache.put(key('a'), answer({ body: new Uint8Array(500) }))
  const { size } = cache
  cache.put(key('a'), answer({ rcode: 3 }))
  t.equal(cache.get(key('a'))?.rcode, 3)
  t.equal(cache.entries, 1)
  t.ok(cache.size < size)
})

t.test('a popular answer outlives any number of new ones', async t => {
  const cache = open()
  cache.put(key('a'), answer({ rcode: 3 }))
  for (let i = 0; i < 2000; i++) {
    cache.put(key(`${i}`), answer())
    if (i % 20 === 0) t.equal(cache.get(key('a'))?.rcode, 3)
    t.ok(cache.size <= SMALL)
  }
  t.equal(cache.get(key('1900')), undefined, 'one of them')
  t.not(cache.get(key('1999')), undefined, 'the newest')
})

t.test('new answers are cached even if all others are in use', async t => {
  const cache = open()
  let wrong = 0
  for (let i = 0; i < 2000; i++) {
    cache.put(key(`${i}`), answer({ upstream: i }))
    for (let k = Math.max(0, i - 200); k <= i; k++) {
      const cached = cache.get(key(`${k}`))
      if (cached !== undefined && cached.upstream !== k) wrong++
    }
    if (cache.get(key(`${i}`))?.upstream !== i) wrong++
  }
  t.equal(wrong, 0)
})

t.test('a used answer does not stay after it has expired', async t => {
  const clock = new FakeClock(0)
  const cache = open(clock)
  cache.put(key('a'), answer())
  cache.get(key('a'))
  clock.at = 100_000
  for (let i = 0; i < 200; i++) cache.put(key(`${i}`), answer({ storedAt: 100_000 }))
  clock.at = 0
  t.equal(cache.get(key('a')), undefined)
})

t.test(
  'an answer larger than half a segment is not cached, and the one it replaces is removed',
  async t => {
    const cache = open()
    cache.put(key('a'), answer())
    cache.put(key('a'), answer({ body: new Uint8Array(2000) }))
    t.equal(cache.entries, 0)
    cache.put(key('a'), answer({ body: new Uint8Array(1900) }))
    t.equal(cache.get(key('a'))?.body.length, 1900)
  }
)

t.test('no answer is ever returned for another question', async t => {
  const random = seeded(3)
  const below = (count: number): number => Math.floor(random() * count)
  const clock = new FakeClock(0)
  const memory = allocateCache(SMALL, 8, undefined, SEED)
  // As two threads see it, by turns.
  const [one, other] = [1, 2].map(owner => new PackedAnswerCache(memory, clock, 5, owner))
  const latest = new Map<string, number>()
  let wrong = 0
  for (let i = 0; i < 50_000; i++) {
    const cache = below(2) === 0 ? one! : other!
    // Some names often, some now and then, most rarely.
    const name = named(below([20, 200, 2000][below(3)]!))
    const upstream = cache.get(key(name))?.upstream ?? cache.getStale(key(name))?.upstream
    if (upstream !== undefined && upstream !== latest.get(name)) wrong++
    if (upstream === undefined || below(10) === 0) {
      latest.set(name, i)
      const body = new Uint8Array(below(300))
      cache.put(key(name), answer({ body, upstream: i, storedAt: clock.at }))
    } else if (below(50) === 0) {
      cache.delete(key(name))
      latest.delete(name)
    }
    if (cache.size > SMALL) wrong++
    clock.at += below(10)
  }
  t.equal(wrong, 0)
  const cached = one!.entries
  t.ok(cached > 20)
  t.equal(
    [...other!.flush(ALL)].reduce((sum, dropped) => sum + dropped, 0),
    cached
  )
  t.strictSame([one!.entries, one!.size], [0, 0])
})

const indexOf = (entries: number): HashIndex =>
  new HashIndex(new Uint8Array(entries), new Int32Array(entries))

t.test('a ghost does not match another question', async t => {
  const index = indexOf(1024)
  const random = seeded(1)
  const hash = (): number => Math.floor(random() * 2 ** 32) | 0
  const known = Array.from({ length: 400 }, hash)
  for (const one of known) {
    const entry = index.free(one)
    index.set(entry, one, 1)
    index.setGhost(entry, one)
    t.equal(index.next(one, index.first(one)), -1, 'it has no location')
  }
  t.ok(known.filter(one => index.findGhost(one) >= 0).length > 390)
  const others = Array.from({ length: 100_000 }, hash)
  const taken = others.filter(one => index.findGhost(one) >= 0).length
  t.equal(taken, 0)
})

t.test('a ghost entry is free for a new answer', async t => {
  const index = indexOf(WAYS)
  for (let i = 0; i < WAYS; i++) {
    const entry = index.free(i << 16)
    index.set(entry, i << 16, i + 1)
    if (i < 3) index.setGhost(entry, i << 16)
  }
  const given = [100, 101, 102].map(place => {
    const entry = index.free(place << 16)
    index.set(entry, place << 16, place)
    return entry
  })
  t.equal(new Set(given).size, 3)
  t.equal(index.free(0), -1)
  for (let i = 3; i < WAYS; i++) t.equal(index.location(index.entryOf(i << 16, i + 1)), i + 1)
})

t.test('an evicted answer that returns stays through a flood', async t => {
  const cache = open()
  const fill = (from: number, count: number): void => {
    for (let i = from; i < from + count; i++) cache.put(key(`n${i}`), answer())
  }
  fill(0, 500)
  cache.put(key('a'), answer())
  fill(1000, 40)
  t.equal(cache.get(key('a')), undefined)
  cache.put(key('a'), answer())
  fill(2000, 500)
  t.not(cache.get(key('a')), undefined)
})

t.test('touch has no effect on entries', async t => {
  const cache = open()
  cache.put(key(named(1)), answer())
  const { size, entries } = cache
  for (let i = 0; i < 3; i++) for (const it of [named(1), named(2)]) cache.touch(key(it))
  t.strictSame([cache.size, cache.entries, cache.missedExpired], [size, entries, false])
  t.notOk(cache.claimPrefetch(key(named(1))), 'it was not used')
  t.strictSame(cache.get(key(named(1))), answer())
  t.equal(cache.get(key(named(2))), undefined)
})
