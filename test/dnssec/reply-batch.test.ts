import { setImmediate as nextTurn } from 'node:timers/promises'
import t from 'tap'
import { ReplyBatch } from '../../src/gateway/validation/reply-batch.js'

t.test('replies leave together at the end of the turn', async t => {
  const sent: (readonly string[])[] = []
  const replies = new ReplyBatch<string>(
    batch => sent.push(batch),
    () => 0
  )
  replies.add('a')
  replies.add('b')
  t.equal(sent.length, 0)
  await nextTurn()
  t.strictSame(sent, [['a', 'b']])
  replies.add('c')
  await nextTurn()
  t.strictSame(sent, [['a', 'b'], ['c']])
})

t.test('no reply waits for more than a millisecond while the thread is busy', async t => {
  const sent: (readonly string[])[] = []
  let now = 0
  const replies = new ReplyBatch<string>(
    batch => sent.push(batch),
    () => now
  )
  replies.add('a')
  now = 0.5
  replies.add('b')
  t.equal(sent.length, 0)
  now = 50
  replies.add('c')
  t.strictSame(sent, [['a', 'b', 'c']])
  replies.add('d')
  await nextTurn()
  t.strictSame(sent, [['a', 'b', 'c'], ['d']])
})
