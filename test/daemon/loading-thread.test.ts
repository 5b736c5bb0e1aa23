import { Worker } from 'node:worker_threads'
import t from 'tap'
import { threadOf, threadsHaveEnded } from '../../src/base/threads/thread.js'

/** @param code of the thread, with `busy(ms)` and `onEnd(run)` */
function thread(code: string) {
  const worker = new Worker(
    `const { parentPort } = require('node:worker_threads')
     const busy = ms => { for (const end = Date.now() + ms; Date.now() < end;); }
     const onEnd = run => parentPort.on('message', run)
     ${code}`,
    { eval: true }
  )
  const exit = new Promise<number>(resolve => worker.once('exit', resolve))
  const started = threadOf<never, never>(worker, { message: ignore, exited: ignore })
  return { exit, end: (timeout?: number) => started.end(timeout) }
}

const ignore = (): void => undefined

t.test('a thread that still loads its code is not terminated', async t => {
  const { end, exit } = thread('onEnd(() => process.exit(7)); busy(500)')
  await end(20)
  t.equal(await exit, 7, 'it has ended itself')
  t.ok(await threadsHaveEnded())
})

t.test('a thread that is not asked to end is terminated at once', async t => {
  const { end, exit } = thread('onEnd(() => process.exit(7)); busy(600_000)')
  await end()
  t.not(await exit, 7)
})
