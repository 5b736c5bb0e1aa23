import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { FULL_ADDRESSES, type PrivacyOptions } from '../../../src/lookups/privacy/privacy-mode.js'
import type { OpenDestination } from '../../../src/lookups/files/destination.js'
import { VERDICT } from '../../../src/lookups/event/query-event.js'
import { Recorder } from '../../../src/lookups/record/recorder.js'
import { createRing, RingWriter } from '../../../src/lookups/event/ring.js'
import type { QueryRecord } from '../../../src/lookups/event/schema.js'
import { append, fakeClock, FakeDisk, folder } from './disk.js'
import { eventOf, matchedRule, rememberingLog, snapshotOf, WALL } from './events.js'

const SMALL_RING = 4096

function recorder(
  path: string,
  open?: OpenDestination,
  modes: Partial<PrivacyOptions> = {},
  receivePending?: () => void
) {
  const keys = { folder: `${path}.keys`, rotation: 'daily', keep: 0 } as const
  const privacy = { ...FULL_ADDRESSES, keys, ...modes }
  const [clock, log] = [fakeClock(WALL), rememberingLog()]
  const rotation = { octets: 2 ** 30, daily: true }
  const made = new Recorder(
    { path, flush: 200, rotation, upstreams: ['192.0.2.53'], privacy },
    {
      ...{ clock, log, findMatchedEntry: matchedRule, receivePending },
      ...(open && { openDestination: open })
    }
  )
  made.addSnapshot(snapshotOf(1))
  const ring = () => {
    const memory = createRing(SMALL_RING)
    made.addRing(memory)
    return new RingWriter(memory)
  }
  return { made, clock, log, ring }
}

const codesOf = ({ told }: ReturnType<typeof rememberingLog>) => told.map(({ code }) => code)

/** Pushes until the ring drops one. */
function fill(writer: RingWriter): number {
  let held = 0
  while (writer.push(eventOf({ latency: held }))) held++
  return held
}

const recordsOf = (text: string) =>
  text
    .split('\n')
    .slice(0, -1)
    .map(line => JSON.parse(line) as QueryRecord)

t.test('older snapshots are kept for ten seconds, the newest forever', async t => {
  const { file, read } = folder(t)
  const { made, clock, ring } = recorder(file)
  const worker = ring()
  made.addSnapshot(snapshotOf(2))
  for (const seconds of [9, 2]) {
    clock.pass(seconds * 1000)
    made.processRings()
    for (const generation of [1, 2]) worker.push(eventOf({ generation, claim: 0, entry: 3 }))
    worker.commit()
    made.processRings()
  }
  t.strictSame(
    recordsOf(read()).map(({ ban }) => ban !== undefined),
    [true, true, false, true]
  )
  await made.drain()
})

t.test('a snapshot that is on its way is received before an event of it is written', async t => {
  const { file, read } = folder(t)
  const { made, ring } = recorder(file, undefined, {}, () => made.addSnapshot(snapshotOf(2)))
  const worker = ring()
  worker.push(eventOf({ generation: 2, claim: 0, entry: 3 }))
  worker.commit()
  made.processRings()
  t.match(recordsOf(read()), [{ generation: 2, ban: 'federal-phones/tiktok' }])
  t.equal(made.counts().unknown, 0)
  await made.drain()
})

t.test('writes what all workers pushed', async t => {
  const { file, read } = folder(t)
  const { made, ring } = recorder(file)
  const workers = [ring(), ring()]
  for (const [i, worker] of workers.entries()) {
    worker.push(eventOf({ latency: i, claim: 0, entry: 3, verdict: VERDICT.blocked }))
    worker.push(eventOf({ latency: 10 + i, generation: 9 }))
    worker.commit()
  }
  made.processRings()
  const records = recordsOf(read())
  t.strictSame(
    records.map(({ us }) => us),
    [0, 10, 1, 11]
  )
  t.equal(records[0]?.ban, 'federal-phones/tiktok')
  t.strictSame(made.counts(), {
    ...{ written: 4, dropped: 0, lost: 0, unknown: 2, errors: 0, rotations: 0 }
  })
  const { lookups } = made.status()
  t.match(lookups, { blocked: 2, forwarded: 2, cached: 0 }, 'by how they ended')
  t.strictSame(Object.keys(lookups), Object.keys(VERDICT))
  await made.drain()
})

t.test('drain writes everything and closes the file', async t => {
  const { file, read } = folder(t)
  const { made, ring } = recorder(file)
  const worker = ring()
  const held = fill(worker)
  await made.drain()
  t.equal(recordsOf(read()).length, held)
})

