/** The outlet thread: sends the lines of the query log to other systems (`log.outputs`). */
import { parentPort, workerData } from 'node:worker_threads'
import { Exporter } from '../../querylog/export/exporter.js'
import { createThreadLog, type FromExport, type ExportInit, type ToExport } from './messages.js'

const tell = (message: FromExport): void => parentPort!.postMessage(message)
const { outputs, backlog: unread } = workerData as ExportInit
const outlets = outputs.map(options => new Exporter(options, createThreadLog(tell)))
for (const outlet of outlets) outlet.start()

parentPort!.on('message', (message: ToExport) => {
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
