import { existsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import type { CountedRules } from '../../../src/gateway/workers/rule-counters.js'
import { CounterMetrics } from '../../../src/admin/metrics/counter-metrics.js'
import { recordTrend } from '../../../src/admin/metrics/record-trend.js'
import { readTrend, trendFile, writeTrend } from '../../../src/admin/metrics/trend-file.js'
import { quantile, Trend, type CounterSample } from '../../../src/admin/metrics/minute-trend.js'
import {
  allocateCounters,
  COUNTER,
  COUNTERS,
  DURATION_BOUNDS,
  PROTOCOLS
} from '../../../src/resolver/context/lookup-counters.js'
import { MemoryLog } from '../serve.js'
import { apiRig } from './rig.js'

const MINUTE = 60_000
const START = Date.parse('2026-01-01T00:00:00Z')
const slots = DURATION_BOUNDS.length + 1

/** Counters after so many rounds, in each of which the same happens. */
function after(rounds: number): CounterSample {
  const durations = Array.from({ length: slots }, (_, i) => (i === 0 ? 90 : i === 4 ? 10 : 0))
  return {
    ...{ responses: 100 * rounds, blocked: 20 * rounds, stale: 2 * rounds, failed: rounds },
    ...{ hits: 60 * rounds, misses: 20 * rounds },
    durations: durations.map(one => one * rounds)
  }
}

t.test('rates are those of the last minute', async t => {
  const trend = new Trend()
  t.match(trend.now(), { seconds: 0, queriesPerSecond: 0, blockedShare: null, p50Ms: null })
  for (let i = 0; i <= 30; i++) trend.add(START + i * 10_000, after(i))
  const { seconds, queriesPerSecond, blockedShare, hitShare, p50Ms, p99Ms } = trend.now()
  t.strictSame([seconds, queriesPerSecond, blockedShare, hitShare], [60, 10, 0.2, 0.75])
  t.ok(p50Ms! < 0.25 && p99Ms! > 5 && p99Ms! <= 10, `${p50Ms} ${p99Ms}`)
})

t.test('24 hours by step, with nothing where nothing is known', async t => {
  const trend = new Trend()
  const until = START + 60 * MINUTE
  for (let i = 0; i <= 6; i++) trend.add(START + i * 10_000, after(i))
  trend.add(START + 30 * MINUTE, after(7))
  const points = trend.points(until, 15 * MINUTE)
  t.equal(points.length, 96)
  const known = points.filter(one => one !== null)
  t.match(known, [
    { at: '2026-01-01T00:00:00.000Z', answered: 462, blocked: 120, stale: 12, failed: 6 },
    { at: '2026-01-01T00:30:00.000Z', answered: 77, blocked: 20, hits: 60, misses: 20 }
  ])
  t.equal(known.length, 2)
})

t.test('what is less than before did not grow; a clock set back drops what was later', async t => {
  const trend = new Trend()
  trend.add(START, after(5))
  trend.add(START + 10_000, { ...after(6), blocked: 3 })
  t.equal(trend.stored[0]!.blocked, 0, 'a network with its counters was removed')
  trend.add(START + 5_000, after(7))
  trend.add(START + 70_000, after(8))
  trend.add(START - 10 * MINUTE, after(9))
  trend.add(START - 9 * MINUTE, after(10))
  t.strictSame(
    trend.stored.map(({ at }) => at - START),
    [-9 * MINUTE]
  )
  trend.add(START + 24 * 60 * MINUTE, after(11))
  t.equal(trend.stored.length, 1, 'only a day is kept')
})

t.test('quantiles, as PromQL has them', async t => {
  const counts = (...pairs: [number, number][]): number[] => {
    const all = new Array<number>(slots).fill(0)
    for (const [slot, count] of pairs) all[slot] = count
    return all
  }
  t.equal(quantile(counts(), 0.5), null)
  t.equal(quantile(counts([1, 10]), 0.5), 0.63, 'in the middle between 0.25 and 1')
  t.equal(quantile(counts([slots - 1, 1]), 0.99), 5000, 'longer than the last bound')
})

t.test('it is stored, and read by the next process', async t => {
  const folder = t.testdir()
  const path = trendFile(folder)
  const log = new MemoryLog()
  const trend = new Trend()
  trend.add(START, after(0))
  trend.add(START + 10_000, after(1))
  writeTrend(path, trend, log)
  t.strictSame(readTrend(path), trend.stored)
  for (const text of ['', '{}', '[[1,2],"x",null]']) {
    writeFileSync(path, text)
    t.strictSame(readTrend(path), [], `${text} has nothing`)
  }
  writeTrend(join(path, 'trend.json'), trend, log)
  t.match(log.lines.at(-1), { level: 'warn', message: 'cannot store the trend' })
})

t.test('the counters of workers are sampled', async t => {
  const memory = allocateCounters(2 * COUNTERS)
  const counters = new Float64Array(memory)
  counters[COUNTER.responses] = 5
  counters[COUNTER.responses + 2] = 1
  counters[COUNTER.shelved] = 4
  counters[COUNTER.hits] = 3
  counters[COUNTER.stale] = 1
  const metrics = new CounterMetrics(memory)
  t.match(metrics.sample(), { responses: 10, failed: 1, hits: 7, stale: 1, blocked: 0 })
  const shared = (...values: number[]): SharedArrayBuffer => {
    const buffer = allocateCounters(values.length)
    new Float64Array(buffer).set(values)
    return buffer
  }
  // Two client classes, or groups, of all protocols each, then what was blocked of them.
  const before = new Array<number>(2 * PROTOCOLS).fill(0)
  const blockedAt = before.length
  const end = blockedAt + 2
  const layout = { classes: 2, claims: 0, blockedAt, claimsAt: end, size: end }
  metrics.setRules({
    ...{ networks: ['a'], networkOf: [0, -1], series: [], layout },
    counters: shared(...before, 7, 2),
    carried: shared(...before, 100, 10)
  } as unknown as CountedRules)
  t.equal(metrics.sample().blocked, 119)
  const folder = t.testdir()
  const trend = recordTrend(metrics, folder, new MemoryLog())
  t.strictSame(trend.stored, [])
  t.notOk(existsSync(trendFile(folder)), 'it is written later')
})

t.test('a state folder that is missing is created', async t => {
  const path = trendFile(join(t.testdir(), 'state', 'gateway'))
  const log = new MemoryLog()
  const trend = new Trend()
  for (let i = 0; i <= 6; i++) trend.add(START + i * 10_000, after(i))
  writeTrend(path, trend, log)
  t.strictSame(log.lines, [])
  t.equal(readTrend(path).length, trend.stored.length)
})

t.test('the route', async t => {
  const rig = await apiRig(t)
  rig.trend.add(Date.now() - 20_000, after(0))
  rig.trend.add(Date.now() - 10_000, after(1))
  const token = rig.token('t', ['read'])
  const { body } = await rig.send({ url: '/api/v1/trend?step=15', token })
  const found = JSON.parse(body) as { points: unknown[]; stepSeconds: number; now: object }
  t.strictSame([found.points.length, found.stepSeconds], [96, 900])
  t.match(found.now, { queriesPerSecond: 10, blockedShare: 0.2 })
  const hour = await rig.send({ url: '/api/v1/trend?step=5&hours=1', token })
  t.equal(hour.json<{ points: unknown[] }>().points.length, 12)
  t.equal((await rig.send({ url: '/api/v1/trend?step=7', token })).statusCode, 400)
  t.equal((await rig.send({ url: '/api/v1/trend?hours=25', token })).statusCode, 400)
})
