import t from 'tap'
import { TimingWheel, TimerNode } from '../../src/resolver/upstream/query/timing-wheel.js'
import { FakeTime } from './fake-time.js'

class Item extends TimerNode {
  constructor(readonly id: string) {
    super()
  }
}

function wheel() {
  const time = new FakeTime()
  const expired: string[] = []
  const deadlines = new TimingWheel<Item>(time.clock, time.timers, ({ id }) => expired.push(id))
  const set = (item: Item, delay: number): void => {
    const now = time.clock.now()
    deadlines.set(item, now + delay, now)
  }
  return { time, expired, deadlines, set }
}

for (const delay of [0, 1, 19, 20, 21, 800, 10_239, 10_240, 10_241, 60_000]) {
  t.test(`expires after ${delay} ms, not before and at most 40 ms later`, async t => {
    const { time, expired, set } = wheel()
    time.advance(7)
    set(new Item('a'), delay)
    time.advance(Math.max(0, delay - 1))
    t.strictSame(expired, [])
    time.advance(41)
    t.strictSame(expired, ['a'])
    t.equal(time.waiting, 0, 'no timer runs while nothing waits')
  })
}

t.test('does not expire cleared items, and clears once', async t => {
  const { time, expired, deadlines, set } = wheel()
  const [a, b] = [new Item('a'), new Item('b')]
  set(a, 100)
  set(b, 100)
  deadlines.clear(a)
  deadlines.clear(a)
  time.advance(200)
  t.strictSame(expired, ['b'])
  set(a, 100)
  time.advance(200)
  t.strictSame(expired, ['b', 'a'])
})

t.test('moves a deadline', async t => {
  const { time, expired, set } = wheel()
  const a = new Item('a')
  set(a, 100)
  set(a, 500)
  time.advance(400)
  t.strictSame(expired, [])
  time.advance(140)
  t.strictSame(expired, ['a'])
})

t.test('an expired item may be set again, and others cleared, while it expires', async t => {
  const time = new FakeTime()
  const expired: string[] = []
  const [a, b] = [new Item('a'), new Item('b')]
  const deadlines = new TimingWheel<Item>(time.clock, time.timers, (item, now) => {
    expired.push(item.id)
    deadlines.clear(b)
    if (expired.length < 3) deadlines.set(item, now + 50, now)
  })
  deadlines.set(a, time.clock.now() + 50, time.clock.now())
  deadlines.set(b, time.clock.now() + 50, time.clock.now())
  time.advance(1000)
  t.strictSame(expired, ['a', 'a', 'a'])
  t.equal(time.waiting, 0)
})

t.test(
  'catches up after the event loop stood still for longer than the wheel is round',
  async t => {
    let now = 0
    let turn = (): void => undefined
    const timers = {
      after: (_: number, run: () => void) => {
        turn = run
        return { cancel: () => undefined }
      },
      soon: () => undefined
    }
    const expired: string[] = []
    const clock = { now: () => now, wall: () => now }
    const deadlines = new TimingWheel<Item>(clock, timers, ({ id }) => expired.push(id))
    for (const [id, due] of [
      ['a', 100],
      ['b', 5000],
      ['c', 40_000]
    ] as const) {
      deadlines.set(new Item(id), due, now)
    }
    now = 30_000
    turn()
    t.strictSame([...expired].sort(), ['a', 'b'])
    now = 40_020
    turn()
    t.strictSame([...expired].sort(), ['a', 'b', 'c'])
  }
)
