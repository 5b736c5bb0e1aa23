import t from 'tap'
import { acquireStartLock } from '../../src/wire/sockets/start-lock.js'

/** Port numbers to lock; nothing is bound to them in this test. */
const [ONE, TWO] = [40_001, 40_002]

/** Other systems have no abstract sockets, and do not need the lock without SO_REUSEPORT. */
const onLinux = { skip: process.platform === 'linux' ? false : 'this is not Linux' }

/** Whether the promise is fulfilled within 100 ms. */
async function isSettled(promise: Promise<unknown>): Promise<boolean> {
  let settled = false
  void promise.then(() => (settled = true))
  await new Promise(resolve => setTimeout(resolve, 100))
  return settled
}

t.test('a second process waits for the lock', onLinux, async t => {
  const first = await acquireStartLock([ONE, TWO])
  const second = acquireStartLock([TWO])
  t.notOk(await isSettled(second), 'it waits')
  first.release()
  ;(await second).release()
})

t.test('locks of other ports do not wait', async t => {
  const first = await acquireStartLock([ONE])
  ;(await acquireStartLock([TWO, 0])).release()
  ;(await acquireStartLock([0])).release()
  first.release()
  t.pass('none waited')
})

t.test('waiting for a lock that is never released times out', onLinux, async t => {
  const first = await acquireStartLock([ONE])
  const second = await acquireStartLock([ONE], 30)
  second.release()
  const third = acquireStartLock([ONE])
  t.notOk(await isSettled(third), 'the timed-out process has not taken the lock from its owner')
  first.release()
  ;(await third).release()
})
