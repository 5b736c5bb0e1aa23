import t from 'tap'
import { Asks } from '../../src/daemon/threads/asks.js'

interface Said {
  readonly text: string
}

/** Long after the test is over. */
const LONG = 60_000

t.test('answers find who asked, in whatever order they come', async t => {
  const asks = new Asks<Said>()
  const tickets: number[] = []
  const [first, second] = [1, 2].map(() => asks.put(ticket => void tickets.push(ticket), LONG))
  asks.hear(tickets[1]!, { text: 'to the second' })
  asks.hear(tickets[0]!, { text: 'to the first' })
  t.strictSame(await first, { text: 'to the first' })
  t.strictSame(await second, { text: 'to the second' })
})

t.test('who is not answered in time is told so, and a late answer is nobody’s', async t => {
  const asks = new Asks<Said>()
  let late = 0
  t.equal(await asks.put(ticket => (late = ticket), 1), 'silent')
  const next = asks.put(() => undefined, 1)
  asks.hear(late, { text: 'late' })
  t.equal(await next, 'silent')
})

t.test('when the thread is gone, all who wait are told, and who asks later', async t => {
  const asks = new Asks<Said>()
  const waiting = [1, 2].map(() => asks.put(() => undefined, LONG))
  asks.end()
  t.strictSame(await Promise.all(waiting), ['gone', 'gone'])
  let sent = false
  t.equal(await asks.put(() => (sent = true), LONG), 'gone')
  t.notOk(sent, 'nothing is sent to it any more')
})
