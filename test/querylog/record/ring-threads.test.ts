import { Worker } from 'node:worker_threads'
import t from 'tap'
import { QueryEvent } from '../../../src/lookups/event/query-event.js'
import { createRing, RingReader } from '../../../src/lookups/event/ring.js'

const EVENTS = 200_000

t.test('transfers 200,000 events from another thread, complete and in order', async t => {
  const memory = createRing(64 * 1024)
  const worker = new Worker(new URL('ring-worker.js', import.meta.url), {
    workerData: { memory, events: EVENTS }
  })
  const reader = new RingReader(memory)
  const event = new QueryEvent()
  let read = 0
  let wrong = 0
  while (read < EVENTS) {
    reader.refresh()
    for (; reader.next(event); read++) if (!isWhole(event, read)) wrong++
    await new Promise(resolve => setImmediate(resolve))
  }
  await worker.terminate()
  reader.refresh()
  t.strictSame({ read, wrong, pushed: reader.pushed }, { read: EVENTS, wrong: 0, pushed: EVENTS })
})

/** The worker puts the number in several places: the name's length and every octet tell it too. */
function isWhole(event: QueryEvent, number: number): boolean {
  const length = 2 + (number % 60)
  if (event.entry !== number || event.time !== number || event.qnameLength !== length) return false
  return event.qname.subarray(0, length).every(octet => octet === number % 251)
}
