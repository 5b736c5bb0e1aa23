import t from 'tap'
import type { Clock } from '../../src/base/time/clock.js'
import { bundleState, BundleExpiryMonitor } from '../../src/gateway/reload/bundle-expiry.js'
import type { LogFields } from '../../src/base/log/service-log.js'
import { FakeTime } from '../upstream/fake-time.js'

const DAY = 86_400

function watching() {
  const time = new FakeTime()
  const clock: Clock = time.clock
  const told: unknown[] = []
  const tell = ({ code }: LogFields): void => void told.push(code)
  const watch = new BundleExpiryMonitor({ info: tell, warn: tell, error: tell }, clock, time.timers)
  const start = Math.floor(clock.wall() / 1000)
  const facts = (serial: number, expires: number) => ({
    ...{ serial, newest: serial },
    ...{ created: start - DAY, expires: start + expires * DAY }
  })
  const pass = (hours: number): unknown[] => {
    for (let hour = 0; hour < hours; hour++) time.advance(3_600_000)
    return told.splice(0)
  }
  return { watch, facts, pass, told, start }
}

t.test('warns once a day that a bundle expires, or has expired', async t => {
  const { watch, facts, pass } = watching()
  watch.watch(facts(7, 8))
  t.strictSame(pass(23), [])
  t.strictSame(pass(1), ['BUNDLE_ENDS'])
  t.strictSame(pass(6 * 24), Array(6).fill('BUNDLE_ENDS'))
  t.strictSame(pass(3 * 24), Array(3).fill('BUNDLE_ENDED'))
  watch.watch(facts(7, 8))
  t.strictSame(pass(1), [], 'the same bundle again is not logged')
  watch.watch(facts(8, 90))
  t.strictSame(pass(48), [])
  watch.close()
})

t.test('warns once a day of a root of trust, for thirty days before its end', async t => {
  const { watch, facts, pass, start } = watching()
  const root = (version: number, days: number) => {
    return { ...facts(7, 900), root: { version, expires: start + days * DAY } }
  }
  watch.watch(root(1, 31))
  t.strictSame(pass(23), [])
  t.strictSame(pass(25), Array(2).fill('ROOT_ENDS'))
  watch.watch(root(2, 400))
  t.strictSame(pass(48), [])
  watch.watch(root(3, 3))
  t.strictSame(pass(24), Array(2).fill('ROOT_EXPIRED'), 'at once, and a day later')
  watch.close()
})

t.test('logs a rollback once', async t => {
  const { watch, facts, told } = watching()
  const rollback = { from: 8, to: 7, by: 'ops', at: '2026-03-01T00:00:00Z' }
  watch.watch({ ...facts(7, 90), newest: 8, rollback })
  watch.watch({ ...facts(7, 90), newest: 8, rollback })
  t.strictSame(told, ['BUNDLE_ROLLED_BACK'])
  watch.close()
})

t.test('a clock set to before its creation does not extend its life', async t => {
  const bundle = { serial: 7, newest: 7, created: 100 * DAY, expires: 106 * DAY }
  t.equal(bundleState(bundle, 0), 'ending')
  t.equal(bundleState({ ...bundle, expires: 200 * DAY }, 0), 'good')
  t.equal(bundleState(bundle, 107 * DAY * 1000), 'expired')
})
