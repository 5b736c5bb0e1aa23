import t, { type Test } from 'tap'
import { seeded } from '../../bench/kit/random.js'
import { exploreRoutes } from '../../src/admin/api/routes/explore-routes.js'
import {
  effectDays,
  effectSql,
  entriesSql,
  readEffect
} from '../../src/analysis/explore/ban-effect.js'
import {
  bucketsOf,
  GROUP_KEYS,
  groupsSql,
  readGroups,
  type GroupKey
} from '../../src/analysis/explore/lookup-groups.js'
import { compareHours, hoursRead, hoursSql } from '../../src/analysis/explore/unusual-hours.js'
import { parseFilter } from '../../src/analysis/views/record-filter.js'
import { openDatabase } from '../../src/lookups/archive/database.js'
import type { QueryRecord } from '../../src/lookups/event/schema.js'
import { filterConditions } from '../../src/lookups/sql/filter-condition.js'
import { apiRig } from '../daemon/api/rig.js'
import { activeRules, answering } from '../daemon/api/services.js'
import { lines, logFolder, record } from '../querylog/archive/lines.js'

const HOUR = 3_600_000
const DAY = 24 * HOUR
const START = Date.UTC(2026, 9, 5)

const one = <T>(random: () => number, ...of: readonly T[]): T =>
  of[Math.floor(random() * of.length)]!

/** Lookups of some weeks, of which some lack what others have. */
function someLookups(count: number, days: number): QueryRecord[] {
  const random = seeded(7)
  return Array.from({ length: count }, () => {
    const time = new Date(START + Math.floor(random() * days * DAY)).toISOString()
    const verdict = one(random, 'blocked', 'blocked', 'monitored', 'allowed', 'cached', 'forwarded')
    return record(time, {
      client: one(random, '10.20.3.4', '10.20.3.5', '10.20.9.0/24'),
      device: one(random, 'phones/17', undefined, undefined, undefined),
      privacy: one(random, 'prefix', undefined),
      network: one(random, 'phones', "o'ffice", undefined),
      qname: one(random, 'www.tiktok.com', 'tiktok.com', `n${Math.floor(random() * 40)}.example`),
      qtype: one(random, 'A', 'TXT'),
      verdict,
      app: one(random, 'tiktok', 'snapchat', undefined),
      list: one(random, 'ads', undefined),
      ban: one(random, 'federal', undefined),
      pattern: one(random, 'tiktok.com', '=x.example', undefined),
      source: one(random, 'apps/tiktok.yaml:9', undefined)
    })
  }).sort((a, b) => (a.time < b.time ? -1 : 1))
}

type Rows = readonly Readonly<Record<string, unknown>>[]

/** Runs SELECTs over a log, as a command process does. */
async function log(
  t: Test,
  records: readonly QueryRecord[]
): Promise<(sql: string) => Promise<Rows>> {
  const database = await openDatabase({ memory: 2 ** 28, threads: 1 })
  t.teardown(() => database.close())
  await database.openLog(logFolder(t, { 'queries.jsonl': lines(...records) }), 'sealed')
  return async sql => JSON.parse(JSON.stringify(await database.rows(sql))) as Rows
}

const keyOf = (lookup: QueryRecord, by: GroupKey): string | undefined => {
  if (by === 'client') return lookup.device ?? lookup.client
  if (by === 'name') return lookup.qname
  if (by === 'type') return lookup.qtype
  if (by === 'transport') return lookup.protocol
  if (by !== 'entry') return lookup[by]
  const { pattern, source } = lookup
  return pattern === undefined || source === undefined ? undefined : `${pattern} ${source}`
}

const distinct = (values: readonly (string | undefined)[]): number =>
  new Set(values.filter(value => value !== undefined)).size

function sumsOf(lookups: readonly QueryRecord[]) {
  const of = (verdict: string): number => lookups.filter(one => one.verdict === verdict).length
  return {
    lookups: lookups.length,
    blocked: of('blocked'),
    monitored: of('monitored'),
    allowed: of('allowed'),
    clients: distinct(lookups.map(({ device, client }) => device ?? client)),
    names: distinct(lookups.map(({ qname }) => qname)),
    first: lookups[0]?.time ?? null,
    last: lookups.at(-1)?.time ?? null
  }
}

