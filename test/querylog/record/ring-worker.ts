import { workerData } from 'node:worker_threads'
import { QueryEvent } from '../../../src/lookups/event/query-event.js'
import { RingWriter } from '../../../src/lookups/event/ring.js'

/** Pushes numbered events in batches; where the ring is full it waits for the reader. */
const { memory, events } = workerData as { memory: SharedArrayBuffer; events: number }
const writer = new RingWriter(memory)
const event = new QueryEvent()
const never = new Int32Array(new SharedArrayBuffer(4))

for (let number = 0; number < events; number++) {
  event.entry = event.time = number
  event.qnameLength = 2 + (number % 60)
  event.qname.fill(number % 251, 0, event.qnameLength)
  while (!writer.push(event)) Atomics.wait(never, 0, 0, 1)
  if (number % 17 === 0) writer.commit()
}
writer.commit()
