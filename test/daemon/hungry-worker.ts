/** A worker as the program has it, but for messages that make it run out of memory. */
import { getHeapStatistics } from 'node:v8'
import { parentPort, resourceLimits } from 'node:worker_threads'
import '../../src/daemon/threads/worker-main.js'

const hoard: unknown[] = []
/** A sixteenth of a megabyte: three on a page of V8's, which is then full though a quarter is unused. */
const take = (): number => hoard.push(new Array<number>(8192).fill(0.5))

parentPort!.on('message', ({ kind }: { kind: string }) => {
  // At once: nothing else in this thread gets a turn.
  while (kind === 'eat') take()
  if (kind !== 'leak') return
  // Most of it soon, the rest little by little: on a busy machine too, a look comes in time.
  const most = resourceLimits.maxOldGenerationSizeMb! * 2 ** 20 * 0.7
  while (getHeapStatistics().total_heap_size < most) take()
  setInterval(take, 15)
})
