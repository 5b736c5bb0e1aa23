import { mkdirSync } from 'node:fs'
import { dirname, join } from 'node:path'
import t, { type Test } from 'tap'
import { seeded } from '../../bench/kit/random.js'
import { openDatabase, type Database } from '../../src/lookups/archive/database.js'
import type { QueryRecord } from '../../src/lookups/event/schema.js'
import type { Log } from '../../src/analysis/report/log.js'
import { toJson } from '../../src/analysis/report/output/json.js'
import { banReport } from '../../src/analysis/report/questions/ban.js'
import { bypass } from '../../src/analysis/report/questions/bypass.js'
import { newNames } from '../../src/analysis/report/names/new-names.js'
import { overview } from '../../src/analysis/report/questions/overview.js'
import type { Filters, Selection } from '../../src/analysis/report/questions/selection.js'
import { REPORT_KEYS } from '../../src/lookups/sql/report-keys.js'
import type { Report } from '../../src/analysis/report/report.js'
import { tendOnce } from '../querylog/archive/chain/rig.js'
import { lines, logFolder, record } from '../querylog/archive/lines.js'
import { dailyReport } from './day.js'
import { IS_FUZZING } from '../runs.js'

const TOP = 20
const ZONES = ['UTC', 'Europe/Brussels', 'Asia/Kolkata', 'America/New_York']
const HOUR = 3_600_000
const DAY = 24 * HOUR
const START = Date.UTC(2026, 10, 2)
const DAYS = 9
const NOW = START + DAYS * DAY + 9.5 * HOUR

const one = <T>(random: () => number, ...of: readonly T[]): T =>
  of[Math.floor(random() * of.length)]!

/** Lookups of which some lack what others have, at odd times and at the very edges of days. */
function awkward(random: () => number, at: number): QueryRecord {
  const edge = one(random, 0, 0, 0, 1, -1)
  const time = new Date(edge === 0 ? at : Math.ceil(at / DAY) * DAY + edge - 1)
  const verdict = one(random, 'blocked', 'blocked', 'monitored', 'allowed', 'cached', 'failed')
  const client = one(random, '10.20.3.4', '10.20.3.0/24', '0123456789abcdef')
  const isNone = random() < 0.1
  const ruled = {
    app: one(random, 'tiktok', 'snapchat', 'encrypted-dns', 'private-relay', undefined),
    ban: one(random, 'federal-tiktok', 'schools', undefined),
    exception: verdict === 'allowed' ? one(random, 'press', undefined) : undefined,
    match: one(random, 'qname', 'cname', undefined),
    pattern: one(random, 'tiktok.com', '*.example', undefined),
    rule: one(random, 'networks.yaml:7', undefined)
  }
  return record(time.toISOString(), {
    client: isNone ? undefined : client,
    privacy: isNone ? 'none' : undefined,
    network: one(random, 'phones', 'phones', "o'ffice", undefined),
    qname: one(
      random,
      'www.tiktok.com',
      'tiktok.com',
      'use-application-dns.net',
      '_dns.resolver.arpa',
      `n${Math.floor(random() * 30)}.example`
    ),
    qtype: one(random, 'A', 'AAAA', 'HTTPS'),
    generation: one(random, 1, 2),
    sha256: one(random, 'aa', undefined),
    serial: one(random, 7, undefined),
    verdict,
    ...(random() < 0.2 ? { app: undefined, match: undefined } : ruled)
  })
}

function lookups(count: number): QueryRecord[] {
  const random = seeded(1)
  const times = Array.from({ length: count }, () => START + random() * (NOW - START)).sort()
  return times.map(at => awkward(random, at)).filter(({ time }) => Date.parse(time) < NOW)
}

const nameOf = (day: string, n: number): string =>
  `queries-${day.replaceAll('-', '')}T2359${50 + n}.000Z.jsonl`

/** The same lookups as lines alone, and as most logs are: Parquet with tallies, and lines. */
async function twoLogs(t: Test): Promise<{ plain: string; tallied: string }> {
  const all = lookups(IS_FUZZING ? 4000 : 2000)
  const today = new Date(NOW).toISOString().slice(0, 10)
  const files = new Map<string, QueryRecord[]>()
  for (const [i, lookup] of all.entries()) {
    const day = lookup.time.slice(0, 10)
    const file = day === today && i % 2 === 0 ? 'queries.jsonl' : nameOf(day, i % 3)
    files.set(file, [...(files.get(file) ?? []), lookup])
  }
  const texts = [...files].map(([file, some]) => [file, lines(...some)] as const)
  const tallied = logFolder(t, Object.fromEntries(texts))
  t.match(await tendOnce(tallied, new Date(NOW).toISOString(), {}), { done: true })
  // Of today, one file stays lines, and others put one there that has fewer columns, and other days.
  const foreign = [START - DAY, START + HOUR, NOW - HOUR].map(at => {
    const time = new Date(at).toISOString()
    return { v: 1, time, client: 'x', qname: 'tiktok.com', verdict: 'blocked', app: 'tiktok' }
  })
  const stored = join(dirname(tallied), `archive/day=${today}`, 'other.parquet')
  const text = logFolder(t, { 'queries.jsonl': lines(...foreign) })
  const database = await openDatabase({ memory: 2 ** 28, threads: 1 })
  await database.run(
    `COPY (SELECT v, time::TIMESTAMP AS time, client, qname, verdict, app FROM read_json('${text}')) TO '${stored}' (FORMAT parquet)`
  )
  database.close()
  const plain = logFolder(t, { 'queries.jsonl': lines(...all, ...foreign) })
  return { plain, tallied }
}