t.test('every figure of the groups, by every key, filter and zone, from the raw rows', async t => {
  const all = someLookups(1500, 20)
  const select = await log(t, all)
  for (const by of GROUP_KEYS)
    for (const filters of [
      {},
      { network: ["o'ffice"], verdict: ['blocked'] },
      { name: ['tiktok.com'] }
    ])
      for (const timeZone of ['UTC', 'Asia/Kolkata']) {
        const query = {
          ...{ since: START + 2 * DAY + 1234, until: START + 15 * DAY + 99, by, top: 3 },
          ...{ conditions: filterConditions(filters), probes: false, width: undefined, timeZone }
        }
        const buckets = bucketsOf(query)
        const found = readGroups(await select(groupsSql(query, buckets)), query, buckets)
        const matches = parseFilter({ verdict: ['all'], ...filters }, (_, parse) => parse())
        const chosen = all.filter(lookup => {
          const at = Date.parse(lookup.time)
          return at >= query.since && at < query.until && matches(lookup)
        })
        const countsOf = (some: readonly QueryRecord[]): number[] => {
          const counts = Array<number>(buckets.count).fill(0)
          for (const { time } of some)
            counts[Math.floor((Date.parse(time) - buckets.start) / buckets.width / 1000)]!++
          return counts
        }
        const keys = [...new Set(chosen.map(lookup => keyOf(lookup, by)))]
          .filter(key => key !== undefined)
          .map(key => ({ key, own: chosen.filter(lookup => keyOf(lookup, by) === key) }))
          .sort((a, b) => b.own.length - a.own.length || (a.key < b.key ? -1 : 1))
        const it = `${by} ${JSON.stringify(filters)} ${timeZone}`
        t.strictSame(
          found.groups,
          keys.slice(0, 3).map(({ key, own }) => ({ key, ...sumsOf(own), counts: countsOf(own) })),
          it
        )
        t.strictSame(
          found.all,
          {
            ...sumsOf(chosen),
            counts: countsOf(chosen),
            blockedCounts: countsOf(chosen.filter(({ verdict }) => verdict === 'blocked'))
          },
          `${it}: all`
        )
        t.equal(found.without, chosen.filter(one => keyOf(one, by) === undefined).length, it)
        t.strictSame(found.privacy, ['prefix'])
      }
})

t.test('buckets begin at whole hours, days and Mondays of the zone, at most 400', async t => {
  const of = (days: number, width?: number, timeZone = 'UTC') => {
    const { start, ...rest } = bucketsOf({
      since: START + 5 * HOUR + 1,
      until: START + 5 * HOUR + days * DAY,
      width,
      timeZone
    })
    return { start: new Date(start).toISOString(), ...rest }
  }
  t.strictSame(of(1), { start: '2026-10-05T05:00:00.000Z', width: 900, count: 96 })
  t.match(of(30, 86_400, 'Asia/Kolkata'), { start: '2026-10-04T18:30:00.000Z', count: 31 })
  t.match(of(60, 7 * 86_400), { start: '2026-10-05T00:00:00.000Z', width: 604_800 })
  t.match(of(30, 60), { width: 3 * 3600 }, 'a width that is too fine for the period')
  t.ok(of(36_500, 60).count <= 400)
})

