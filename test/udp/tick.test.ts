import t from 'tap'
import { Tick } from '../../src/wire/sockets/batch/tick.js'

t.test('reads, then flushes; reads scheduled meanwhile run in the next iteration', async t => {
  const tick = new Tick()
  const order: string[] = []
  tick.flush(() => order.push('flush scheduled first'))
  tick.read(() => {
    order.push('read 1')
    tick.read(() => order.push('read in the next iteration'))
    tick.flush(() => order.push('flush of read 1'))
  })
  tick.read(() => order.push('read 2'))
  t.strictSame(order, [], 'nothing runs synchronously')
  await new Promise(resolve => setImmediate(resolve))
  t.strictSame(order, ['read 1', 'read 2', 'flush scheduled first', 'flush of read 1'])
  await new Promise(resolve => setImmediate(resolve))
  t.equal(order.at(-1), 'read in the next iteration')
})

t.test('a flush scheduled by a flush runs in the next iteration', async t => {
  const tick = new Tick()
  const order: number[] = []
  tick.flush(() => {
    order.push(1)
    tick.flush(() => order.push(2))
  })
  await new Promise(resolve => setImmediate(resolve))
  t.strictSame(order, [1])
  await new Promise(resolve => setImmediate(resolve))
  t.strictSame(order, [1, 2])
})
