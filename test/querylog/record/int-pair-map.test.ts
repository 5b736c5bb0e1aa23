import fc from 'fast-check'
import t from 'tap'
import { IntPairMap } from '../../../src/base/bytes/int-pair-map.js'

/** Keys that are near each other, as claims and records are, and any. */
const key = fc.oneof(fc.integer({ min: -1, max: 40 }), fc.integer())
const change = fc.oneof(
  { weight: 99, arbitrary: fc.record({ a: key, b: key, value: fc.nat() }) },
  { weight: 1, arbitrary: fc.constant('clear' as const) }
)

t.test('behaves like a Map keyed by both keys', async () => {
  fc.assert(
    fc.property(fc.array(change, { maxLength: 400 }), changes => {
      const made = new IntPairMap<number>()
      const plain = new Map<string, number>()
      const asked = new Set<readonly [number, number]>()
      for (const one of changes) {
        if (one === 'clear') {
          made.clear()
          plain.clear()
        } else {
          made.set(one.a, one.b, one.value)
          plain.set(`${one.a} ${one.b}`, one.value)
          asked.add([one.a, one.b]).add([one.b, one.a])
        }
        if (made.size !== plain.size) return false
      }
      return [...asked].every(([a, b]) => made.get(a, b) === plain.get(`${a} ${b}`))
    })
  )
})

t.test('holds thousands of entries, and none after clear', async t => {
  const made = new IntPairMap<number>()
  for (let i = 0; i < 20_000; i++) made.set(i & 3, i, i)
  t.equal(made.size, 20_000)
  t.ok(Array.from({ length: 20_000 }, (_, i) => i).every(i => made.get(i & 3, i) === i))
  t.equal(made.get(1, 2), undefined)
  made.clear()
  t.equal(made.size, 0)
  t.equal(made.get(0, 0), undefined)
})
