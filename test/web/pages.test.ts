import t from 'tap'
import type { Ban, Exception } from '../../src/admin/web/api/types/rule-responses.js'
import type { Trend, TrendPoint } from '../../src/admin/web/api/types/status-responses.js'
import { eventsOf, monthAfter, weeksOf } from '../../src/admin/web/calendar.js'
import {
  changedFiles,
  changesIn,
  impactIn,
  rulesPath
} from '../../src/admin/web/proposed-change.js'
import {
  absolute,
  isGroup,
  moved,
  periodOf,
  spanTimes,
  withGroup
} from '../../src/admin/web/explore-query.js'
import { filtersIn, parseFilter, searchQuery, streamQuery } from '../../src/admin/web/log-filter.js'
import { pageAt, urlOf } from '../../src/admin/web/pages.js'
import { readSpan } from '../../src/admin/web/span.js'
import { completeSpans, hoursOf, seriesOf } from '../../src/admin/web/trend-series.js'
import { visibleRows } from '../../src/admin/web/visible-rows.js'

t.test('addresses of pages', async t => {
  t.equal(pageAt('/bans'), 'bans')
  t.equal(pageAt('/none'), undefined)
  t.equal(urlOf('now'), '/')
  t.equal(
    urlOf('log', { app: 'a b', name: '', ban: undefined, x: ['1', '2'] }),
    '/log?app=a+b&x=1&x=2'
  )
})

t.test('links to lookups of a span have its times, so that they show the same later', async t => {
  const now = Date.parse('2026-12-01T12:00:00.700Z')
  const times = 'since=2026-12-01T11%3A00%3A00Z&until=2026-12-01T12%3A00%3A00Z'
  t.equal(urlOf('log', { since: '1h', until: '' }, now), `/log?${times}`)
  t.equal(urlOf('explore', { ban: 'a', since: '1h' }, now), `/explore?ban=a&${times}`)
  const fixed = { since: '2026-11-30T00:00:00Z' }
  t.equal(urlOf('log', fixed, now), '/log?since=2026-11-30T00%3A00%3A00Z', 'until now')
  t.equal(urlOf('bypass', { since: '7d' }, now), '/bypass?since=7d', 'a choice of the page')
})

t.test('what a person types becomes a filter', async t => {
  for (const [text, expected] of [
    ['tiktok.com', ['name', 'tiktok.com']],
    [' =www.tiktok.com. ', ['name', '=www.tiktok.com']],
    ['10.0.0.7', ['client', '10.0.0.7']],
    ['10.0.0.0/24', ['client', '10.0.0.0/24']],
    ['2001:db8::7', ['client', '2001:db8::7']],
    ['app: tiktok', ['app', 'tiktok']],
    ['verdict:blocked', ['verdict', 'blocked']],
    ['nothing:x', ['name', 'nothing:x']],
    ['  ', undefined]
  ] as const)
    t.strictSame(parseFilter(text), expected, text)
})

t.test('filters live in the address, spans become times', async t => {
  const filters = filtersIn(new URLSearchParams('app=tiktok&since=24h&live=1&name='))
  t.strictSame(filters, { app: 'tiktok', since: '24h' })
  const now = Date.parse('2026-11-27T12:00:00.500Z')
  t.match(searchQuery(filters, now), { app: 'tiktok', since: '2026-11-26T12:00:00Z' })
  t.match(searchQuery({ since: '2026-01-01T00:00:00Z' }, now), { since: '2026-01-01T00:00:00Z' })
  t.strictSame(streamQuery({ ...filters, type: 'A' }), { app: 'tiktok', type: 'A', verdict: 'all' })
  t.equal(streamQuery({ verdict: 'blocked' }).verdict, 'blocked')
  t.strictSame(
    [readSpan('15m'), readSpan('2w'), readSpan('2y')],
    [900_000, 1_209_600_000, undefined]
  )
})

