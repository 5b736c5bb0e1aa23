import t from 'tap'
import { namedPeriod, reportPeriod } from '../../src/cli/args/report-period.js'
import type { PeriodKind } from '../../src/analysis/report/questions/periodic.js'
import { readInstant, showInstant } from '../../src/base/time/instant.js'

const ZONE = 'Europe/Brussels'
const at = (text: string): number => readInstant(text, ZONE)! * 1000
const shown = (at: number): string => showInstant(at / 1000, ZONE).slice(0, 16)

/** A Wednesday; on Sunday 2026-10-25 summer time ended. */
const NOW = at('2026-10-28T10:00')

const cases: readonly [PeriodKind, { since?: string; until?: string }, string, string, string][] = [
  ['daily', {}, '2026-10-27T00:00', '2026-10-28T00:00', '2026-10-26T00:00'],
  ['daily', { since: '2026-10-25' }, '2026-10-25T00:00', '2026-10-26T00:00', '2026-10-24T00:00'],
  ['weekly', {}, '2026-10-19T00:00', '2026-10-26T00:00', '2026-10-12T00:00'],
  ['weekly', { until: '2026-10-28' }, '2026-10-21T00:00', '2026-10-28T00:00', '2026-10-14T00:00'],
  ['monthly', {}, '2026-09-01T00:00', '2026-10-01T00:00', '2026-08-01T00:00'],
  ['monthly', { since: '2026-02-01' }, '2026-02-01T00:00', '2026-03-01T00:00', '2026-01-01T00:00'],
  ['monthly', { since: '2026-01-31' }, '2026-01-31T00:00', '2026-02-28T00:00', '2025-12-31T00:00'],
  [
    'monthly',
    { since: '2026-10-01', until: '2026-11-01' },
    ...(['2026-10-01T00:00', '2026-11-01T00:00', '2026-09-01T00:00'] as const)
  ]
]

for (const [kind, { since, until }, first, end, previous] of cases) {
  t.test(`${kind}, since ${since ?? '-'}, until ${until ?? '-'}`, async t => {
    const given = {
      ...(since === undefined ? {} : { since: at(since) }),
      ...(until === undefined ? {} : { until: at(until) })
    }
    const period = reportPeriod(kind, given, ZONE, NOW)
    t.strictSame([period.since, period.until, period.previous].map(shown), [first, end, previous])
  })
}

t.test('words name the current period and the last complete one', async t => {
  for (const [kind, current, last] of [
    ['daily', 'today', 'yesterday'],
    ['weekly', 'this-week', 'last-week'],
    ['monthly', 'this-month', 'last-month']
  ] as const) {
    const [now, before] = [namedPeriod(kind, current, ZONE), namedPeriod(kind, last, ZONE)]
    t.ok(now.since <= Date.now() && Date.now() < now.until, current)
    t.equal(before.until, now.since, last)
    t.throws(() => namedPeriod(kind, 'tomorrow', ZONE), new RegExp(`not ${current} or ${last}`))
  }
})

t.test('a period of another length is refused', async t => {
  const given = { since: at('2026-10-01'), until: at('2026-10-05') }
  t.throws(() => reportPeriod('weekly', given, ZONE), /give one week/)
  t.throws(() => reportPeriod('monthly', given, ZONE), /give one month/)
})
