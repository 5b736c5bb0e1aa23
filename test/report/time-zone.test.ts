/** Days and hours of a report are those of its time zone. */
import t, { type Test } from 'tap'
import { toText } from '../../src/cli/output/log/report-text.js'
import { openDatabase, type Database } from '../../src/lookups/archive/database.js'
import { toCsv } from '../../src/analysis/report/output/csv.js'
import { toHtml } from '../../src/analysis/report/output/html.js'
import { toJson } from '../../src/analysis/report/output/json.js'
import { bypass } from '../../src/analysis/report/questions/bypass.js'
import { overview } from '../../src/analysis/report/questions/overview.js'
import type { Key } from '../../src/analysis/report/questions/count-by-key.js'
import type { Report } from '../../src/analysis/report/report.js'
import { lines, logFolder, record } from '../querylog/archive/lines.js'
import { dailyReport, ORIGIN } from './day.js'

async function logOf(t: Test, ...times: readonly string[]): Promise<Database> {
  const database = await openDatabase({ memory: 2 ** 28, threads: 1 })
  t.teardown(() => database.close())
  await database.openLog(logFolder(t, { 'queries.jsonl': lines(...times.map(at => record(at))) }))
  return database
}

/** The key and the number of lookups of each row, as JSON has them. */
function counts(report: Report, key: string): [string, number][] {
  const { tables } = JSON.parse(toJson(report)) as {
    tables: Record<string, Record<string, unknown>[]>
  }
  const rows = Object.values(tables)[0]!
  return rows.map(row => [String(row[key]), Number(row.lookups)])
}

/** Around the end of summer time, 2026-10-25 at 01:00 UTC: the day has 25 hours. */
const AUTUMN = [
  '2026-10-24T21:59:59.999Z', // 23:59:59 of the 24th
  '2026-10-24T22:00:00.000Z', // 00:00 of the 25th
  '2026-10-25T00:30:00.000Z', // 02:30, summer time
  '2026-10-25T01:30:00.000Z', // 02:30, winter time
  '2026-10-25T22:59:59.999Z', // 23:59:59 of the 25th
  '2026-10-25T23:00:00.000Z' // 00:00 of the 26th
]

const cases: readonly { zone: string; by: Key; rows: [string, number][] }[] = [
  {
    zone: 'Europe/Brussels',
    by: 'day',
    rows: [
      ['2026-10-24T00:00:00.000+02:00', 1],
      ['2026-10-25T00:00:00.000+02:00', 4],
      ['2026-10-26T00:00:00.000+01:00', 1]
    ]
  },
  {
    zone: 'Europe/Brussels',
    by: 'hour',
    rows: [
      ['2026-10-24T23:00:00.000+02:00', 1],
      ['2026-10-25T00:00:00.000+02:00', 1],
      ['2026-10-25T02:00:00.000+02:00', 1],
      ['2026-10-25T02:00:00.000+01:00', 1],
      ['2026-10-25T23:00:00.000+01:00', 1],
      ['2026-10-26T00:00:00.000+01:00', 1]
    ]
  },
  {
    zone: 'Asia/Kolkata',
    by: 'hour',
    rows: [
      ['2026-10-25T03:00:00.000+05:30', 2],
      ['2026-10-25T06:00:00.000+05:30', 1],
      ['2026-10-25T07:00:00.000+05:30', 1],
      ['2026-10-26T04:00:00.000+05:30', 2]
    ]
  },
  {
    zone: 'UTC',
    by: 'day',
    rows: [
      ['2026-10-24T00:00:00.000Z', 2],
      ['2026-10-25T00:00:00.000Z', 4]
    ]
  }
]

for (const { zone, by, rows } of cases) {
  t.test(`counts by ${by} in ${zone}`, async t => {
    const log = await logOf(t, ...AUTUMN)
    const report = await overview(log, by, { timeZone: zone, all: true }, 20)
    t.strictSame(counts(report, by), rows)
    const { labels, series } = report.tables[0]!.chart!
    t.equal(new Set(labels).size >= rows.length - 1, true, 'the repeated hour has its label twice')
    t.equal(
      series[0]!.values.reduce((sum, n) => sum + n, 0),
      AUTUMN.length
    )
  })
}

t.test('every output says which time zone it has', async t => {
  const log = await logOf(t, ...AUTUMN)
  const report = await overview(log, 'day', { timeZone: 'Europe/Brussels', all: true }, 20)
  t.match(toText(report, 80), /^Time zone +Europe\/Brussels$/m)
  t.match(toText(report, 80), /2026-10-24 23:59 to 2026-10-26 00:00/)
  t.match(toHtml(report, ORIGIN), '<dt>Time zone</dt><dd>Europe/Brussels</dd>')
  t.match(JSON.parse(toJson(report)), { timeZone: 'Europe/Brussels' })
  t.match(toCsv(report), '\r\n2026-10-25T00:00:00.000+02:00,4,')
})

t.test('a daily report is of a local day, and compared with local days', async t => {
  const log = await logOf(t, ...AUTUMN)
  const [since, until] = ['2026-10-24T22:00:00Z', '2026-10-25T23:00:00Z'].map(Date.parse)
  const day = { since: since!, until: until!, timeZone: 'Europe/Brussels', all: true }
  const { title, facts } = await dailyReport(log, day)
  t.equal(title, 'Daily report, 2026-10-25')
  const shown = new Map(facts.map(([label, text]) => [label, text]))
  t.equal(shown.get('Period'), '2026-10-25 00:00 to 2026-10-26 00:00')
  t.match(shown.get('Lookups'), /^4: /)
  t.match(shown.get('Compared'), 'no lookups of the same weekday of the week before in the log')
})

t.test('a network is quiet on a local day', async t => {
  const hours = (from: string, count: number, step: number): string[] =>
    Array.from({ length: count }, (_, i) =>
      new Date(Date.parse(from) + i * step * 60_000).toISOString()
    )
  // Monday to Wednesday, local days, each looked at from its first minutes to its last.
  const busy = hours('2026-11-01T23:00:00Z', 2 * 144, 10)
  const quiet = ['2026-11-03T23:01:00.000Z', '2026-11-04T22:59:00.000Z']
  const log = await logOf(t, ...busy, ...quiet)
  const { tables } = await bypass(log, { timeZone: 'Europe/Brussels' }, [], 20)
  const { rows, columns } = tables.find(({ id }) => id === 'fallen')!
  t.equal(rows.length, 1)
  const row = Object.fromEntries(columns.map(({ key }, i) => [key, rows[0]![i]]))
  t.match(row, { day: new Date('2026-11-03T23:00:00Z'), lookups: 2, usual: 144 })
})
