import { once } from 'node:events'
import { setImmediate } from 'node:timers/promises'
import { Worker } from 'node:worker_threads'
import t from 'tap'
import { systemClock, TickClock } from '../../src/base/time/clock.js'

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

t.test('all threads have the same monotonic time', async t => {
  const module = new URL('../../src/base/time/clock.js', import.meta.url).href
  const program = `
    const { parentPort } = require('node:worker_threads')
    import('${module}').then(({ systemClock }) => parentPort.postMessage(systemClock.now()))`
  const before = systemClock.now()
  const worker = new Worker(program, { eval: true, execArgv: [] })
  const [there] = (await once(worker, 'message')) as [number]
  // Where each thread measures from its own start, the difference is seconds in this process.
  t.ok(before - 1 <= there && there <= systemClock.now() + 1, `${before} ${there}`)
  await worker.terminate()
})
