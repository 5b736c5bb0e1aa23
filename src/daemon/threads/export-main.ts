/** The export thread: sends query log lines to other systems (`log.outputs`). */
import { parentPort, workerData } from 'node:worker_threads'
import { Exporter } from '../../querylog/export/exporter.js'
import { createThreadLog, type FromExport, type ExportInit, type ToExport } from './messages.js'

const post = (message: FromExport): void => parentPort!.postMessage(message)
const { outputs, backlog } = workerData as ExportInit
const outlets = outputs.map(options => new Exporter(options, createThreadLog(post)))
for (const outlet of outlets) outlet.start()

parentPort!.on('message', (message: ToExport) => {
  switch (message.kind) {
    case 'block':
      for (const outlet of outlets) outlet.push(message.octets, message.lines)
      Atomics.sub(backlog, 0, message.octets.length)
      Atomics.sub(backlog, 1, message.lines)
      return
    case 'request': {
      const reply = outlets.map((outlet, i) => ({ name: outputs[i]!.name, ...outlet.counts() }))
      return post({ kind: 'reply', id: message.id, reply })
    }
    case 'drain':
      void Promise.all(outlets.map(outlet => outlet.close())).then(() => post({ kind: 'drained' }))
  }
})
