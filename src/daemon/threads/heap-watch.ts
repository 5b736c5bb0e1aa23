import { getHeapStatistics } from 'node:v8'
import { resourceLimits } from 'node:worker_threads'
import type { Milliseconds, Octets } from '../../base/units.js'

/**
 * Of the limit. What counts for V8 is the memory of the pages that objects are on, which may be in
 * use by no more than 75% when all of it is taken. A worker has 4 GB and needs less than a hundredth
 * of it: only a leak gets so far, and from here still takes minutes.
 */
const MOST = 0.75
const MB: Octets = 2 ** 20
const LOOK: Milliseconds = 250
/** Looks in a row, lest the moment before a collection be taken for a leak. */
const LOOKS = 2

/**
 * Calls `full` when this thread, not the main one, is about to run out of memory. Past the limit
 * JavaScript is stopped from outside, and a socket that is polled then takes the whole process with
 * it; before it, a worker can still close its sockets, and only it is replaced.
 */
export function watchHeap(full: (error: Error) => void): void {
  // Not V8's own heap_size_limit, which has the room for new objects in it as well.
  const limit = (resourceLimits.maxOldGenerationSizeMb ?? Infinity) * MB
  let high = 0
  const timer = setInterval(() => {
    const taken = getHeapStatistics().total_heap_size
    high = taken > limit * MOST ? high + 1 : 0
    if (high < LOOKS) return
    clearInterval(timer)
    full(new Error(`out of memory soon: ${taken} of ${limit} octets are taken`))
  }, LOOK)
  timer.unref()
}
