/** A real worker that also takes messages to run out of memory. */
import { createRequire } from 'node:module'
import { resolve } from 'node:path'
import { getHeapStatistics } from 'node:v8'
import { parentPort, resourceLimits } from 'node:worker_threads'

createRequire(import.meta.url)(resolve('dist/bundle/serve/worker-main.js'))

const hoard: unknown[] = []
/** 1/16 MB: three fit on a V8 page, which is then full although a quarter is unused. */
const take = (): number => hoard.push(new Array<number>(8192).fill(0.5))

parentPort!.on('message', ({ kind }: { kind: string }) => {
  // In one go, so that nothing else in this thread runs.
  while (kind === 'eat') take()
  if (kind !== 'leak') return
  // Most of it at once, the rest slowly, so that a heap check comes in time even on a busy machine.
  const most = resourceLimits.maxOldGenerationSizeMb! * 2 ** 20 * 0.7
  while (getHeapStatistics().total_heap_size < most) take()
  setInterval(take, 15)
})
