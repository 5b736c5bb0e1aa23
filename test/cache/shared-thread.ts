/** A thread of `shared.test.ts`: reads or writes a shared cache until it is stopped or terminated. */
import { parentPort, workerData } from 'node:worker_threads'
import { seeded } from '../../bench/kit/random.js'
import { PackedAnswerCache } from '../../src/resolver/cache/packed.js'
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

interface Role {
  readonly does: 'read' | 'write'
  /** From 0, of readers or writers. */
  readonly number: number
  readonly writers: number
  readonly owner: number
  readonly seed: number
}

const { state, role } = workerData as { state: SharedState; role: Role }
const { keys, started, finished, control } = state
const clock = { now: () => 0, wall: () => 0 }
const cache = new PackedAnswerCache(state.memory, clock, 0, role.owner)
const random = seeded(role.seed)
const below = (limit: number): number => Math.floor(random() * limit)
const octets = Array.from({ length: keys }, (_, number) => keyOf(number))

if (role.does === 'read') read()
else write()

/** Low numbers are popular, so that some answers move to the main ring. */
function popular(limit: number): number {
  return Math.floor(limit * random() ** 3)
}

/** Each thread writes keys of its own, so that their versions only grow. */
function write(): void {
  for (let i = 0; Atomics.load(control, STOP) === 0; i++) {
    const key = popular(keys / role.writers) * role.writers + role.number
    const version = started[key]! + 1
    Atomics.store(started, key, version)
    const isDone =
      below(10) === 0
        ? cache.delete(octets[key]!)
        : cache.put(octets[key]!, versionOf(key, version))
    // Else another thread, which may have died, has the lock.
    if (isDone) Atomics.store(finished, key, version)
    Atomics.add(control, WRITES + role.number, 1)
  }
}

function read(): void {
  const latest = new Int32Array(keys)
  let hits = 0
  for (let reads = 0; Atomics.load(control, STOP) === 0; reads++) {
    const key = popular(keys)
    const atLeast = Math.max(Atomics.load(finished, key), latest[key]!)
    const answer = cache.get(octets[key]!)
    const atMost = Atomics.load(started, key)
    if (answer !== undefined) {
      hits++
      const version = answer.storedAt
      if (version < atLeast || version > atMost || !isWhole(key, answer)) {
        parentPort!.postMessage({ key, version, atLeast, atMost, whole: isWhole(key, answer) })
        return
      }
      latest[key] = version
    }
    if (reads % 1000 === 999) {
      Atomics.add(control, READS, 1000)
      Atomics.add(control, HITS, hits)
      hits = 0
    }
  }
}
