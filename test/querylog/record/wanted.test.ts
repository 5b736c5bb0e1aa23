import t from 'tap'
import { VERDICT } from '../../../src/querylog/record/query-event.js'
import { wanted, type Which } from '../../../src/querylog/record/wanted.js'

const cases: { which: Which; has: (keyof typeof VERDICT)[] }[] = [
  { which: 'blocked', has: ['blocked', 'monitored'] },
  { which: 'all', has: Object.keys(VERDICT) as (keyof typeof VERDICT)[] },
  { which: 'none', has: [] }
]
for (const { which, has } of cases) {
  t.test(`${which}: ${has.join(', ')}`, async t =>
    t.strictSame(
      Object.entries(VERDICT).flatMap(([word, verdict]) => (wanted(which, verdict) ? [word] : [])),
      has
    )
  )
}
