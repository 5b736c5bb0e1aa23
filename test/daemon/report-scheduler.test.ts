import t from 'tap'
import { failure } from '../../src/base/errors/error.js'
import { readConfig } from '../../src/gateway/config/load-settings.js'
import {
  ReportScheduler,
  type ReportRun,
  type ReportsRun
} from '../../src/gateway/reports/report-scheduler.js'
import { FakeTime } from '../upstream/fake-time.js'
import { MemoryLog } from './serve.js'

const HOUR = 3_600_000

const run = (over: Partial<ReportRun> = {}): ReportRun => ({
  ...{ name: 'weekly', made: null, error: null, event: null, file: null, mailed: 0 },
  next: new Date(9e12).toISOString(),
  ...over
})

function configOf(reports: string) {
  const read = readConfig(`reports: ${reports}`, '/x/interdict.yaml')
  if (!read.ok) throw new Error('settings')
  return read.config
}

/** A scheduler whose runs give the next of `results`: reports, or an error. */
function scheduler(results: (readonly ReportRun[] | Error)[]) {
  const time = new FakeTime()
  const log = new MemoryLog()
  let runs = 0
  const scheduler = new ReportScheduler({
    log,
    program: '',
    timers: time.timers,
    wall: () => time.clock.wall(),
    run: (): Promise<ReportsRun> => {
      const result = results[runs++] ?? []
      return result instanceof Error ? Promise.reject(result) : Promise.resolve({ reports: result })
    }
  })
  scheduler.update(configOf('[{ report: weekly }]'))
  scheduler.start()
  const advance = async (by: number): Promise<void> => {
    time.advance(by)
    await new Promise(resolve => setImmediate(resolve))
  }
  return { scheduler, time, log, advance, runs: () => runs }
}

t.test('it runs soon after the start, when the next report is due, and once an hour', async t => {
  const {
    time,
    advance,
    runs,
    scheduler: it
  } = scheduler([
    [run()],
    [run({ next: new Date(1_000_000 + 10_000 + HOUR + 60_000).toISOString() })],
    [run({ event: 'made', made: '2026-11-09T05:00:03Z', file: '/r/w.html', mailed: 2 })],
    [run({ next: new Date(0).toISOString() })]
  ])
  t.match(it.status, [{ name: 'weekly', next: null, last: null, error: null }])
  await advance(9_999)
  t.equal(runs(), 0)
  await advance(1)
  t.equal(runs(), 1)
  await advance(HOUR)
  t.equal(runs(), 2)
  await advance(60_000)
  t.equal(runs(), 3)
  t.match(it.status, [{ made: 1, failed: 0, dropped: 0, last: '2026-11-09T05:00:03Z' }])
  await advance(HOUR)
  t.equal(runs(), 4)
  await advance(999)
  t.equal(runs(), 4, 'a run that is due at once waits for a second')
  await it.close()
  t.equal(time.waiting, 0)
})

t.test('failures are logged, counted and shown', async t => {
  const error = { code: 'REPORT_MAIL', message: 'cannot send mail by m: no' }
  const {
    log,
    advance,
    scheduler: it
  } = scheduler([
    [run({ event: 'failed', error })],
    [run({ event: 'dropped', error })],
    [run({ event: 'made', file: '/r/w.html', mailed: 1 })]
  ])
  await advance(10_000)
  t.match(log.with('retrying'), [
    { level: 'warn', fields: { code: 'REPORT_MAIL', report: 'weekly' } }
  ])
  t.match(it.status, [{ failed: 1, error: error.message }])
  await advance(HOUR)
  t.match(log.with('given up'), [{ level: 'error', fields: { code: 'REPORT_MAIL' } }])
  await advance(HOUR)
  t.match(log.with('report made'), [{ fields: { file: '/r/w.html', mailed: 1 } }])
  t.match(it.status, [{ made: 1, failed: 1, dropped: 1, error: null }])
  await it.close()
})

t.test('a run that fails as a whole is repeated after ten minutes, and logged once', async t => {
  const {
    log,
    advance,
    runs,
    scheduler: it
  } = scheduler([
    new Error('killed'),
    new Error('killed'),
    failure('REPORTS_RUN', 'no time zone'),
    [run()]
  ])
  await advance(10_000)
  t.match(it.status[0]!.error, 'could not be made: killed')
  await advance(600_000)
  t.equal(log.with('killed').length, 1)
  await advance(600_000)
  t.match(log.with('no time zone'), [{ fields: { code: 'REPORTS_RUN' } }])
  t.notMatch(log.with('no time zone')[0]!.message, /could not.*could not/)
  await advance(600_000)
  t.equal(runs(), 4)
  t.equal(it.status[0]!.error, null)
  await it.close()
})

t.test('without reports nothing runs; settings may add and remove them', async t => {
  const { advance, runs, scheduler: it } = scheduler([[run()], [run()]])
  it.update(configOf('[]'))
  await advance(HOUR)
  t.equal(runs(), 0)
  t.strictSame(it.status, [])
  it.update(configOf('[{ report: weekly }]'))
  await advance(10_000)
  t.equal(runs(), 1)
  await it.close()
})

t.test(
  'a run ends with the gateway, and settings that change meanwhile start no second one',
  async t => {
    const time = new FakeTime()
    const log = new MemoryLog()
    let runs = 0
    const it = new ReportScheduler({
      ...{ log, program: '', timers: time.timers },
      run: (_config, signal) => {
        runs++
        return new Promise((_, reject) =>
          signal.addEventListener('abort', () => reject(new Error('aborted')))
        )
      }
    })
    it.update(configOf('[{ report: weekly }]'))
    it.start()
    time.advance(10_000)
    it.update(configOf('[{ report: daily }]'))
    time.advance(10_000)
    t.equal(runs, 1)
    await it.close()
    t.strictSame(log.lines, [])
    t.equal(time.waiting, 0)
  }
)

t.test('the program that it runs is this one', async t => {
  const time = new FakeTime()
  const log = new MemoryLog()
  const it = new ReportScheduler({ log, program: 'no-such-program.js', timers: time.timers })
  it.update(configOf('[{ report: weekly }]'))
  it.start()
  time.advance(10_000)
  t.match(await log.says('scheduled reports could not be made'), {
    fields: { code: 'REPORTS_RUN' }
  })
  await it.close()
})
