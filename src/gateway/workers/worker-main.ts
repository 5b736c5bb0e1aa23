/** A worker thread: one data plane with its own sockets, shelf and resolver. */
import { getHeapStatistics } from 'node:v8'
import { parentPort, resourceLimits, workerData } from 'node:worker_threads'
import type { Milliseconds, Octets } from '../../base/units.js'
import { mmapLargeBlocks } from '../../base/system/malloc.js'
import { takeShortSlices } from '../../base/system/scheduling.js'
import { DataPlane, transportOf } from './data-plane.js'
import { endThread } from '../../base/threads/end-thread.js'
import { EventLoopLag } from './event-loop-lag.js'
import { useKeptKoffi } from '../../base/threads/kept-koffi.js'
import { createThreadLog } from '../../base/threads/thread-log.js'
import type { FromWorker, ToWorker, WorkerInit } from './worker-messages.js'
import { reasonOf } from '../../base/errors/reason.js'
import { warmUp } from './warm-up.js'
import { serializeError } from '../../base/errors/serialized-error.js'

/**
 * The fraction of the heap limit above which a worker is replaced. V8 counts the pages that objects
 * live on, and at most 75% of those need be in use when all are taken. A worker has 4 GB and needs
 * less than 1% of it: only a leak gets this far, and from here still takes minutes to the limit.
 */
const HEAP_THRESHOLD = 0.75
const MB: Octets = 2 ** 20
const HEAP_CHECK_INTERVAL: Milliseconds = 250
/** Consecutive checks above the threshold, so that a peak just before a garbage collection raises no alarm. */
const HEAP_CHECKS = 2

const post = (message: FromWorker): void => parentPort!.postMessage(message)
const init = workerData as WorkerInit
useKeptKoffi()
// In this thread, which loads koffi for the sockets anyway, and now, while the rules are compiled.
if (init.settings.config.transport !== 'portable') {
  mmapLargeBlocks()
  takeShortSlices()
}
const log = createThreadLog(post)
/** The sockets of the warm-up are to be closed. */
const ending = new AbortController()
const dataPlane = new DataPlane(
  init,
  log,
  token => post({ kind: 'probe', token }),
  (zone, primary) => post({ kind: 'notified', zone, primary }),
  sample => post({ kind: 'sample', sample }),
  batch => post({ kind: 'answers', batch }),
  {
    sighted: (seen, blocked) => post({ kind: 'sighted', seen, blocked }),
    held: reply => post({ kind: 'held', reply }),
    overdue: count => post({ kind: 'overdue', count })
  }
)

process.on('uncaughtException', fail)
watchHeap(fail)
new EventLoopLag(init.counters, init.number)

parentPort!.on('message', (message: ToWorker) => {
  onMessage(message).catch(fail)
})

async function onMessage(message: ToWorker): Promise<void> {
  switch (message.kind) {
    case 'listen':
      await listen(message)
      post({ kind: 'listening' })
      break
    case 'adopt':
      dataPlane.adopt(message)
      post({ kind: 'adopted', generation: message.snapshot.generation })
      break
    case 'settings':
      dataPlane.configure(message.settings)
      break
    case 'certificates':
      dataPlane.setCertificates(message.certificates)
      break
    case 'cookie-secrets':
      dataPlane.setCookieSecrets(message.secrets)
      break
    case 'validation':
      dataPlane.connectValidation(message.port)
      break
    case 'release':
      dataPlane.release(message.ids)
      break
    case 'notify-sources':
      dataPlane.setNotifySources(message.rules)
      break
    case 'request':
      post({ kind: 'reply', id: message.id, reply: dataPlane.handle(message.request) })
      break
    case 'disable-routes':
      dataPlane.disableRoutes(message.routes)
      break
    case 'drain':
      await dataPlane.drain(message.leaves)
      post({ kind: 'drained' })
      break
    case 'end':
      end()
  }
}

async function listen(message: ToWorker & { readonly kind: 'listen' }): Promise<void> {
  const { endpoints, sockets, warmsUp } = message
  const transport = transportOf(init)
  if (warmsUp)
    await warmUp(init, message, transport, ending.signal).catch((error: unknown) => {
      log.warn({ error: reasonOf(error) }, 'not warmed up')
    })
  await dataPlane.listen(endpoints, message, sockets, transport)
}

function fail(error: unknown): void {
  post({ kind: 'failed', error: serializeError(error) })
  end()
}

/**
 * Closes every socket before the thread ends: koffi aborts the whole process when a polled socket
 * becomes readable after JavaScript has been stopped, and so does Node 20 for those of `node:dgram`.
 */
function end(): void {
  try {
    ending.abort()
    dataPlane.close()
  } finally {
    endThread()
  }
}

/**
 * Calls `onFull` when this thread is about to run out of memory. At the limit V8 terminates JavaScript
 * from outside, and a socket that is still polled then aborts the whole process; below it, a worker
 * can close its sockets first, and only the worker is replaced.
 */
function watchHeap(onFull: (error: Error) => void): void {
  // V8's own heap_size_limit also includes the space for new objects.
  const limit = (resourceLimits.maxOldGenerationSizeMb ?? Infinity) * MB
  let checks = 0
  const timer = setInterval(() => {
    const used = getHeapStatistics().total_heap_size
    checks = used > limit * HEAP_THRESHOLD ? checks + 1 : 0
    if (checks < HEAP_CHECKS) return
    clearInterval(timer)
    onFull(new Error(`heap almost full: ${used} of ${limit} bytes in use`))
  }, HEAP_CHECK_INTERVAL)
  timer.unref()
}