t.test('links of Explore have absolute times and the same filters', async t => {
  const now = Date.parse('2026-11-27T12:00:00.500Z')
  t.strictSame(absolute({ app: 'tiktok', since: '1h' }, now), {
    ...{ app: 'tiktok', since: '2026-11-27T11:00:00Z', until: '2026-11-27T12:00:00Z' }
  })
  const day = { since: '2026-11-26T12:00:00Z', until: '2026-11-27T12:00:00Z' }
  t.strictSame(absolute({}, now), day, 'by default a day')
  t.strictSame(withGroup(day, 'name', 'a.example'), { ...day, name: '=a.example' })
  t.strictSame(moved(day, 'earlier'), { since: '2026-11-25T12:00:00Z', until: day.since })
  t.strictSame(moved(day, 'later'), { since: day.until, until: '2026-11-28T12:00:00Z' })
  t.strictSame(moved(day, 'closer'), {
    ...{ since: '2026-11-26T18:00:00Z', until: '2026-11-27T06:00:00Z' }
  })
  t.strictSame(moved(moved(day, 'wider'), 'closer'), day)
  t.strictSame(
    periodOf(now, now),
    { since: '2026-11-27T12:00:00Z', until: '2026-11-27T12:00:01Z' },
    'at least a second'
  )
  t.strictSame([isGroup('app'), isGroup('x')], [true, false])
})

t.test('a span that a person chooses becomes times, so that its address does not move', async t => {
  const now = Date.parse('2026-12-01T12:00:00.700Z')
  t.strictSame(spanTimes('1h', now), {
    ...{ since: '2026-12-01T11:00:00Z', until: '2026-12-01T12:00:00Z' }
  })
  t.strictSame(spanTimes('', now), {})
})

t.test('only visible rows exist', async t => {
  t.strictSame(visibleRows(0, 600, 30, 1000), { first: 0, last: 32 })
  t.strictSame(visibleRows(3000, 600, 30, 1000), { first: 88, last: 132 })
  t.strictSame(visibleRows(0, 600, 30, 5), { first: 0, last: 5 })
})

const ban = (id: string, dates: Partial<Ban>): Ban =>
  ({ id, from: null, until: null, review: null, ...dates }) as Ban

t.test('the calendar of begins, ends and reviews', async t => {
  const events = eventsOf(
    [ban('a', { from: '2026-11-30T12:00:00Z', review: '2026-12-05T12:00:00Z' }), ban('b', {})],
    [{ id: 'e', from: null, until: '2026-11-05T12:00:00Z' } as Exception]
  )
  t.strictSame(
    events.map(({ id, what, kind }) => `${kind} ${id} ${what}`),
    ['exception e ends', 'ban a starts', 'ban a review']
  )
  const weeks = weeksOf({ year: 2026, month: 10 }, events, '2026-11-27', at => at.slice(0, 10))
  t.equal(weeks.length, 6, 'November 2026 begins on a Sunday')
  t.ok(weeks.every(week => week.length === 7))
  t.match(weeks[0]![6], { day: 1, isInside: true })
  t.match(weeks[0]![0], { day: 26, isInside: false })
  const days = weeks.flat()
  t.strictSame(
    days.filter(({ isToday }) => isToday).map(({ day }) => day),
    [27]
  )
  t.strictSame(
    days.filter(({ events }) => events.length > 0).map(({ day, events }) => [day, events[0]!.id]),
    [
      [5, 'e'],
      [30, 'a'],
      [5, 'a']
    ]
  )
  t.strictSame(monthAfter({ year: 2026, month: 11 }, 1), { year: 2027, month: 0 })
})

const point = (at: string, blocked: number): TrendPoint => {
  return { at, answered: 60, blocked, stale: 6, failed: 3, hits: 1, misses: 1, p50Ms: 1, p99Ms: 2 }
}

