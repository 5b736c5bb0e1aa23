import t from 'tap'
import { acquireStartLock } from '../../src/udp/start-lock.js'

/** Ports that nothing is bound to in this test: turns are taken by number. */
const [ONE, TWO] = [40_001, 40_002]

/** Elsewhere there are no abstract sockets, and no SO_REUSEPORT that would need them. */
const onLinux = { skip: process.platform === 'linux' ? false : 'this is not Linux' }

/** Whether it has come about by now, given a few turns of the event loop. */
async function isOver(promise: Promise<unknown>): Promise<boolean> {
  let over = false
  void promise.then(() => (over = true))
  await new Promise(resolve => setTimeout(resolve, 100))
  return over
}

t.test('who comes second waits until the first is done', onLinux, async t => {
  const first = await acquireStartLock([ONE, TWO])
  const second = acquireStartLock([TWO])
  t.notOk(await isOver(second), 'it waits')
  first.release()
  ;(await second).release()
})

t.test('for other ports nobody waits', async t => {
  const first = await acquireStartLock([ONE])
  ;(await acquireStartLock([TWO, 0])).release()
  ;(await acquireStartLock([0])).release()
  first.release()
  t.pass('none has waited')
})

t.test('nobody waits for ever for one who never lets go', onLinux, async t => {
  const first = await acquireStartLock([ONE])
  const second = await acquireStartLock([ONE], 30)
  second.release()
  const third = acquireStartLock([ONE])
  t.notOk(await isOver(third), 'who went on without it has not taken it from its owner')
  first.release()
  ;(await third).release()
})
