import t from 'tap'
import { answerOf } from '../../bench/kit/answer.js'
import type { Clock } from '../../src/base/time/clock.js'
import { NameScope } from '../../src/resolver/cache/name-scope.js'
import { allocateCache } from '../../src/resolver/cache/memory.js'
import { PackedAnswerCache } from '../../src/resolver/cache/packed.js'
import type { Answer } from '../../src/wire/dns/records/answer.js'
import { readName } from '../../src/wire/dns/name/name.js'

const clock: Clock = { now: () => 0, wall: () => 0 }

const key = (name: string, type = 1): Uint8Array =>
  Uint8Array.from([...readName(name), 0, type, 0, 1, 0])

const answer = (octets = 100, more: Partial<Answer> = {}): Answer =>
  answerOf({ body: new Uint8Array(octets), ...more })

const open = (size: number): PackedAnswerCache =>
  new PackedAnswerCache(allocateCache(size, 1, undefined, 1), clock)

/** Runs all steps. */
function flush(cache: PackedAnswerCache, name: string, below: boolean): number {
  return [...cache.flush(new NameScope(readName(name), below))].reduce((sum, n) => sum + n, 0)
}

const NAMES = ['example', 'www.example', 'a.www.example', 'b.a.www.example', 'awww.example', 'org']

const scopes = [
  { it: 'a name', name: 'www.example', below: false, in: ['www.example'] },
  {
    it: 'a subtree',
    name: 'www.example',
    below: true,
    in: ['www.example', 'a.www.example', 'b.a.www.example']
  },
  { it: 'a top-level domain', name: 'example', below: true, in: NAMES.slice(0, 5) },
  { it: 'only the root', name: '.', below: false, in: [] },
  { it: 'all', name: '.', below: true, in: NAMES },
  { it: 'a name that is not cached', name: 'ww.example', below: true, in: [] },
  { it: 'a length octet that is also a letter', name: 'ww', below: true, in: [] }
] as const

for (const { it, name, below, in: dropped } of scopes) {
  t.test(`flushes ${it}, in all types, and nothing else`, async t => {
    const cache = open(65_536)
    for (const one of NAMES) for (const type of [1, 28]) cache.put(key(one, type), answer())
    const each = cache.size / cache.entries
    t.equal(flush(cache, name, below), 2 * dropped.length)
    t.equal(cache.entries, 2 * (NAMES.length - dropped.length))
    t.ok(Math.abs(cache.size - cache.entries * each) < 2 * 12 * 16, 'their memory is free')
    for (const one of NAMES) {
      const cached = !(dropped as readonly string[]).includes(one)
      for (const type of [1, 28]) t.equal(cache.get(key(one, type)) !== undefined, cached, one)
    }
    t.equal(flush(cache, name, below), 0, 'nothing is left to flush')
  })
}

t.test('octets inside a label are not mistaken for a label boundary', async t => {
  // The last octets of the first label are those of the name www.example.
  const odd = Uint8Array.from([5, 97, ...readName('www.example').subarray(0, 4)])
  const name = Uint8Array.from([...odd, ...readName('example')])
  const scope = new NameScope(readName('www.example'), true)
  t.equal(scope.includes(name, 0, name.length), false)
  t.equal(scope.includes(name, 2, name.length - 2), true)
})

t.test('expired answers are flushed as well', async t => {
  const cache = new PackedAnswerCache(
    allocateCache(65_536, 1, undefined, 1),
    { ...clock, now: () => 11_000 },
    60
  )
  cache.put(key('www.example'), answer())
  t.equal(cache.get(key('www.example')), undefined)
  t.equal(cache.missedExpired, true)
  t.equal(flush(cache, 'www.example', false), 1)
  t.equal(cache.getStale(key('www.example')), undefined)
})

t.test('a cache counts correctly after its segments were reclaimed many times', async t => {
  const cache = open(65_536)
  for (let i = 0; i < 5000; i++) {
    cache.put(key(`n${i}.${i % 3 === 0 ? 'drop' : 'stay'}.example`), answer(20 + (i % 200)))
    if (i % 7 === 0) cache.get(key(`n${i - 70}.drop.example`))
  }
  const before = cache.entries
  const dropped = flush(cache, 'drop.example', true)
  t.ok(dropped > 10 && dropped < before)
  t.equal(cache.entries, before - dropped)
  for (let i = 0; i < 5000; i += 3) t.equal(cache.get(key(`n${i}.drop.example`)), undefined)
  t.equal(flush(cache, '.', true), cache.entries + before - dropped)
  t.strictSame([cache.entries, cache.size], [0, 0])
})

t.test(
  'answers cached before a flush are removed although others are added between its steps',
  async t => {
    // Four segments of 4096 octets.
    const cache = open(16_384)
    for (let i = 0; i < 70; i++) cache.put(key(`n${i}.drop.example`), answer())
    let [steps, dropped, put] = [0, 0, 0]
    for (const some of cache.flush(new NameScope(readName('drop.example'), true))) {
      t.ok(some <= 4096 / 96, 'a step reads no more than a segment')
      dropped += some
      steps++
      for (let i = 0; i < 25; i++) cache.put(key(`m${put++}.stay.example`), answer())
    }
    t.equal(steps, 4)
    t.ok(dropped > 30)
    for (let i = 0; i < 70; i++) t.equal(cache.get(key(`n${i}.drop.example`)), undefined)
    const { entries } = cache
    t.equal(flush(cache, '.', true), entries)
  }
)

t.test('a flushed cache can be filled again', async t => {
  const cache = open(65_536)
  for (let round = 0; round < 3; round++) {
    for (let i = 0; i < 1000; i++) cache.put(key(`n${i}.example`), answer())
    t.ok(cache.entries > 200)
    t.ok(cache.size <= 65_536)
    flush(cache, '.', true)
    t.equal(cache.size, 0)
  }
})
