/**
 * Replaces threads with sockets of `node:dgram` while datagrams arrive: `node datagram-threads.js COUNT`. A process of its own,
 * since Node 20 may abort it.
 */
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { Worker } from 'node:worker_threads'
import { buildSync } from 'esbuild'
import { threadOf, type Thread } from '../../src/base/threads/thread.js'

const COUNT = Number(process.argv[2])
/** Threads at the same time. */
const CONCURRENT = 4
/** Datagrams to each socket in a burst. */
const BURST = 16
const DATAGRAM = Buffer.alloc(64)
/** The ways in which a thread ends. */
const ENDINGS = ['fail', 'throw', 'end'] as const

/** In one piece, since loading a module for each of its imports takes many times as long as all the rest. */
const code = buildSync({
  entryPoints: [fileURLToPath(new URL('./datagram-thread.js', import.meta.url))],
  ...{ bundle: true, platform: 'node', format: 'cjs', write: false },
  define: { 'import.meta.url': JSON.stringify(import.meta.url) }
}).outputFiles[0]!.text

const sender = createSocket('udp4')
sender.on('message', () => undefined)
sender.bind(0, '127.0.0.1')
await once(sender, 'listening')

let started = 0
await Promise.all(Array.from({ length: CONCURRENT }, replace))
sender.close()
process.stdout.write(`${started} threads\n`)

async function replace(): Promise<void> {
  while (started < COUNT) {
    const ending = ENDINGS[started++ % ENDINGS.length]!
    const worker = new Worker(code, { eval: true, execArgv: [] })
    const exited = new Promise(resolve => worker.once('exit', resolve))
    const [thread, ports] = await startedThread(worker)
    // Before and after it is asked to end.
    await burst(ports)
    if (ending === 'end') void thread.end(60_000)
    else thread.send({ kind: ending })
    await burst(ports)
    await exited
  }
}

/** Resolves when the thread has opened its sockets. */
function startedThread(
  worker: Worker
): Promise<[Thread<{ readonly kind: string }>, readonly number[]]> {
  return new Promise((resolve, reject) => {
    const thread = threadOf<{ readonly kind: string }, readonly number[]>(worker, {
      message: ports => resolve([thread, ports]),
      exited: error => reject(error ?? new Error('it ended at its start'))
    })
  })
}

async function burst(ports: readonly number[]): Promise<void> {
  for (let i = 0; i < BURST; i++) {
    await Promise.all(
      ports.map(port => new Promise(resolve => sender.send(DATAGRAM, port, '127.0.0.1', resolve)))
    )
  }
}
