/** A worker as the program has it, but for messages that make it run out of memory. */
import { parentPort } from 'node:worker_threads'
import '../../src/gateway/worker-main.js'

const hoard: unknown[] = []
/** A sixteenth of a megabyte. */
const take = (): number => hoard.push(new Array<number>(8192).fill(0.5))

parentPort!.on('message', ({ kind }: { kind: string }) => {
  // At once: nothing else in this thread gets a turn.
  while (kind === 'eat') take()
  if (kind !== 'leak') return
  // Most of its 64 MB soon, the rest little by little.
  while (hoard.length < 500) take()
  setInterval(take, 15)
})
