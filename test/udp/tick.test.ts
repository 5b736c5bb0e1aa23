import t from 'tap'
import { Tick } from '../../src/udp/batch/tick.js'

t.test('reads, then flushes, and reads asked for meanwhile in the next turn', async t => {
  const turn = new Tick()
  const order: string[] = []
  turn.flush(() => order.push('flush asked for before'))
  turn.read(() => {
    order.push('read 1')
    turn.read(() => order.push('read in the next turn'))
    turn.flush(() => order.push('flush of read 1'))
  })
  turn.read(() => order.push('read 2'))
  t.strictSame(order, [], 'nothing happens at once')
  await new Promise(resolve => setImmediate(resolve))
  t.strictSame(order, ['read 1', 'read 2', 'flush asked for before', 'flush of read 1'])
  await new Promise(resolve => setImmediate(resolve))
  t.equal(order.at(-1), 'read in the next turn')
})

t.test('flushes what a flush asks for, in the next turn', async t => {
  const turn = new Tick()
  const order: number[] = []
  turn.flush(() => {
    order.push(1)
    turn.flush(() => order.push(2))
  })
  await new Promise(resolve => setImmediate(resolve))
  t.strictSame(order, [1])
  await new Promise(resolve => setImmediate(resolve))
  t.strictSame(order, [1, 2])
})
