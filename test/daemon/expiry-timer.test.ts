import t from 'tap'
import type { Timers } from '../../src/base/time/timers.js'
import type { Milliseconds, Seconds } from '../../src/base/units.js'
import { EXPIRY_INTERVAL, ExpiryTimer } from '../../src/gateway/reload/expiry-timer.js'
import type { ListState } from '../../src/policy/rules/lists/load-list.js'

/** A timer of which time goes on by hand. */
function rig() {
  let time: Milliseconds = 0
  let due: { at: Milliseconds; run: () => void } | undefined
  const calls: Milliseconds[] = []
  const timers: Timers = {
    ...({} as Timers),
    after: (wait, run) => {
      const own = (due = { at: time + wait, run })
      return {
        cancel: () => {
          if (due === own) due = undefined
        }
      }
    }
  }
  const clock = { now: () => time, wall: () => time }
  const timer = new ExpiryTimer(() => calls.push(time), clock, timers)
  const pass = (until: Milliseconds): void => {
    while (due !== undefined && due.at <= until) {
      const { at, run } = due
      due = undefined
      time = at
      run()
    }
    time = until
  }
  return { timer, pass, calls }
}

const listsExpiring = (at: Seconds): readonly ListState[] =>
  [{ parts: [{ expiries: Uint32Array.of(at, 1) }] }] as unknown as ListState[]

t.test('it calls at the next expiry, and not before 20 s have passed since the last call', t => {
  const { timer, pass, calls } = rig()
  timer.await(listsExpiring(300))
  pass(299_999)
  t.strictSame(calls, [])
  pass(300_000)
  t.strictSame(calls, [300_000])
  timer.await(listsExpiring(301))
  pass(300_000 + EXPIRY_INTERVAL - 1)
  t.equal(calls.length, 1)
  pass(300_000 + EXPIRY_INTERVAL)
  t.equal(calls.length, 2)
  // What is refused stays due.
  timer.await(listsExpiring(301))
  pass(300_000 + 2 * EXPIRY_INTERVAL)
  t.equal(calls.length, 3)
  t.end()
})

t.test('it never calls without an expiry, and not after it is closed', t => {
  const { timer, pass, calls } = rig()
  timer.await([{ parts: [{}] }] as unknown as ListState[])
  pass(1_000_000)
  timer.await(listsExpiring(2000))
  timer.close()
  timer.await(listsExpiring(2000))
  pass(3_000_000)
  t.strictSame(calls, [])
  t.end()
})
