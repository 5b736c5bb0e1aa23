import type { MessagePort } from 'node:worker_threads'

/** Messages of tests, in addition to those of the control thread. */
export type FromTest =
  | { readonly kind: 'die' }
  /** Shifts the wall clock by this, in milliseconds. */
  | { readonly kind: 'clock'; readonly off: number }
  /** Moves the monotonic clock on by this, in milliseconds, and adds 1 to the count. */
  | { readonly kind: 'pass'; readonly time: number; readonly count: Int32Array }

/**
 * Source of a real worker that also takes messages of tests: to die of an uncaught error, or to set its clocks. As a text,
 * it starts without the loader of modules, which takes 8 ms for each of hundreds of workers.
 *
 * @param file its packed file
 */
export const killableWorker = (file: string): string =>
  `require(${JSON.stringify(file)});(${String(takeMessages)})(require('node:worker_threads').parentPort)`

/** Uses nothing from outside, since its text is run. */
function takeMessages(port: MessagePort): void {
  const wall = Date.now
  const monotonic = performance.now.bind(performance)
  let passed = 0
  port.on('message', (message: FromTest | { readonly kind: 'adopt' }) => {
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
}
