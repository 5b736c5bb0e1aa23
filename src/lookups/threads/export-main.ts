/** The export thread: sends query log lines to other systems (`log.outputs`). */
import { parentPort, workerData } from 'node:worker_threads'
import { Outputs } from '../export/outputs.js'
import { endOnRequest } from '../../base/threads/end-thread.js'
import { createThreadLog } from '../../base/threads/thread-log.js'
import type { FromExport, ExportInit, ToExport } from './log-messages.js'

const post = (message: FromExport): void => parentPort!.postMessage(message)
const { outputs: initial, backlog } = workerData as ExportInit
endOnRequest()
const outputs = new Outputs(createThreadLog(post))
outputs.configure(initial)

parentPort!.on('message', (message: ToExport) => {
  switch (message.kind) {
    case 'block':
      outputs.push(message.octets, message.lines)
      Atomics.sub(backlog, 0, message.octets.length)
      Atomics.sub(backlog, 1, message.lines)
      return
    case 'outputs':
      return outputs.configure(message.outputs)
    case 'request':
      return post({ kind: 'reply', id: message.id, reply: outputs.counts() })
    case 'drain':
      void outputs.close().then(() => post({ kind: 'drained' }))
  }
})
