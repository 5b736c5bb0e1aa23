import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { Worker } from 'node:worker_threads'
import t from 'tap'
import { batchTransport, releaseLeftovers } from '../../src/wire/sockets/batch/batch.js'
import { DescriptorTable } from '../../src/base/system/descriptor-table.js'

t.test('records open descriptors in shared memory', async t => {
  const table = new DescriptorTable()
  const other = new DescriptorTable(table.shared)
  for (const fd of [0, 5, 9]) table.add(fd)
  table.remove(5)
  table.remove(77)
  table.add(6)
  t.strictSame(other.takeDescriptors().toSorted(), [0, 6, 9])
  t.strictSame(table.takeDescriptors(), [])
})

t.test('records mappings', async t => {
  const table = new DescriptorTable()
  const other = new DescriptorTable(table.shared)
  for (const address of [4096, 2 ** 47 - 4096, 8192]) table.addMapping(address, address / 2)
  table.removeMapping(8192)
  table.removeMapping(16384)
  t.strictSame(other.takeMappings(), [
    { address: 4096, octets: 2048 },
    { address: 2 ** 47 - 4096, octets: 2 ** 46 - 2048 }
  ])
  t.strictSame(table.takeMappings(), [])
})

t.test('ignores entries beyond its capacity', async t => {
  const table = new DescriptorTable()
  for (let fd = 0; fd < 5000; fd++) table.add(fd)
  t.ok(table.takeDescriptors().length >= 1024)
  for (let piece = 1; piece <= 5000; piece++) table.addMapping(4096 * piece, 4096)
  t.ok(table.takeMappings().length >= 256)
})

const transport = batchTransport()
const skip = typeof transport === 'string' && transport

t.test('frees the port of a killed thread', { skip }, async t => {
  if (typeof transport === 'string') return
  const table = new DescriptorTable()
  const worker = new Worker(new URL('./descriptor-table-thread.js', import.meta.url), {
    workerData: table.shared
  })
  const [port] = (await once(worker, 'message')) as [number]
  await worker.terminate()
  const endpoint = { address: '127.0.0.1', port }
  await t.rejects(
    transport.probe(endpoint),
    { code: 'SOCKET_BIND' },
    'still bound by the dead thread'
  )
  releaseLeftovers(table)
  await transport.probe(endpoint)
  t.strictSame(table.takeDescriptors(), [])
})

t.test('unmaps the memory of a killed thread', { skip }, async t => {
  const table = new DescriptorTable()
  const worker = new Worker(new URL('./descriptor-table-thread.js', import.meta.url), {
    workerData: table.shared
  })
  await once(worker, 'message')
  await worker.terminate()
  const pieces = table.takeMappings()
  t.ok(pieces.length > 0)
  t.strictSame(pieces.filter(isMapped), pieces, 'mappings outlive the thread')
  for (const { address, octets } of pieces) table.addMapping(address, octets)
  releaseLeftovers(table)
  t.strictSame(pieces.filter(isMapped), [])
})

/** Whether this process has a mapping that contains `address`: proc_pid_maps(5). */
function isMapped({ address }: { readonly address: number }): boolean {
  return readFileSync('/proc/self/maps', 'latin1')
    .split('\n')
    .map(line => line.split(/[- ]/, 2).map(hex => Number.parseInt(hex, 16)))
    .some(([from, to]) => from! <= address && address < to!)
}
