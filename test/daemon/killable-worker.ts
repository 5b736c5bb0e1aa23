/** A real worker that also takes messages of tests: to die of an uncaught error, or to set its clocks. */
import { createRequire } from 'node:module'
import { resolve } from 'node:path'
import { parentPort } from 'node:worker_threads'

createRequire(import.meta.url)(resolve('dist/bundle/serve/worker-main.js'))

const wall = Date.now
const monotonic = performance.now.bind(performance)
let passed = 0

/** Messages of tests, in addition to those of the control thread. */
export type FromTest =
  | { readonly kind: 'die' }
  /** Shifts the wall clock by this, in milliseconds. */
  | { readonly kind: 'clock'; readonly off: number }
  /** Moves the monotonic clock on by this, in milliseconds, and adds 1 to the count. */
  | { readonly kind: 'pass'; readonly time: number; readonly count: Int32Array }

parentPort!.on('message', (message: FromTest | { readonly kind: 'adopt' }) => {
  if (message.kind === 'die') throw new Error('killed by a test')
  if (message.kind === 'clock') Date.now = () => wall() + message.off
  if (message.kind === 'pass') {
    passed += message.time
    Object.defineProperty(performance, 'now', {
      value: () => monotonic() + passed,
      configurable: true
    })
    Atomics.add(message.count, 0, 1)
  }
})
