import t from 'tap'
import { once } from 'node:events'
import { Worker } from 'node:worker_threads'
import { batchTransport, closeLeftOver } from '../../src/socket/batch.js'
import { Ledger } from '../../src/socket/ledger.js'

t.test('knows what is open, in memory that can be shared', async t => {
  const ledger = new Ledger()
  const elsewhere = new Ledger(ledger.shared)
  for (const fd of [0, 5, 9]) ledger.note(fd)
  ledger.forget(5)
  ledger.forget(77)
  ledger.note(6)
  t.strictSame(elsewhere.take().toSorted(), [0, 6, 9])
  t.strictSame(ledger.take(), [])
})

t.test('keeps to its room', async t => {
  const ledger = new Ledger()
  for (let fd = 0; fd < 5000; fd++) ledger.note(fd)
  t.ok(ledger.take().length >= 1024)
})

const transport = batchTransport()
const skip = typeof transport === 'string' && transport

t.test('frees the port of a thread that was killed', { skip }, async t => {
  if (typeof transport === 'string') return
  const ledger = new Ledger()
  const worker = new Worker(new URL('./ledger-thread.js', import.meta.url), {
    workerData: ledger.shared
  })
  const [port] = (await once(worker, 'message')) as [number]
  await worker.terminate()
  const endpoint = { address: '127.0.0.1', port }
  await t.rejects(transport.probe(endpoint), { code: 'SOCKET_BIND' }, 'still held by the dead')
  closeLeftOver(ledger)
  await transport.probe(endpoint)
  t.strictSame(ledger.take(), [])
})
