import t from 'tap'
import { estimateOf } from '../../src/analysis/replay/estimate.js'

t.test('what a sample says about all lookups', t => {
  const sample = { lookups: 50_000, of: 2_000_000 }
  t.strictSame(estimateOf(0, sample), { lookups: 0, low: 0, high: 154 })
  t.match(estimateOf(100, sample), { lookups: 4_000, low: 3_289, high: 4_865 })
  t.strictSame(estimateOf(3, { lookups: 10, of: 10 }), { lookups: 3, low: 3, high: 9 })
  t.end()
})

t.test('the bounds hold for 95 of 100 samples', t => {
  // A linear congruential generator: the same samples each time.
  let state = 1
  const random = (): number => (state = (state * 48_271) % 2_147_483_647) / 2_147_483_647
  const [of, changed, share] = [20_000, 400, 0.05]
  let [within, samples] = [0, 0]
  for (; samples < 400; samples++) {
    let [lookups, found] = [0, 0]
    for (let i = 0; i < of; i++) {
      if (random() >= share) continue
      lookups++
      if (i < changed) found++
    }
    const { low, high } = estimateOf(found, { lookups, of })
    if (low <= changed && changed <= high) within++
  }
  t.ok(within / samples > 0.92, `${within} of ${samples}`)
  t.end()
})