const WEEK = { since: NOW - 7 * DAY }
const EVERYTHING = {}
const periods: Readonly<Record<string, Filters>> = {
  'all time': {},
  'a week, as --since says it': WEEK,
  'whole days': { since: START + 2 * DAY, until: START + 5 * DAY },
  'from within an hour to within another': {
    since: START + 1.37 * DAY,
    until: START + 6 * DAY + 11.11 * HOUR
  },
  'within a day': { since: START + 3 * DAY + 2 * HOUR, until: START + 3 * DAY + 9 * HOUR },
  'a millisecond less than a day': { since: START + DAY + 1, until: START + 2 * DAY },
  'a day, but for its last millisecond': { since: START + DAY, until: START + 2 * DAY - 1 },
  'before all': { until: START - 2 * DAY }
}
const called = [{ names: ['10.20.3.4'], since: START + DAY, until: START + 3 * DAY }]
const filters: Readonly<Record<string, Filters>> = {
  'what is ruled': EVERYTHING,
  'no rule': { all: true },
  'an app': { app: 'tiktok' },
  'a ban': { ban: 'federal-tiktok' },
  'a network': { network: "o'ffice", all: true },
  'a name': { name: { shown: '', name: 'tiktok.com', cover: 'suffix' }, all: true },
  'a client': { clients: { shown: 'x', aliases: called }, all: true },
  'a client of any time': { clients: { shown: 'x', aliases: [{ names: ['10.20.3.4'] }] } }
}
/** Asked as others are, so that one filter is as good as another. */
const ALIKE = new Set(['exception', 'match', 'type', 'day', 'client, one row', 'daily'])
const BYPASS = ['encrypted-dns', 'private-relay', 'firefox-canary']
const LISTED = {
  isListed: () => false,
  domains: new Map([
    ['new-host.example', 'tiktok'],
    ['example.com', 'tiktok']
  ])
}
const reports: Readonly<Record<string, (log: Log, selection: Selection) => Promise<Report>>> = {
  ...Object.fromEntries(
    REPORT_KEYS.map(key => [key, (log: Log, of: Selection) => overview(log, key, of, TOP)])
  ),
  'client, one row': (log, of) => overview(log, 'client', of, 1),
  daily: (log, of) =>
    dailyReport(log, { ...of, since: of.since ?? NOW - DAY, until: of.until ?? NOW }, TOP),
  ban: (log, of) => banReport(log, 'federal-tiktok', of, undefined, TOP, ['Proof', 'none']),
  bypass: (log, of) => bypass(log, of, BYPASS, TOP),
  'new-names': (log, of) => newNames(log, { ...of, since: of.since ?? START }, LISTED, TOP)
}

t.test(
  'what is counted beforehand is what is counted one by one',
  { timeout: 120_000 },
  async t => {
    const { plain, tallied } = await twoLogs(t)
    const open = async (path: string): Promise<Database> => {
      const database = await openDatabase({ memory: 2 ** 28, threads: 2 })
      t.teardown(() => database.close())
      await database.openLog(path, 'often')
      return database
    }
    const [lookups, counted] = [await open(plain), await open(tallied)]
    const [rows] = await counted.rows<{ n: number; rows: number }>(
      `SELECT count(*) AS "rows", sum(n)::BIGINT AS n FROM (${counted.selectCounts('client', {})})`
    )
    t.ok(rows!.rows < 0.9 * rows!.n, `${rows!.rows} rows for ${rows!.n} lookups`)
    let nth = 0
    let compared = 0
    for (const [when, period] of Object.entries(periods)) {
      for (const [what, filter] of Object.entries(filters)) {
        if (filter !== EVERYTHING && period !== WEEK) continue
        for (const [name, report] of Object.entries(reports)) {
          if (filter !== EVERYTHING && ALIKE.has(name)) continue
          // One in twelve; all of them by `npm run fuzz`.
          if (!IS_FUZZING && nth++ % 12 > 0) continue
          const timeZone = ZONES[compared++ % ZONES.length]!
          const selection = { ...period, ...filter, timeZone }
          const wanted = toJson(await report(lookups, selection))
          const found = toJson(await report(counted, selection))
          t.equal(found, wanted, `${name}, ${when}, only ${what}`)
        }
      }
    }
  }
)

t.test('of more keys than there are bits, clients are counted all the same', async t => {
  const many = Array.from({ length: 200 }, (_, i) =>
    record('2026-11-10T09:00:00.000Z', { app: `app${i % 100}`, client: `10.0.0.${i % 7}` })
  )
  const database = await openDatabase({ memory: 2 ** 28, threads: 1 })
  t.teardown(() => database.close())
  await database.openLog(logFolder(t, { 'queries.jsonl': lines(...many) }))
  const clients = async (top: number): Promise<unknown[]> => {
    const { tables } = await overview(database, 'app', { timeZone: 'UTC' }, top)
    const at = tables[0]!.columns.findIndex(({ key }) => key === 'clients')
    return tables[0]!.rows.map(row => [row[0], row[at]])
  }
  const few = await clients(62)
  t.strictSame((await clients(63)).slice(0, 62), few)
  t.ok(few.every(row => (row as unknown[])[1] === 2))
})

t.test(
  'lines are read again where they are too many to be kept, and where one is too long',
  async t => {
    const database = await openDatabase({ memory: 2 ** 28, threads: 1 })
    t.teardown(() => database.close())
    const path = logFolder(t, { 'queries.jsonl': Buffer.alloc(40 * 2 ** 20) })
    mkdirSync(join(dirname(path), 'archive'))
    await t.rejects(database.openLog(path, 'often'), { code: 'ARCHIVE_LINE' })
  }
)
