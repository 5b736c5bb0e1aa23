import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { readReportTime } from '../../src/analysis/settings/reports-schema.js'
import { lastDue, nextDue } from '../../src/analysis/report/schedule/due.js'
import { retryDelay, ScheduleState } from '../../src/analysis/report/schedule/schedule-state.js'
import { readInstant, showInstant } from '../../src/base/time/instant.js'

const ZONE = 'Europe/Brussels'
const cases: readonly [at: string, now: string, last: string, next: string][] = [
  ['06:00', '2026-11-10T05:59', '2026-11-09T06:00', '2026-11-10T06:00'],
  ['06:00', '2026-11-10T06:00', '2026-11-10T06:00', '2026-11-11T06:00'],
  // A Wednesday.
  ['Mon 06:00', '2026-11-11T12:00', '2026-11-09T06:00', '2026-11-16T06:00'],
  ['Sun 23:59', '2026-11-09T00:00', '2026-11-08T23:59', '2026-11-15T23:59'],
  ['1 06:00', '2026-11-01T05:00', '2026-10-01T06:00', '2026-11-01T06:00'],
  ['28 00:00', '2026-03-01T00:00', '2026-02-28T00:00', '2026-03-28T00:00'],
  // Clocks are set forward at 02:00, and back at 03:00.
  ['02:30', '2026-03-29T12:00', '2026-03-29T03:30', '2026-03-30T02:30'],
  ['02:30', '2026-10-25T12:00', '2026-10-25T02:30', '2026-10-26T02:30']
]

for (const [text, now, last, next] of cases) {
  t.test(`${text}, at ${now}`, async t => {
    const at = readReportTime(text)!
    const found = [lastDue, nextDue].map(due => due(at, readInstant(now, ZONE)! * 1000, ZONE))
    t.strictSame(
      found.map(due => showInstant(due / 1000, ZONE).slice(0, 16)),
      [last, next]
    )
  })
}

t.test('times that are not valid', async t => {
  for (const text of ['', '6:00', '24:00', '06:60', 'mon 06:00', '29 06:00', '0 06:00', 'Mon'])
    t.equal(readReportTime(text), undefined, text)
})

t.test('the schedule is kept in a file; one that is damaged counts as none', async t => {
  const folder = mkdtempSync(join(tmpdir(), 'interdict-schedule-'))
  t.teardown(() => rmSync(folder, { recursive: true }))
  const state = new ScheduleState(join(folder, 'state'))
  t.equal(state.read().size, 0)
  const one = {
    done: '2026-11-10T05:00:00.000Z',
    failures: 0,
    retry: null,
    error: null,
    made: null
  }
  state.write(new Map([['daily', one]]))
  t.strictSame(state.read(), new Map([['daily', one]]))
  const path = join(folder, 'state/scheduled-reports.json')
  writeFileSync(path, readFileSync(path, 'utf8').slice(0, -9))
  t.equal(state.read().size, 0)
  t.throws(() => new ScheduleState(path).write(new Map()), {
    code: 'REPORTS_RUN',
    message: /cannot write .*scheduled-reports\.json: (a part|it exists)/
  })
})

t.test('tries are a minute apart at first, and an hour at most', async t => {
  t.strictSame([1, 2, 7, 12].map(retryDelay), [60_000, 120_000, 3_600_000, 3_600_000])
})
