import t from 'tap'
import { PendingRequests } from '../../src/daemon/threads/pending-requests.js'

interface Said {
  readonly text: string
}

/** Long after the test is over. */
const LONG = 60_000

t.test('answers find who asked, in whatever order they come', async t => {
  const asks = new PendingRequests<Said>()
  const tickets: number[] = []
  const [first, second] = [1, 2].map(() => asks.send(ticket => void tickets.push(ticket), LONG))
  asks.onReply(tickets[1]!, { text: 'to the second' })
  asks.onReply(tickets[0]!, { text: 'to the first' })
  t.strictSame(await first, { text: 'to the first' })
  t.strictSame(await second, { text: 'to the second' })
})

t.test('who is not answered in time is told so, and a late answer is nobody’s', async t => {
  const asks = new PendingRequests<Said>()
  let late = 0
  t.equal(await asks.send(ticket => (late = ticket), 1), 'silent')
  const next = asks.send(() => undefined, 1)
  asks.onReply(late, { text: 'late' })
  t.equal(await next, 'silent')
})

t.test('when the thread is gone, all who wait are told, and who asks later', async t => {
  const asks = new PendingRequests<Said>()
  const waiting = [1, 2].map(() => asks.send(() => undefined, LONG))
  asks.close()
  t.strictSame(await Promise.all(waiting), ['gone', 'gone'])
  let sent = false
  t.equal(await asks.send(() => (sent = true), LONG), 'gone')
  t.notOk(sent, 'nothing is sent to it any more')
})
