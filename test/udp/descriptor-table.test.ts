import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { Worker } from 'node:worker_threads'
import t from 'tap'
import { batchTransport, releaseLeftovers } from '../../src/udp/batch/batch.js'
import { DescriptorTable } from '../../src/udp/batch/descriptor-table.js'

t.test('knows what is open, in memory that can be shared', async t => {
  const ledger = new DescriptorTable()
  const elsewhere = new DescriptorTable(ledger.shared)
  for (const fd of [0, 5, 9]) ledger.add(fd)
  ledger.remove(5)
  ledger.remove(77)
  ledger.add(6)
  t.strictSame(elsewhere.takeDescriptors().toSorted(), [0, 6, 9])
  t.strictSame(ledger.takeDescriptors(), [])
})

t.test('knows what is mapped', async t => {
  const ledger = new DescriptorTable()
  const elsewhere = new DescriptorTable(ledger.shared)
  for (const address of [4096, 2 ** 47 - 4096, 8192]) ledger.addMapping(address, address / 2)
  ledger.removeMapping(8192)
  ledger.removeMapping(16384)
  t.strictSame(elsewhere.takeMappings(), [
    { address: 4096, octets: 2048 },
    { address: 2 ** 47 - 4096, octets: 2 ** 46 - 2048 }
  ])
  t.strictSame(ledger.takeMappings(), [])
})

t.test('keeps to its room', async t => {
  const ledger = new DescriptorTable()
  for (let fd = 0; fd < 5000; fd++) ledger.add(fd)
  t.ok(ledger.takeDescriptors().length >= 1024)
  for (let piece = 1; piece <= 5000; piece++) ledger.addMapping(4096 * piece, 4096)
  t.ok(ledger.takeMappings().length >= 256)
})

const transport = batchTransport()
const skip = typeof transport === 'string' && transport

t.test('frees the port of a thread that was killed', { skip }, async t => {
  if (typeof transport === 'string') return
  const ledger = new DescriptorTable()
  const worker = new Worker(new URL('./descriptor-table-thread.js', import.meta.url), {
    workerData: ledger.shared
  })
  const [port] = (await once(worker, 'message')) as [number]
  await worker.terminate()
  const endpoint = { address: '127.0.0.1', port }
  await t.rejects(transport.probe(endpoint), { code: 'SOCKET_BIND' }, 'still held by the dead')
  releaseLeftovers(ledger)
  await transport.probe(endpoint)
  t.strictSame(ledger.takeDescriptors(), [])
})

t.test('gives back the memory of a thread that was killed', { skip }, async t => {
  const ledger = new DescriptorTable()
  const worker = new Worker(new URL('./descriptor-table-thread.js', import.meta.url), {
    workerData: ledger.shared
  })
  await once(worker, 'message')
  await worker.terminate()
  const pieces = ledger.takeMappings()
  t.ok(pieces.length > 0)
  t.strictSame(pieces.filter(isMapped), pieces, 'it outlives the thread')
  for (const { address, octets } of pieces) ledger.addMapping(address, octets)
  releaseLeftovers(ledger)
  t.strictSame(pieces.filter(isMapped), [])
})

/** Whether memory begins there, or lies across it, that this process has: proc_pid_maps(5). */
function isMapped({ address }: { readonly address: number }): boolean {
  return readFileSync('/proc/self/maps', 'latin1')
    .split('\n')
    .map(line => line.split(/[- ]/, 2).map(hex => Number.parseInt(hex, 16)))
    .some(([from, to]) => from! <= address && address < to!)
}