t.test('counts what a full ring dropped and reports it once a minute', async t => {
  const { file } = folder(t)
  const { made, clock, log, ring } = recorder(file)
  const worker = ring()
  for (let i = 0; i < 3; i++) {
    fill(worker)
    made.processRings()
  }
  t.equal(made.counts().dropped, 3)
  t.strictSame(codesOf(log), ['LOG_OVERRUN'])
  clock.pass(60_000)
  made.processRings()
  t.equal(log.told.length, 2, 'what came since then')
  clock.pass(60_000)
  made.processRings()
  t.equal(log.told.length, 2, 'nothing came since then')
  await made.drain()
})

t.test('runs periodically once started, sooner when rings fill', async t => {
  const { file } = folder(t)
  const { made, ring } = recorder(file)
  const worker = ring()
  t.equal(made.processRings(), 200, 'nothing to do')
  worker.push(eventOf({}))
  worker.commit()
  t.equal(made.processRings(), 200, 'little to do')
  fill(worker)
  const busy = made.processRings()
  t.ok(busy >= 50 && busy < 60, 'as long as a quarter took')
  for (let i = 0; i < 5; i++) {
    fill(worker)
    made.processRings()
  }
  t.ok(made.processRings() > 5, 'never without a pause, and the pause grows again')
  t.equal(made.processRings(), 200)
  await made.drain()
})

t.test('once started, writes without being called, and stops when drained', async t => {
  const { file, read } = folder(t)
  const { made, ring } = recorder(file)
  const worker = ring()
  made.start()
  worker.push(eventOf({}))
  worker.commit()
  while (read() === '') await new Promise(resolve => setTimeout(resolve, 20))
  t.equal(made.counts().written, 1)
  await made.drain()
})

t.test('full disk: reported once a minute, recovers afterwards', async t => {
  const disk = new FakeDisk()
  const { file } = folder(t)
  append(file, '')
  const { made, clock, log, ring } = recorder(file, disk.open)
  const worker = ring()
  disk.room = 0
  for (let i = 0; i < 10; i++) {
    worker.push(eventOf({ latency: i }))
    worker.commit()
    made.processRings()
    clock.pass(1000)
  }
  t.strictSame(codesOf(log), ['LOG_WRITE'])
  t.equal(made.counts().written, 0)
  disk.room = Infinity
  clock.pass(1000)
  made.processRings()
  t.match(made.counts(), { written: 10, lost: 0 })
  t.equal(log.told.at(-1)?.message, 'query log is written again')
  made.processRings()
  t.equal(log.told.length, 2)
  t.strictSame(
    recordsOf(disk.text).map(({ us }) => us),
    [0, 1, 2, 3, 4, 5, 6, 7, 8, 9],
    'the blocks that waited were not written over'
  )
  // What a full disk does not take at the end is lost, and the last line says so.
  disk.room = 0
  clock.pass(60_000)
  for (let i = 0; i < 3; i++) {
    worker.push(eventOf({ latency: i }))
    worker.commit()
    made.processRings()
  }
  await made.drain()
  t.equal(log.told.at(-1)?.message, 'query log closed; 3 more lookups lost')
})

t.test('a path that cannot be opened is reported at startup', async t => {
  const disk = new FakeDisk()
  disk.opens = false
  const { file } = folder(t)
  const { made, log } = recorder(file, disk.open)
  t.strictSame(codesOf(log), ['LOG_OPEN'])
  await made.drain()
})

t.test('reopens for logrotate', async t => {
  const disk = new FakeDisk()
  const { file } = folder(t)
  append(file, '')
  const { made } = recorder(file, disk.open)
  made.reopen()
  t.equal(disk.opened, 2)
  await made.drain()
})

t.test('writes pseudonyms with a generated key, and deletes it later', async t => {
  const { file, path, read } = folder(t)
  const { made, clock, ring } = recorder(file, undefined, { default: 'pseudonym' })
  const worker = ring()
  worker.push(eventOf({}))
  worker.push(eventOf({ generation: 9 }))
  worker.commit()
  made.processRings()
  const [first, unknown] = recordsOf(read())
  t.match(first, { client: /^[0-9a-f]{16}$/, privacy: 'pseudonym' })
  t.equal(unknown?.client, first?.client, 'also where nothing is known of the network')
  const keys = () => readdirSync(join(path, 'queries.jsonl.keys'))
  t.strictSame(keys(), ['2023-03-13.key'])
  clock.pass(86_400_000)
  made.processRings()
  t.strictSame(keys(), ['2023-03-14.key'], 'that of the new day, before its first lookup')
  await made.drain()
})
