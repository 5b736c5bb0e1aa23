/** Floods threads with datagrams until they have ended. A process of its own, since Node 20 may abort it. */
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { isMainThread, parentPort, Worker } from 'node:worker_threads'
import { endThread } from '../../src/base/threads/end-thread.js'
import { portableTransport } from '../../src/wire/sockets/portable/portable.js'
import { flood } from './flood.js'

const THREADS = 3
/** Datagrams that a thread receives before it ends. */
const RECEIVED = 100

if (isMainThread) await floodThreads()
else await endWhenFlooded()

async function floodThreads(): Promise<void> {
  for (let i = 0; i < THREADS; i++) {
    const worker = new Worker(fileURLToPath(import.meta.url))
    const exited = once(worker, 'exit')
    const [port] = (await once(worker, 'message')) as [number]
    await flood({ address: '127.0.0.1', port }, exited)
  }
  process.stdout.write('ended\n')
}

/** Ends as a worker whose handler of a message has failed, but leaves its socket open. */
async function endWhenFlooded(): Promise<void> {
  let received = 0
  let onFlood = (): void => undefined
  const flooded = new Promise<void>(resolve => (onFlood = resolve))
  const { local } = await portableTransport().bind({ address: '127.0.0.1', port: 0 }, () => {
    if (++received === RECEIVED) onFlood()
  })
  parentPort!.postMessage(local.port)
  await flooded
  endThread()
}
