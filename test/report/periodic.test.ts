import t, { type Test } from 'tap'
import { openDatabase, type Database } from '../../src/lookups/archive/database.js'
import type { QueryRecord } from '../../src/lookups/event/schema.js'
import { periodic, type PeriodKind } from '../../src/analysis/report/questions/periodic.js'
import type { RuleFacts } from '../../src/analysis/report/questions/rule-facts.js'
import type { Report, Table } from '../../src/analysis/report/report.js'
import { lines, logFolder, record } from '../querylog/archive/lines.js'
import { PLAIN } from './day.js'
import { assertTranslated } from './translated.js'

const at = (text: string): number => Date.parse(`${text}T00:00:00Z`)
const DAY = 86_400_000

async function logOf(t: Test, ...records: readonly QueryRecord[]): Promise<Database> {
  const database = await openDatabase({ memory: 2 ** 28, threads: 1 })
  t.teardown(() => database.close())
  await database.openLog(logFolder(t, { 'queries.jsonl': lines(...records) }))
  return database
}

const blocked = (day: string, app: string, network = 'phones'): QueryRecord =>
  record(`${day}T09:30:00.000Z`, { app, network })

const NETWORKS = ['phones']
const RULES: RuleFacts = {
  rules: { sha256: 'ab', serial: null },
  networks: 3,
  bansInForce: 4,
  uncovered: [
    { network: 'museum', lacks: ['TikTok', 'DeepSeek'] },
    ...['a', 'b', 'c'].map(network => ({ network, lacks: ['TikTok'] }))
  ],
  dates: [
    { at: new Date(at('2026-10-01')), kind: 'ban', id: 'late', what: 'review' },
    { at: new Date(at('2026-11-03')), kind: 'ban', id: 'new', what: 'starts' },
    { at: new Date(at('2026-11-04')), kind: 'exception', id: 'old', what: 'ends' },
    { at: new Date(at('2026-11-12')), kind: 'exception', id: 'press', what: 'ends' },
    { at: new Date(at('2026-11-30')), kind: 'exception', id: 'later', what: 'ends' },
    { at: new Date(at('2026-12-01')), kind: 'ban', id: 'trial', what: 'ends' },
    { at: new Date(at('2027-06-01')), kind: 'ban', id: 'far', what: 'ends' }
  ].map(date => {
    const lastDay = date.what === 'ends' ? `before ${date.id}` : null
    return { ...date, lastDay, networks: NETWORKS, by: 'council' } as RuleFacts['dates'][number]
  })
}

const table = ({ tables }: Report, id: string): Table => tables.find(it => it.id === id)!
const column = ({ columns, rows }: Table, key: string): unknown[] => {
  const at = columns.findIndex(it => it.key === key)
  return rows.map(row => row[at])
}

async function reportOf(
  t: Test,
  kind: PeriodKind,
  records: readonly QueryRecord[],
  options: Partial<typeof PLAIN> = {}
): Promise<Report> {
  const since = at('2026-11-02')
  const until = kind === 'daily' ? since + DAY : since + 7 * DAY
  const selection = { since, until, timeZone: 'UTC' }
  const previous = since - 7 * DAY
  const log = await logOf(t, ...records)
  const report = await periodic(log, kind, selection, { ...PLAIN, previous, ...options })
  assertTranslated(t, report)
  return report
}

t.test('a weekly report has every day, and compares apps with the week before', async t => {
  const report = await reportOf(t, 'weekly', [
    blocked('2026-10-26', 'gone'),
    blocked('2026-10-26', 'tiktok'),
    ...['2026-11-02', '2026-11-03', '2026-11-03'].map(day => blocked(day, 'tiktok')),
    blocked('2026-11-08', 'fresh')
  ])
  t.equal(report.title, 'Weekly report, 2026-11-02 to 2026-11-08')
  t.strictSame(column(table(report, 'days'), 'lookups'), [1, 2, 0, 0, 0, 0, 1])
  t.equal(table(report, 'days').chart!.labels.length, 7)
  const trend = table(report, 'trend-apps')
  t.strictSame(trend.rows, [
    ['tiktok', 3, 1, 2],
    ['fresh', 1, 0, null],
    ['gone', 0, 1, -1]
  ])
  t.strictSame(table(report, 'trend-networks').rows, [['phones', 4, 2, 1]])
  const compared = report.facts.find(([label]) => label === 'Compared')
  t.equal(compared![1], 'blocked +100% against the week before (2)')
  t.match(report.tiles![1], { value: 1, note: '4 lookups, +100% on the week before' })
  t.strictSame(column(table(report, 'apps'), 'share'), [0.75, 0.25])
  t.strictSame(report.remarks, ['The rules could not be read, so this report has the log only.'])
})