t.test(
  'unusual hours: mean and spread of the same weekday and hour; unknown with few weeks',
  async t => {
    const noon = START + 28 * DAY + 12 * HOUR
    const at = (hour: number, count: number, qname = 'a.example'): QueryRecord[] =>
      Array.from({ length: count }, (_, i) => record(new Date(hour + i).toISOString(), { qname }))
    const counts = [40, 50, 60, 50]
    const records = [
      ...counts.flatMap((count, i) => at(noon - (i + 1) * 7 * DAY, count)),
      // Another name, so that the log knows of these hours, of which one week is missing.
      ...[1, 2, 4].flatMap(week => at(noon + HOUR - week * 7 * DAY, 5, 'b.example')),
      ...[1, 2].flatMap(week => at(noon + 2 * HOUR - week * 7 * DAY, 30)),
      ...at(noon, 200),
      ...at(noon + HOUR, 9),
      ...at(noon + 2 * HOUR, 500)
    ]
    const select = await log(t, records)
    const query = {
      ...{ until: noon + 3 * HOUR + 5, hours: 3, weeks: 4, timeZone: 'Asia/Kolkata' },
      conditions: filterConditions({ name: ['a.example'] })
    }
    const utc = { ...query, timeZone: 'UTC' }
    const found = compareHours(await select(hoursSql(utc, hoursRead(utc))), utc, hoursRead(utc))
    t.strictSame(found, [
      {
        ...{ at: new Date(noon).toISOString(), lookups: 200, weeks: 4, mean: 50 },
        ...{ spread: Math.sqrt(200 / 3), unusual: 'more' }
      },
      {
        ...{ at: new Date(noon + HOUR).toISOString(), lookups: 9, weeks: 3, mean: 0, spread: 0 },
        unusual: null
      },
      {
        ...{ at: new Date(noon + 2 * HOUR).toISOString(), lookups: 500, weeks: 2, mean: null },
        ...{ spread: null, unusual: null }
      }
    ])
    const india = compareHours(
      await select(hoursSql(query, hoursRead(query))),
      query,
      hoursRead(query)
    )
    t.strictSame(
      india.map(({ at }) => at.slice(14, 16)),
      ['30', '30', '30'],
      'local hours'
    )
  }
)

t.test('local hours that a change of the offset repeats are not compared', async t => {
  // Brussels, 25 October 2026: 02:00-03:00 twice; compared with it one week later.
  const until = Date.parse('2026-11-01T04:00:00Z')
  const query = { until, hours: 4, weeks: 3, conditions: [], timeZone: 'Europe/Brussels' }
  const range = hoursRead(query)
  const rows = Array.from({ length: (range.until - range.since) / HOUR }, (_, hour) => ({
    hour,
    lookups: 100
  }))
  const found = compareHours(rows, query, range)
  t.strictSame(
    found.map(({ at, weeks }) => [at.slice(11, 13), weeks]),
    [
      ['00', 3],
      ['01', 2],
      ['02', 3],
      ['03', 3]
    ]
  )
})

