import t from 'tap'
import type { Clock } from '../../src/base/time/clock.js'
import { RuleExpiryMonitor } from '../../src/gateway/reload/rule-expiry.js'
import type { Snapshot } from '../../src/policy/tables/snapshot.js'
import type { LogFields } from '../../src/base/log/service-log.js'
import type { Rule } from '../../src/policy/rules/model/types.js'
import { policyOf } from '../policy/evaluating.js'
import { ban, block, exception, network, ruleSet, source } from '../policy/rule-set.js'
import { FakeTime } from '../upstream/fake-time.js'

const DAY = 86_400
const x = source('x', 'x.example')
const y = source('y', 'y.example')

const snapshotOf = (...rules: Rule[]): Snapshot =>
  policyOf(ruleSet(network('n', ['10.0.0.0/8'], rules))).snapshot

/** A monitor with the dates of its rules in days from now, and what it logs. */
function watching() {
  const time = new FakeTime()
  let ahead = 0
  const clock: Clock = { now: () => time.clock.now(), wall: () => time.clock.wall() + ahead }
  const told: string[] = []
  const tell = ({ code, rule }: LogFields, message: string): void => {
    told.push(`${(code as string | undefined) ?? 'begins'} ${rule as string}`)
    t.match(message, /^networks\.yaml:7 /, 'with the place of the rule')
  }
  const log = { info: tell, warn: tell, error: tell }
  const monitor = new RuleExpiryMonitor(log, clock, time.timers)
  const watch = {
    watch: (snapshot: Snapshot) => monitor.watch(snapshot, 'Europe/Brussels'),
    endingWithin: (seconds: number) => monitor.endingWithin(seconds),
    due: () => monitor.due(),
    close: () => monitor.close()
  }
  const day = (days: number): number => Math.floor(clock.wall() / 1000) + days * DAY
  const pass = (days: number): string[] => {
    time.advance(days * DAY * 1000)
    return told.splice(0)
  }
  const set = (days: number): void => void (ahead += days * DAY * 1000)
  return { time, watch, day, pass, set }
}

t.test(
  'logs to the second what starts, is about to expire, expires and is due for review',
  async t => {
    const { watch, day, pass, time } = watching()
    watch.watch(
      snapshotOf(
        ban('b', [x, y], { from: day(2), until: day(30), review: day(10) }),
        exception('e', [x], { from: day(-3), until: day(20) })
      )
    )
    t.strictSame(pass(2 - 1 / DAY), [])
    t.strictSame(pass(1 / DAY), ['begins b'])
    t.strictSame(pass(4), ['RULES_EXCEPTION_ENDS e'])
    t.strictSame(pass(4), ['RULES_REVIEW_DUE b'])
    t.strictSame(pass(10), ['RULES_BAN_ENDS b', 'RULES_EXCEPTION_ENDED e'])
    t.strictSame(pass(10), ['RULES_BAN_ENDED b'])
    t.strictSame(pass(400), [])
    watch.close()
    t.equal(time.waiting, 0)
  }
)

t.test('a short one is warned about when it starts', async t => {
  const { watch, day, pass } = watching()
  watch.watch(snapshotOf(exception('e', [x], { from: day(5), until: day(8) })))
  t.strictSame(pass(4), [])
  t.strictSame(pass(2), ['begins e', 'RULES_EXCEPTION_ENDS e'])
})

t.test('what is already true at the load is not logged again', async t => {
  const { watch, day, pass } = watching()
  const rules = [ban('b', [x], { from: day(-9), until: day(9), review: day(-1) })]
  watch.watch(snapshotOf(...rules))
  watch.watch(snapshotOf(...rules))
  t.strictSame(pass(8), [])
  t.strictSame(pass(1), ['RULES_BAN_ENDED b'])
})

t.test('the review of an expired ban is not logged, nor any of a block', async t => {
  const { watch, day, pass, time } = watching()
  watch.watch(snapshotOf(ban('b', [x], { until: day(1), review: day(2) })))
  t.strictSame(pass(3), ['RULES_BAN_ENDED b'])
  watch.watch(snapshotOf(block('k', [x], { until: day(1) })))
  t.strictSame(pass(3), [])
  t.equal(time.waiting, 0)
})

t.test(
  'the clock is set: within an hour past events are logged, and repeated ones again',
  async t => {
    const { watch, day, pass, set } = watching()
    watch.watch(snapshotOf(ban('b', [x], { from: day(5), until: day(100) })))
    set(6)
    t.strictSame(pass(1 / 24), ['begins b'])
    set(-6)
    t.strictSame(pass(1 / 24), [])
    t.strictSame(pass(5), ['begins b'])
  }
)

t.test('counts what needs attention now', async t => {
  const { watch, day, pass } = watching()
  t.strictSame(watch.due(), { ending: 0, reviews: 0 })
  watch.watch(
    snapshotOf(
      ban('b', [x, y], { until: day(20), review: day(3) }),
      exception('e', [x], { until: day(10) }),
      block('k', [x], { until: day(1) })
    )
  )
  t.strictSame(watch.due(), { ending: 1, reviews: 0 })
  pass(7)
  t.strictSame(watch.due(), { ending: 2, reviews: 1 })
  pass(7)
  t.strictSame(watch.due(), { ending: 1, reviews: 1 })
  pass(7)
  t.strictSame(watch.due(), { ending: 0, reviews: 0 })
})

t.test('lists what ends within a time', async t => {
  const { watch, day } = watching()
  watch.watch(
    snapshotOf(
      ban('past', [x], { until: day(-1) }),
      ban('soon', [x], { until: day(5) }),
      exception('later', [x], { until: day(20) }),
      ban('ever', [y], {})
    )
  )
  t.strictSame(watch.endingWithin(4 * DAY), [])
  t.match(watch.endingWithin(5 * DAY), [{ ruleId: 'soon', kind: 'ban', until: day(5) }])
  t.equal(watch.endingWithin(20 * DAY).length, 2)
  t.equal(watch.due().ending, 1)
})

t.test('a rule on several apps counts once, and without dates not at all', t => {
  const { watch, day } = watching()
  const dates = { until: day(3), review: day(-1) }
  watch.watch(
    snapshotOf(ban('b', [x, y], dates), ban('c', [y, x]), exception('e', [x, y], { until: day(9) }))
  )
  t.strictSame(watch.due(), { ending: 2, reviews: 1 })
  t.strictSame(
    watch.endingWithin(4 * DAY).map(({ ruleId }) => ruleId),
    ['b']
  )
  watch.close()
  t.end()
})
