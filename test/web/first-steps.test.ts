import t from 'tap'
import type { List } from '../../src/admin/web/api/types/rule-responses.js'
import type { Status, Trend } from '../../src/admin/web/api/types/status-responses.js'
import { busier, firstSteps, mayLackSteps, STEPS } from '../../src/admin/web/first-steps.js'
import { formFrom } from '../../src/admin/web/rule-form.js'

const statusOf = (bans: number, state: 'up' | 'unknown', writable = true): Status =>
  ({
    rules: { networks: 1, bans },
    upstreams: [{ address: '192.0.2.1', state }],
    recorder: { writable, written: 3 }
  }) as Partial<Record<keyof Status, unknown>> as Status

const trendOf = (answered: number, blocked: number): Trend => ({
  now: { seconds: 60, queriesPerSecond: 0, blockedShare: 0, hitShare: 0, p50Ms: 1, p99Ms: 1 },
  stepSeconds: 60,
  points: [
    null,
    { at: '', answered, blocked, stale: 0, failed: 0, hits: 0, misses: 0, p50Ms: 1, p99Ms: 1 }
  ]
})
const listOf = (id: string, state: string): List => ({
  ...{ id, source: '', entries: 1, state, fetched: null },
  failures: 0,
  error: null
})
const nothing = { lists: [], isLogged: false, hasBlocked: false }
const missing = (facts: Parameters<typeof firstSteps>[0]): string[] =>
  firstSteps(facts).flatMap(({ id, isDone }) => (isDone ? [] : [id]))

t.test('each step has its state from the gateway', async t => {
  const status = statusOf(0, 'unknown', false)
  const trend = trendOf(0, 0)
  t.strictSame(
    missing({ status, trend, ...nothing, lists: [listOf('a', 'missing')] }),
    STEPS.filter(id => id !== 'network')
  )
  const used = { status: statusOf(1, 'up'), trend: trendOf(4, 0), ...nothing }
  t.strictSame(missing({ ...used, lists: [listOf('a', 'good')] }), ['block'])
  const steps = firstSteps(used)
  t.equal(steps.find(({ id }) => id === 'upstream')?.state, '192.0.2.1')
  t.equal(steps.find(({ id }) => id === 'client')?.state, '4')
})

t.test('they go away by themselves: by a block of today, or one that the log has', async t => {
  const status = statusOf(1, 'up')
  t.strictSame(missing({ status, trend: trendOf(4, 1), ...nothing }), [])
  const quiet = { status, trend: trendOf(0, 0), ...nothing, isLogged: true, hasBlocked: true }
  t.strictSame(missing(quiet), [], 'a day without a query')
})

t.test('the log of a gateway in use is not asked', async t => {
  t.notOk(mayLackSteps(statusOf(1, 'up'), trendOf(4, 1)))
  t.ok(mayLackSteps(statusOf(0, 'up'), trendOf(4, 1)))
  t.ok(mayLackSteps(statusOf(1, 'up'), trendOf(4, 0)))
  t.ok(mayLackSteps(statusOf(1, 'up', false), trendOf(4, 1)))
  t.strictSame(busier(trendOf(4, 0), trendOf(1, 1)), trendOf(1, 1))
  t.strictSame(busier(trendOf(4, 0), undefined), trendOf(4, 0))
})

t.test('a link opens the form with why and until when', async t => {
  const words = new URLSearchParams({ add: 'allow', why: 'no ad', until: '2026-12-08' })
  t.match(formFrom(words, 'ann', new Date()), {
    ...{ kind: 'allow', comment: 'no ad', purpose: 'no ad', until: '2026-12-08' }
  })
  t.equal(formFrom(new URLSearchParams({ add: 'allow' }), 'ann', new Date()).until, '')
})
