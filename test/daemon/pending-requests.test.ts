import t from 'tap'
import { PendingRequests } from '../../src/base/threads/pending-requests.js'

interface TestReply {
  readonly text: string
}

/** Longer than any test runs. */
const LONG = 60_000

t.test('each reply resolves its own request, in whatever order they come', async t => {
  const requests = new PendingRequests<TestReply>()
  const ids: number[] = []
  const [first, second] = [1, 2].map(() => requests.send(id => void ids.push(id), LONG))
  requests.onReply(ids[1]!, { text: 'to the second' })
  requests.onReply(ids[0]!, { text: 'to the first' })
  t.strictSame(await first, { text: 'to the first' })
  t.strictSame(await second, { text: 'to the second' })
})

t.test('a request without a reply times out, and a late reply resolves nothing', async t => {
  const requests = new PendingRequests<TestReply>()
  let lateId = 0
  t.equal(await requests.send(id => (lateId = id), 1), 'timeout')
  const next = requests.send(() => undefined, 1)
  requests.onReply(lateId, { text: 'late' })
  t.equal(await next, 'timeout')
})

t.test('when the thread exits, pending and later requests resolve with "exited"', async t => {
  const requests = new PendingRequests<TestReply>()
  const pending = [1, 2].map(() => requests.send(() => undefined, LONG))
  requests.close()
  t.strictSame(await Promise.all(pending), ['exited', 'exited'])
  let isPosted = false
  t.equal(await requests.send(() => (isPosted = true), LONG), 'exited')
  t.notOk(isPosted, 'nothing is sent to the thread any more')
})
