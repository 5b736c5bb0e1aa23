/** The outlet thread: sends the lines of the query log to other systems (`log.outputs`). */
import { parentPort, workerData } from 'node:worker_threads'
import { Outlet } from '../../querylog/export/outlet.js'
import { tellLog, type FromOutlet, type OutletStart, type ToOutlet } from './messages.js'

const tell = (message: FromOutlet): void => parentPort!.postMessage(message)
const { outputs, unread } = workerData as OutletStart
const outlets = outputs.map(options => new Outlet(options, tellLog(tell)))
for (const outlet of outlets) outlet.start()

parentPort!.on('message', (message: ToOutlet) => {
  switch (message.kind) {
    case 'block':
      for (const outlet of outlets) outlet.push(message.octets, message.lines)
      Atomics.sub(unread, 0, message.octets.length)
      Atomics.sub(unread, 1, message.lines)
      return
    case 'ask': {
      const reply = outlets.map((outlet, i) => ({ name: outputs[i]!.name, ...outlet.counts() }))
      return tell({ kind: 'said', ticket: message.ticket, reply })
    }
    case 'drain':
      void Promise.all(outlets.map(outlet => outlet.close())).then(() => tell({ kind: 'drained' }))
  }
})
