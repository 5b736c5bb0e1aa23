import { setImmediate } from 'node:timers/promises'
import t from 'tap'
import { TickClock } from '../../src/base/clock.js'

t.test('one tick of the event loop has one monotonic and one wall-clock time', async t => {
  let at = 1000
  const turn = new TickClock({ now: () => at, wall: () => at + 7 })
  t.equal(turn.wall(), 1007)
  t.equal(turn.now(), 1000)
  at = 5000
  t.equal(turn.now(), 1000)
  t.equal(turn.wall(), 1007)
  await setImmediate()
  t.equal(turn.now(), 5000)
  t.equal(turn.wall(), 5007)
})