t.test('the effect of a ban by day and weekday, from the raw rows', async t => {
  const begins = START + 14 * DAY + 9 * HOUR
  const random = seeded(3)
  const records = Array.from({ length: 2000 }, () => {
    const at = START + Math.floor(random() * 28 * DAY)
    const qname = one(
      random,
      'www.tiktok.com',
      'tiktok.com',
      'xtiktok.com',
      'x.example',
      'y.x.example'
    )
    const isBanned = at >= begins && !['xtiktok.com', 'y.x.example'].includes(qname)
    const ruled = {
      verdict: one(random, 'blocked', 'blocked', 'blocked', 'allowed'),
      ban: 'federal',
      match: 'qname'
    }
    return record(new Date(at).toISOString(), {
      ...{ qname, client: one(random, '10.0.0.1', '10.0.0.2') },
      ...(isBanned
        ? { ...ruled, pattern: qname === 'x.example' ? '=x.example' : 'tiktok.com' }
        : { verdict: 'forwarded', app: undefined, match: undefined })
    })
  }).sort((a, b) => (a.time < b.time ? -1 : 1))
  const select = await log(t, records)
  const days = effectDays(begins, 2, START + 27 * DAY, 'Europe/Brussels')
  t.equal(days.before.length, 15)
  t.equal(new Date(days.after[0]!).toISOString(), '2026-10-19T22:00:00.000Z', 'the first whole day')
  t.equal(days.after.length, 13, '12 whole days that have passed')
  const entries = (await select(entriesSql('federal', begins, days.after.at(-1)!))).map(
    ({ entry }) => String(entry)
  )
  t.strictSame(entries, ['tiktok.com', '=x.example'])
  const found = readEffect(await select(effectSql(entries, days)), days, 'Europe/Brussels')
  const covers = (name: string): boolean => /^(x\.example|(.*\.)?tiktok\.com)$/.test(name)
  const expected = (bounds: readonly number[]) =>
    bounds.slice(0, -1).map((since, i) => {
      const own = records.filter(({ time, qname }) => {
        const at = Date.parse(time)
        return at >= since && at < bounds[i + 1]! && covers(qname)
      })
      const blocked = own.filter(({ verdict }) => verdict === 'blocked').length
      const weekday = ((new Date(since + 3 * HOUR).getUTCDay() + 6) % 7) + 1
      const clients = distinct(own.map(({ client }) => client))
      return {
        at: new Date(since).toISOString(),
        weekday,
        answered: own.length - blocked,
        blocked,
        clients
      }
    })
  // The log begins at midnight in UTC, which is 02:00 in Brussels: that day is there in part.
  t.strictSame(found.before, expected(days.before))
  t.strictSame(found.after, expected(days.after))
  for (const { weekday, before, answered, blocked } of found.weekdays) {
    const mean = (some: typeof found.before, key: 'answered' | 'blocked') => {
      const own = some.filter(day => day.weekday === weekday)
      return own.reduce((sum, day) => sum + day[key]!, 0) / own.length
    }
    t.strictSame(
      [before, answered, blocked],
      [mean(found.before, 'answered'), mean(found.after, 'answered'), mean(found.after, 'blocked')]
    )
  }
  const onlyRuled = await log(
    t,
    records.filter(({ ban }) => ban !== undefined)
  )
  const unknown = readEffect(await onlyRuled(effectSql(entries, days)), days, 'UTC')
  t.ok(
    unknown.before.every(({ answered }) => answered === null),
    'a log of bans alone'
  )
  t.ok(unknown.weekdays.every(({ before, blocked }) => before === null && blocked !== null))
})

t.test('the routes: one question to the log, audited, and wrong parameters', async t => {
  const all = someLookups(300, 2)
  const select = await log(t, all)
  const rules = await activeRules(t)
  const command = answering((_, request) => select((request as { sql: string }).sql))
  const services = { command, rules: () => Promise.resolve(rules) }
  const rig = await apiRig(t, { services })
  const token = rig.token('reader', ['read'])
  const url =
    '/api/v1/lookups/groups?by=client&since=2026-10-05T00:00:00Z&until=2026-10-07T00:00:00Z'
  const { all: sums, groups } = (await rig.send({ url, token })).json<{
    all: { lookups: number }
    groups: readonly { key: string }[]
  }>()
  t.equal(sums.lookups, 300)
  t.equal(groups.length, 4)
  t.match(rig.reads.newest, [{ by: 'reader', operation: 'groupLookups', rows: 4 }])
  for (const wrong of [
    'groups',
    'groups?by=sql',
    'groups?by=app&top=51',
    'groups?by=app&width=1',
    'groups?by=app&since=2026-10-07T00:00:00Z&until=2026-10-05T00:00:00Z',
    'unusual-hours?weeks=2'
  ])
    t.equal((await rig.send({ url: `/api/v1/lookups/${wrong}`, token })).statusCode, 400, wrong)
  const later = await rig.send({ url: '/api/v1/bans/later-ban/effect', token })
  t.match(later.json(), { from: null, before: [], after: [] }, 'has not begun')
  t.match((await rig.send({ url: '/api/v1/bans/video-ban/effect', token })).json(), {
    ...{ ban: 'video-ban', from: '2023-03-13T00:00:00.000Z', entries: 0 },
    before: { length: 14 }
  })
  t.equal((await rig.send({ url: '/api/v1/bans/none/effect', token })).statusCode, 404)
  t.ok(exploreRoutes.every(({ rowsRead, scope }) => rowsRead !== undefined && scope === 'read'))
})
