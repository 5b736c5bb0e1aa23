import t from 'tap'
import { flood } from '../../bench/flood/flood.js'
import type { Clock } from '../../src/base/time/clock.js'
import { LruAnswerCache } from '../../src/resolver/cache/lru.js'
import { allocateCache } from '../../src/resolver/cache/memory.js'
import { PackedAnswerCache } from '../../src/resolver/cache/packed.js'

const clock: Clock = { now: () => 0, wall: () => 0 }
const SIZE = 2 ** 20

for (const perQuestion of [1, 10, 100]) {
  const terms = { hot: 1500, perQuestion, octets: 5 * SIZE }

  t.test(
    `a flood of ${perQuestion} random names for each question leaves popular ones`,
    async t => {
      const { before, during, after, size } = flood(
        new PackedAnswerCache(allocateCache(SIZE, 1, undefined, 1), clock),
        terms
      )
      t.ok(before > 0.99, `before: ${before}`)
      t.ok(during > 0.95, `during: ${during}`)
      t.ok(after > 0.9, `after: ${after}`)
      t.ok(size <= SIZE, `never above the limit: ${size}`)
    }
  )
}

t.test('an LRU cache keeps less, so the result is due to the probation ring', async t => {
  const { during } = flood(new LruAnswerCache(SIZE, clock), {
    hot: 1500,
    perQuestion: 10,
    octets: 5 * SIZE
  })
  t.ok(during < 0.8, `during: ${during}`)
})