t.test('the log may begin within the week before, or later', async t => {
  const short = await reportOf(t, 'weekly', [
    blocked('2026-10-30', 'tiktok'),
    blocked('2026-11-02', 'tiktok')
  ])
  t.match(short.remarks[0], 'The week before is not complete: its first lookup is of 2026-10-30')
  const none = await reportOf(t, 'weekly', [blocked('2026-11-02', 'tiktok')])
  t.equal(table(none, 'trend-apps'), undefined)
  const young = await reportOf(t, 'weekly', [blocked('2026-11-20', 'tiktok')])
  t.match(young.remarks[0], 'The log has no lookups of that week: it starts at 2026-11-20 09:30.')
})

t.test('rules: what began, ended and comes next, with what calls for action marked', async t => {
  const report = await reportOf(t, 'weekly', [blocked('2026-11-02', 'tiktok')], { rules: RULES })
  t.strictSame(column(table(report, 'changes'), 'id'), ['new', 'old'])
  const upcoming = table(report, 'upcoming')
  t.strictSame(column(upcoming, 'id'), ['late', 'trial'])
  t.strictSame(column(upcoming, 'lastDay'), [null, 'before trial'])
  t.strictSame(upcoming.marks, ['overdue', null])
  const ending = table(report, 'ending-exceptions')
  t.strictSame(column(ending, 'exception'), ['press', 'later'])
  t.strictSame(column(ending, 'days'), [3, 21])
  t.strictSame(column(ending, 'lastDay'), ['before press', 'before later'])
  t.strictSame(ending.marks, ['ends soon', null])
  t.strictSame(table(report, 'uncovered').marks, Array(4).fill('not covered'))
  t.match(report.tiles!.slice(2, 4), [
    { value: 4, note: '1 ends within 30 days' },
    { value: 4, note: 'of 3: museum, a, b and 1 more', warn: true }
  ])
  t.match(
    report.facts.find(([label]) => label === 'Bans in force'),
    ['Bans in force', '4 (1 ends within 30 days)']
  )
  const covered = { ...RULES, uncovered: [] }
  const fine = await reportOf(t, 'daily', [blocked('2026-11-02', 'tiktok')], { rules: covered })
  t.match(fine.tiles![3], { value: 0, note: 'every scope is covered', warn: false })
  t.equal(table(fine, 'changes'), undefined, 'not of a day')
})

t.test('a week that has not ended: what comes next is seen from now', async t => {
  const now = at('2026-11-03') + DAY / 2
  const records = [blocked('2026-11-02', 'tiktok')]
  const report = await reportOf(t, 'weekly', records, { rules: RULES, now })
  t.strictSame(column(table(report, 'changes'), 'id'), ['new'])
  const ending = table(report, 'ending-exceptions')
  t.strictSame(column(ending, 'exception'), ['old', 'press', 'later'])
  t.strictSame(column(ending, 'days'), [1, 9, 27])
})

t.test('the day so far: the axis has all hours, the table those that have begun', async t => {
  const now = at('2026-11-02') + 10.5 * 3_600_000
  const report = await reportOf(t, 'daily', [blocked('2026-11-02', 'tiktok')], { now })
  const { chart, rows } = table(report, 'hours')
  t.equal(chart!.labels.length, 24)
  t.equal(chart!.labels[0], '00:00')
  t.equal(rows.length, 11)
})

t.test('a day is compared with the same weekday of the week before', async t => {
  const comparedWith = async (days: readonly string[], options = {}): Promise<string> => {
    const records = days.map(day => blocked(day, 'tiktok'))
    const { facts } = await reportOf(t, 'daily', records, options)
    return facts.find(([label]) => label === 'Compared')?.[1] ?? ''
  }
  const TEXT = 'same weekday of the week before'
  // 2026-11-02 is a Monday. The busy days before it do not count.
  const weekend = ['2026-10-31', '2026-10-31', '2026-11-01', '2026-11-01', '2026-11-01']
  t.equal(
    await comparedWith(['2026-10-26', ...weekend, '2026-11-02', '2026-11-02']),
    `blocked +100% against the ${TEXT} (1)`
  )
  t.equal(await comparedWith([...weekend, '2026-11-02']), `no lookups of the ${TEXT} in the log`)
  // Both are of 09:30: the day so far ends before that.
  const now = at('2026-11-02') + 8 * 3_600_000
  t.equal(
    await comparedWith(['2026-10-26', '2026-11-02'], { now }),
    `no lookups of the ${TEXT} in the log`
  )
})

t.test('bypass lookups that were answered are counted and marked', async t => {
  const canary = (verdict: string): QueryRecord =>
    record('2026-11-02T10:00:00.000Z', {
      qname: 'use-application-dns.net',
      app: 'x',
      verdict
    })
  const report = await reportOf(t, 'daily', [
    ...['blocked', 'forwarded', 'local', 'refused', 'failed'].map(canary),
    record('2026-11-02T10:00:00.000Z', { qname: 'dns.google', app: 'y', verdict: 'blocked' })
  ])
  t.match(report.tiles![4], { value: 1, note: 'of 6 lookups to bypass the resolver', warn: true })
  t.match(report.tiles![0], { value: 6, note: '2 matched a rule' })
  const bypass = table(report, 'bypass')
  t.strictSame(bypass.marks!.toSorted(), ['not blocked', null])
})
