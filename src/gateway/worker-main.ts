/** A data-plane worker: its own sockets, cache and upstream sockets, one resolver. */
import { parentPort, workerData } from 'node:worker_threads'
import { tellLog, type FromWorker, type ToWorker, type WorkerStart } from './messages.js'
import { Plane } from './plane.js'
import { troubleOf } from './trouble.js'

const tell = (message: FromWorker): void => parentPort!.postMessage(message)
const plane = new Plane(workerData as WorkerStart, tellLog(tell))

parentPort!.on('message', (message: ToWorker) => {
  void obey(message).catch((error: unknown) => tell({ kind: 'failed', trouble: troubleOf(error) }))
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
    case 'drain':
      await plane.drain()
      tell({ kind: 'drained' })
  }
}
