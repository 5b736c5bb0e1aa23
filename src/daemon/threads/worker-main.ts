/** A data-plane worker: its own sockets, cache and upstream sockets, one resolver. */
import { parentPort, workerData } from 'node:worker_threads'
import { mmapLargeBlocks } from '../../udp/malloc.js'
import { Plane } from '../workers/data-plane.js'
import { watchHeap } from './heap-watch.js'
import { tellLog, type FromWorker, type ToWorker, type WorkerStart } from './messages.js'
import { troubleOf } from './serialized-error.js'

const tell = (message: FromWorker): void => parentPort!.postMessage(message)
const start = workerData as WorkerStart
// Here, since koffi is loaded for the sockets, and now, since rules are being compiled.
if (start.config.transport !== 'portable') mmapLargeBlocks()
const plane = new Plane(
  start,
  tellLog(tell),
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
      await plane.listen(message.endpoints, message.snapshot)
      tell({ kind: 'listening' })
      break
    case 'adopt':
      plane.adopt(message.snapshot)
      break
    case 'secrets':
      plane.rekey(message.secrets)
      break
    case 'hear-from':
      plane.hearFrom(message.rules)
      break
    case 'ask':
      tell({ kind: 'said', ticket: message.ticket, reply: await plane.reply(message.question) })
      break
    case 'leave-out':
      plane.leaveOut(message.routes)
      break
    case 'drain':
      await plane.drain()
      tell({ kind: 'drained' })
      break
    case 'end':
      end()
  }
}

function die(error: unknown): void {
  tell({ kind: 'failed', trouble: troubleOf(error) })
  end()
}

/**
 * No socket may be polled when the thread ends: koffi aborts the whole process when one becomes
 * readable after JavaScript has been stopped.
 */
function end(): void {
  try {
    plane.close()
  } finally {
    process.exit()
  }
}