t.test('series and hours of a trend', async t => {
  const points = [point('2026-11-27T10:00:00Z', 30), null, point('2026-11-27T10:10:00Z', 0)]
  const trend = { stepSeconds: 300, points: [...points, null] } as unknown as Trend
  const series = seriesOf(trend, Date.parse('2026-11-27T10:16:00Z'))
  t.strictSame(
    series.times.map(one => new Date(one * 1000).toISOString().slice(11, 16)),
    [...['10:00', '10:05', '10:10']]
  )
  t.strictSame(series.blocked, [0.1, null, 0])
  t.strictSame(series.stale, [0.03, null, 0.03])
  t.strictSame(series.all, [0.33, null, 0.23])
  t.strictSame(series.notAnswered, [0.13, null, 0.03])
  t.strictSame(
    [series.p50, series.p99],
    [
      [1, null, 1],
      [2, null, 2]
    ]
  )
  t.strictSame(series.answered, [0.2, null, 0.2])
  t.strictSame(hoursOf(trend), [
    { at: Date.parse('2026-11-27T10:00:00Z'), answered: 120, blocked: 30, stale: 12, failed: 6 }
  ])
})

t.test('a trend has only days that are complete', async t => {
  const days = [3, 1, 2, 2, 4, NaN].map(one => one * 86_400_000)
  const [from, now] = [1.2 * 86_400_000, 4.4 * 86_400_000]
  t.strictSame(completeSpans(days, 86_400_000, from, now), [2 * 86_400_000, 3 * 86_400_000])
})

t.test('files of a candidate', async t => {
  t.equal(rulesPath('rules/apps/a.yaml', 'a.yaml'), 'apps/a.yaml')
  t.equal(rulesPath('', 'networks.yaml'), 'networks.yaml')
  t.equal(rulesPath('rules/.git/config', 'config'), undefined)
  t.equal(rulesPath('rules/a.yaml~', 'a.yaml~'), undefined)
  const original = new Map([
    ['a', 'one'],
    ['b', null]
  ] as const)
  t.strictSame(changedFiles(original, new Map([['a', 'one']])), {})
  t.strictSame(
    changedFiles(
      original,
      new Map([
        ['a', 'two'],
        ['c', 'new']
      ])
    ),
    { a: 'two', c: 'new' }
  )
})

t.test('a difference and its impact, in the terms of a reader', async t => {
  const clients = [
    { old: null, new: 'x', prefixes: null },
    { old: 'y', new: null, prefixes: null },
    { old: null, new: null, prefixes: null }
  ]
  const change = { change: 'blocked', names: 3, examples: ['a'], clients, from: null, until: null }
  const [view] = changesIn({
    changes: [{ ...change, old: { verdict: 'forwarded' }, new: { verdict: 'blocked', rule: 'r' } }]
  })
  t.match(view, { clients: ['x', 'y', '–'], before: 'forwarded', after: 'blocked: r', names: 3 })
  const [exception] = changesIn({
    changes: [
      {
        ...{ change: 'lifted', names: 184, examples: ['clip.example'], hours: null },
        ...{ from: '2026-12-01T00:00:00Z', until: '2026-12-05T00:00:00Z' },
        clients: [
          { old: 'phones', new: 'phones', prefixes: ['127.20.3.15/32'] },
          { old: 'guests', new: 'schools', prefixes: null, except: ['127.30.0.0/24'] }
        ],
        ...{ old: { verdict: 'blocked', rule: 'clip-ban' }, new: { verdict: 'allowed' } }
      }
    ]
  })
  t.match(exception, {
    clients: ['127.20.3.15/32 (phones)', 'guests → schools − 127.30.0.0/24'],
    until: '2026-12-05T00:00:00Z'
  })
  t.strictSame(changesIn({}), [])
  const top = { all: 1, top: [{ key: '10.0.0.1', lookups: 4 }] }
  const impact = { lookups: 4, clients: top, names: { top: [{ n: 2 }, {}] }, networks: top }
  t.strictSame(impactIn({ changes: { blocked: impact, allowed: { ...impact, lookups: 0 } } }), [
    {
      ...{ kind: 'blocked', lookups: 4, clients: [['10.0.0.1', 4]] },
      ...{
        names: [
          ['-', 2],
          ['-', 0]
        ],
        networks: [['10.0.0.1', 4]]
      }
    }
  ])
  t.strictSame(impactIn({}), [])
})
