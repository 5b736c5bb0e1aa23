import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import { Worker } from 'node:worker_threads'
import t from 'tap'
import { ReplacedSnapshots } from '../../src/policy/tables/replaced-snapshots.js'
import type { Snapshot } from '../../src/policy/tables/snapshot.js'
import { IS_FUZZING } from '../runs.js'
import { eventually } from './site.js'

const MB = 2 ** 20
const SIZE = 32 * MB

/** A snapshot for this purpose: shared memory with every page in use. */
function snapshotOf(generation: number, octets: number): Snapshot {
  const memory = new SharedArrayBuffer(octets)
  new Uint8Array(memory).fill(1)
  return { generation, octets, tables: { memory } } as unknown as Snapshot
}

t.test('the memory of replaced snapshots is freed', async t => {
  const retired = new ReplacedSnapshots(20)
  const before = process.memoryUsage.rss()
  for (let generation = 1; generation <= 5; generation++) {
    retired.setCurrent(snapshotOf(generation, SIZE))
  }
  t.equal(retired.octets, 4 * SIZE)
  t.ok(process.memoryUsage.rss() > before + 4 * SIZE)
  // V8 tells of what it has freed some time later.
  await eventually('all were freed', () => retired.octets === 0)
  await eventually('their memory', () => process.memoryUsage.rss() < before + 2 * SIZE)
})

/** As the recorder, it uses the last snapshots for a while after they were replaced. */
async function useReplaced(retired: ReplacedSnapshots): Promise<void> {
  const used = [1, 2].map(generation => snapshotOf(generation, SIZE / 2))
  for (const snapshot of used) retired.setCurrent(snapshot)
  await sleep(50)
  retired.setCurrent(snapshotOf(3, SIZE / 2))
  await sleep(300)
  used.length = 0
}

t.test('what was replaced during a delay is freed when its own delay is over', async t => {
  const retired = new ReplacedSnapshots(100, 100)
  await useReplaced(retired)
  t.equal(retired.octets, SIZE)
  // V8 itself would free them when it has been idle for eight seconds.
  for (let waited = 0; waited < 80 && retired.octets > 0; waited++) await sleep(50)
  t.equal(retired.octets, 0)
})

t.test('setting the same snapshot twice replaces nothing, and small garbage may wait', async t => {
  const retired = new ReplacedSnapshots(20)
  const small = snapshotOf(1, MB)
  retired.setCurrent(small)
  retired.setCurrent(small)
  t.equal(retired.octets, 0)
  retired.setCurrent(snapshotOf(2, SIZE))
  await sleep(100)
  t.equal(retired.octets, MB)
})

t.test('threads that collect at the same time do not interfere', async t => {
  const module = new URL('./collecting-worker.js', import.meta.url)
  const rounds = IS_FUZZING ? 10 : 2
  for (let round = 0; round < rounds; round++) {
    const threads = 8
    const gate = new Int32Array(new SharedArrayBuffer(4)).fill(threads)
    const ends = Array.from({ length: threads }, async () => {
      const worker = new Worker(module, { workerData: gate, execArgv: [] })
      const errors: unknown[] = []
      worker.on('error', error => errors.push(error))
      await once(worker, 'exit')
      return errors
    })
    t.strictSame((await Promise.all(ends)).flat(), [])
  }
})
