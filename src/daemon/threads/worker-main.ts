/** A data-plane worker: its own sockets, cache and upstream sockets, one resolver. */
import { parentPort, workerData } from 'node:worker_threads'
import { mmapLargeBlocks } from '../../udp/malloc.js'
import { DataPlane } from '../workers/data-plane.js'
import { watchHeap } from './heap-watch.js'
import { createThreadLog, type FromWorker, type ToWorker, type WorkerInit } from './messages.js'
import { serializeError } from './serialized-error.js'

const tell = (message: FromWorker): void => parentPort!.postMessage(message)
const start = workerData as WorkerInit
// Here, since koffi is loaded for the sockets, and now, since rules are being compiled.
if (start.config.transport !== 'portable') mmapLargeBlocks()
const dataPlane = new DataPlane(
  start,
  createThreadLog(tell),
  token => tell({ kind: 'probe', token }),
  (zone, primary) => tell({ kind: 'notified', zone, primary })
)

process.on('uncaughtException', die)
watchHeap(die)

parentPort!.on('message', (message: ToWorker) => {
  obey(message).catch(die)
})

async function obey(message: ToWorker): Promise<void> {
  switch (message.kind) {
    case 'listen':
      await dataPlane.listen(message.endpoints, message.snapshot)
      tell({ kind: 'listening' })
      break
    case 'adopt':
      dataPlane.adopt(message.snapshot)
      break
    case 'secrets':
      dataPlane.setCookieSecrets(message.secrets)
      break
    case 'hear-from':
      dataPlane.setNotifySources(message.rules)
      break
    case 'ask':
      tell({
        kind: 'said',
        ticket: message.ticket,
        reply: await dataPlane.handle(message.question)
      })
      break
    case 'leave-out':
      dataPlane.disableRoutes(message.routes)
      break
    case 'drain':
      await dataPlane.drain()
      tell({ kind: 'drained' })
      break
    case 'end':
      end()
  }
}

function die(error: unknown): void {
  tell({ kind: 'failed', trouble: serializeError(error) })
  end()
}

/**
 * No socket may be polled when the thread ends: koffi aborts the whole process when one becomes
 * readable after JavaScript has been stopped.
 */
function end(): void {
  try {
    dataPlane.close()
  } finally {
    process.exit()
  }
}
