import t from 'tap'
import { nextRefresh } from '../../../src/sources/http/refresh-time.js'

const HOUR = 3_600_000
const DAY = 24 * HOUR
const NOW = Date.UTC(2026, 10, 26)
const at = (past: number): string => new Date(NOW - past).toISOString()

const cases = [
  { it: 'never looked for: now', tried: '', failures: 0, random: 0.5, after: 0 },
  {
    it: 'looked for an hour ago: a day from then',
    tried: at(HOUR),
    failures: 0,
    random: 0.5,
    after: 23 * HOUR
  },
  { it: 'at the earliest a tenth before', tried: at(0), failures: 0, random: 0, after: DAY * 0.9 },
  { it: 'at the latest a tenth behind', tried: at(0), failures: 0, random: 1, after: DAY * 1.1 },
  { it: 'a failure: a minute', tried: at(0), failures: 1, random: 0.5, after: 60_000 },
  {
    it: 'the third in a row: four minutes',
    tried: at(0),
    failures: 3,
    random: 0.5,
    after: 240_000
  },
  { it: 'the thousandth: an hour', tried: at(0), failures: 1000, random: 0.5, after: HOUR },
  {
    it: 'looked for tomorrow, for the clock was set back: now',
    tried: at(-DAY),
    failures: 0,
    random: 0.5,
    after: 0
  }
]

for (const { it, tried, failures, random, after } of cases) {
  t.test(it, async t => {
    const due = nextRefresh({ refresh: DAY }, { tried, failures }, NOW, () => random)
    t.equal(Math.round(due - NOW), Math.round(after))
  })
}

t.test('a failure is not retried sooner than a short refresh interval', async t => {
  const record = { tried: at(0), failures: 9 }
  t.equal(nextRefresh({ refresh: 120_000 }, record, NOW, () => 0.5) - NOW, 120_000)
})
