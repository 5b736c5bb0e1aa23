/** A real recorder that writes nothing once a message of the test says so, and counts all as written. */
import { parentPort } from 'node:worker_threads'
import { Formatter } from '../../src/lookups/record/formatter.js'
import type { QueryEvent } from '../../src/lookups/event/query-event.js'
import type { FaultMessage } from './faulty-worker.js'

let isFaulty = false
parentPort!.on('message', (message: Partial<FaultMessage>) => {
  if (message.kind === 'fault') isFaulty = message.fault === 'log not written'
})
const formatter = Formatter.prototype as { append: (event: QueryEvent) => void }
const { append } = formatter
formatter.append = function (this: typeof formatter, event) {
  if (!isFaulty) append.call(this, event)
}

await import('../../src/lookups/threads/recorder-main.js')
