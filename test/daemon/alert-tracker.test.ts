import t from 'tap'
import { AlertTracker, RESOLVE_AFTER } from '../../src/gateway/alerts/alert-tracker.js'
import type { Condition } from '../../src/gateway/alerts/conditions.js'

const down = (subject: string, message = `${subject} is down`): Condition => {
  return { event: 'upstream-down', subject, severity: 'warning', message }
}
const HOUR = 3_600_000

t.test('raised once, repeated while it lasts, and resolved', async t => {
  const tracker = new AlertTracker()
  const [one, ...none] = tracker.update([down('a')], 0, HOUR)
  t.match(one, { event: 'upstream-down', subject: 'a', state: 'raised', repeat: 0, since: /Z$/ })
  t.strictSame(none, [])
  t.strictSame(tracker.update([down('a', 'other words')], 1000, HOUR), [], 'known')
  const [again] = tracker.update([down('a', 'now')], HOUR, HOUR)
  t.match(again, { id: one!.id, since: one!.since, state: 'raised', repeat: 1, message: 'now' })
  t.strictSame(tracker.update([], HOUR + 1, HOUR), [], 'it may come back')
  t.strictSame(tracker.update([down('a', 'now')], HOUR + 2, HOUR), [], 'it did')
  tracker.update([], HOUR + 3, HOUR)
  t.strictSame(tracker.update([], HOUR + 2 + RESOLVE_AFTER, HOUR), [])
  const [resolved] = tracker.update([], HOUR + 3 + RESOLVE_AFTER, HOUR)
  t.match(resolved, { id: one!.id, state: 'resolved', repeat: 1, message: 'now' })
  t.strictSame(tracker.update([], 2 * HOUR, HOUR), [])
  const [next] = tracker.update([down('a')], 3 * HOUR, HOUR)
  t.not(next!.id, one!.id, 'another alert')
})

t.test('each subject has an alert of its own', async t => {
  const tracker = new AlertTracker()
  t.equal(tracker.update([down('a'), down('b')], 0, 0).length, 2)
  t.equal(tracker.update([down('a'), down('b'), down('c')], 1, 0).length, 1)
  t.equal(tracker.count, 3)
  t.strictSame(tracker.update([down('a'), down('b'), down('c')], 99 * HOUR, 0), [], 'never again')
})

t.test('alerts of other events are forgotten without a word', async t => {
  const tracker = new AlertTracker()
  tracker.update([down('a')], 0, 0)
  tracker.keepOnly(['rules-refused'])
  t.strictSame(tracker.update([], HOUR, 0), [])
})
