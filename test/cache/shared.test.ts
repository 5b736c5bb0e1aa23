import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import { Worker } from 'node:worker_threads'
import t from 'tap'
import { allocateCache, shardCount } from '../../src/resolver/cache/memory.js'
import { NameScope } from '../../src/resolver/cache/name-scope.js'
import { PackedAnswerCache } from '../../src/resolver/cache/packed.js'
import { LOCK, SEQUENCE } from '../../src/resolver/cache/shard-memory.js'
import { IS_FUZZING } from '../runs.js'
import {
  HITS,
  isWhole,
  keyOf,
  READS,
  STOP,
  versionOf,
  WRITES,
  type SharedState
} from './versioned.js'

const TOTAL = IS_FUZZING ? 100_000_000 : 100_000
const KILLS = IS_FUZZING ? 400 : 2
const WRITERS = 2
/** Writes of a writer before it is killed. */
const LIFE = 100
const READERS = 2
const CONTROL = 255
const EVERYTHING = new NameScope(Uint8Array.of(0), true)

const clock = { now: () => 0, wall: () => 0 }
const module = new URL('shared-thread.js', import.meta.url)

/** Small memory: answers are evicted, moved and overwritten all the time. */
for (const { size, keys } of [
  { size: 16_384, keys: 100 },
  { size: 2 ** 22, keys: 10_000 }
]) {
  t.test(`a read beside writers that die is whole and not outdated, ${size} octets`, async t => {
    const words = (count: number): Int32Array => new Int32Array(new SharedArrayBuffer(4 * count))
    const state: SharedState = {
      memory: allocateCache(size, 8),
      keys,
      started: words(keys),
      finished: words(keys),
      control: words(WRITES + WRITERS)
    }
    const cache = new PackedAnswerCache(state.memory, clock, 0, CONTROL)
    for (let key = 0; key < keys; key++) {
      cache.put(keyOf(key), versionOf(key, 1))
      state.started[key] = state.finished[key] = 1
    }
    const wrong: unknown[] = []
    const exits: Promise<unknown>[] = []
    let seed = IS_FUZZING ? Date.now() : 1
    const start = (does: 'read' | 'write', number: number): Worker => {
      const owner = 1 + number + (does === 'read' ? WRITERS : 0)
      const role = { does, number, writers: WRITERS, owner, seed: seed++ }
      const worker = new Worker(module, { workerData: { state, role } })
      exits.push(once(worker, 'exit'))
      worker.on('message', message => wrong.push(message))
      worker.on('error', error => wrong.push(error))
      return worker
    }
    const writers = Array.from({ length: WRITERS }, (_, number) => start('write', number))
    for (let number = 0; number < READERS; number++) start('read', number)
    const { control } = state
    const share = TOTAL / 2
    let recoveries = 0
    let kills = 0
    while ((control[READS]! < share || kills < KILLS) && wrong.length === 0) {
      await sleep(1)
      if (kills >= (KILLS * control[READS]!) / share) continue
      const number = kills % WRITERS
      // Not while it is starting.
      if (control[WRITES + number]! < LIFE) continue
      kills++
      await writers[number]!.terminate()
      recoveries += cache.recover(1 + number)
      control[WRITES + number] = 0
      writers[number] = start('write', number)
    }
    Atomics.store(control, STOP, 1)
    await Promise.all(exits)
    t.strictSame(wrong, [])
    t.ok(control[HITS]! > 0, `${control[HITS]} hits`)
    t.ok(kills >= KILLS, `${kills} kills, ${recoveries} in the middle of a write`)
    for (let owner = 1; owner <= WRITERS + READERS; owner++) cache.recover(owner)
    const entries = [...cache.flush(EVERYTHING)].reduce((sum, count) => sum + count, 0)
    t.strictSame([cache.entries, cache.size], [0, 0], `counted right: ${entries} entries`)
    t.comment(
      `${control[READS]} reads, ${control[HITS]} hits, ${kills} kills, ${recoveries} recoveries`
    )
  })
}

/** The same memory as two threads see it. */
function openTwice(size = 65_536, staleMax = 0) {
  const memory = allocateCache(size, 8, undefined, 1)
  return {
    memory,
    one: new PackedAnswerCache(memory, clock, staleMax, 1),
    other: new PackedAnswerCache(memory, clock, staleMax, 2)
  }
}

const KEY = keyOf(1)

t.test('what one thread caches, replaces or deletes changes for all', async t => {
  const { one, other } = openTwice()
  one.put(KEY, versionOf(1, 1))
  t.ok(isWhole(1, other.get(KEY)!))
  other.put(KEY, versionOf(1, 2))
  t.equal(one.get(KEY)?.storedAt, 2)
  t.strictSame([one.entries, one.size], [1, other.size])
  one.delete(KEY)
  t.equal(other.get(KEY), undefined)
  t.equal(other.entries, 0)
})

t.test('one thread prefetches an answer, however many used it', async t => {
  const { one, other } = openTwice()
  one.put(KEY, versionOf(1, 1))
  for (const cache of [one, other]) cache.get(KEY)
  t.strictSame(
    [one, other, one].map(cache => cache.claimPrefetch(KEY)),
    [true, false, false]
  )
})

t.test('an answer asked for before a flush by any thread is not cached', async t => {
  const { one, other } = openTwice()
  const { generation } = one
  other.discardInFlight()
  one.put(KEY, versionOf(1, 1), generation)
  t.equal(other.get(KEY), undefined)
  one.put(KEY, versionOf(1, 2), one.generation)
  t.equal(other.get(KEY)?.storedAt, 2)
})

t.test('a thread that died while writing: others read on, and its shard is emptied', async t => {
  const { memory, one, other } = openTwice()
  one.put(KEY, versionOf(1, 1))
  const words = new Int32Array(memory.shards[0]!)
  words[LOCK] = 2
  t.equal(one.get(KEY)?.storedAt, 1, 'what was complete can be read')
  t.notOk(one.put(KEY, versionOf(1, 2)))
  t.notOk(one.delete(KEY))
  t.equal(one.get(KEY)?.storedAt, 1, 'writes are given up')
  t.strictSame(one.flush(EVERYTHING).next(), { value: 0, done: false }, 'a flush goes on later')
  words[SEQUENCE]! |= 1
  t.equal(one.get(KEY), undefined, 'while answers were being moved, none is read')
  t.strictSame([one.recover(1), one.entries], [0, 1], 'not for another thread')
  t.strictSame([one.recover(2), one.entries, one.size], [1, 0, 0])
  t.equal(other.get(KEY), undefined)
  one.put(KEY, versionOf(1, 3))
  t.equal(other.get(KEY)?.storedAt, 3, 'and it is used again')
})

t.test('a cache of any size has shards that locations can address', async t => {
  for (const size of [2 ** 14, 700_000, 2 ** 22, 44 * 2 ** 20]) {
    const memory = allocateCache(size, 8)
    const cache = new PackedAnswerCache(memory, clock)
    t.ok(cache.limit <= size && cache.limit > 0.7 * size, `${cache.limit} of ${size}`)
  }
  t.equal(shardCount(44 * 2 ** 30, 1), 64)
})
