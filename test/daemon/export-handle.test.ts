import { Worker } from 'node:worker_threads'
import t, { type Test } from 'tap'
import { ExportHandle } from '../../src/lookups/threads/export-handle.js'
import type { ExportInit } from '../../src/lookups/threads/log-messages.js'
import { FULL_ADDRESSES } from '../../src/lookups/privacy/privacy-mode.js'
import { Recorder } from '../../src/lookups/record/recorder.js'
import { createRing, RingWriter } from '../../src/lookups/event/ring.js'
import { numbers, output, Sink, upTo } from '../querylog/export/sinks.js'
import { fakeClock, folder } from '../querylog/record/disk.js'
import { eventOf, matchedRule, snapshotOf, WALL } from '../querylog/record/events.js'
import { MemoryLog } from './serve.js'
import { eventually, Site } from './site.js'

/** A recorder with an export thread, which can be killed. */
async function rig(t: Test) {
  const sink = await new Sink(t).listen()
  const log = new MemoryLog()
  const threads: Worker[] = []
  const start = (workerData: ExportInit): Worker => {
    const module = new URL('../../src/lookups/threads/export-main.js', import.meta.url)
    // Without tap's hooks, which take longer to load than all the rest.
    const worker = new Worker(module, { workerData, execArgv: [] })
    threads.push(worker)
    return worker
  }
  const feed = new ExportHandle([output(new Site(t, {}), { to: { port: sink.port } })], log, start)
  t.teardown(() => feed.close())
  const { file: path, read } = folder(t)
  const keys = { folder: `${path}.keys`, rotation: 'daily', keep: 0 } as const
  const rotation = { octets: 2 ** 30, daily: true }
  const recorder = new Recorder(
    { path, flush: 200, rotation, upstreams: [], privacy: { ...FULL_ADDRESSES, keys } },
    {
      ...{ clock: fakeClock(WALL), log, findMatchedEntry: matchedRule },
      onBlock: (block, lines) => feed.push(block, lines)
    }
  )
  recorder.addSnapshot(snapshotOf(1))
  const memory = createRing(65_536)
  recorder.addRing(memory)
  const ring = new RingWriter(memory)
  /** Records lookups whose `us` is their number. */
  const record = (from: number, to: number): void => {
    for (let took = from; took < to; took++) ring.push(eventOf({ latency: took }))
    ring.commit()
    recorder.processRings()
  }
  return { sink, log, threads, feed, recorder, read, record }
}

t.test(
  'the export thread dies: logging continues, it is restarted, lost lines are counted',
  async t => {
    const { sink, log, threads, feed, recorder, read, record } = await rig(t)
    record(0, 3)
    await eventually('three are sent', () => numbers(sink.all).length === 3)
    const gone = new Promise(resolve => threads[0]!.once('exit', resolve))
    void threads[0]!.terminate()
    await gone
    record(3, 5)
    const { fields } = await log.says('export thread died')
    t.match(fields, { error: 'ended', lost: 0, restartMs: 50 })
    t.match(log.with('2 lookups not sent'), [{ level: 'error' }])
    await eventually('another one', () => threads.length === 2)
    record(5, 8)
    await eventually('what comes then is sent', () => numbers(sink.all).length === 6)
    t.strictSame(numbers(sink.all), [0, 1, 2, 5, 6, 7])
    t.match(await feed.status(), [{ name: 'test', sent: 3, dropped: 2, restarts: 1 }])
    await recorder.drain()
    t.strictSame(numbers(read()), upTo(8), 'the query log has every lookup')
  }
)

t.test('lines that a dead thread has not processed are counted', async t => {
  const { log, threads, feed, record } = await rig(t)
  // Before the thread runs, so that messages to it wait.
  record(0, 4)
  void threads[0]!.terminate()
  const { fields } = await log.says('export thread died')
  t.match(fields, { lost: 4 })
  await eventually('another one', () => threads.length === 2)
  // It is starting, which may take longer than a status waits.
  await eventually('its status', async () => (await feed.status()).length > 0)
  t.match(await feed.status(), [{ dropped: 4, restarts: 1 }])
})
