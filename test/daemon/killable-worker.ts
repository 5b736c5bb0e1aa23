/** A real worker that also takes messages of tests: to die of an uncaught error, or to shift its clock. */
import { createRequire } from 'node:module'
import { resolve } from 'node:path'
import { parentPort } from 'node:worker_threads'

createRequire(import.meta.url)(resolve('dist/bundle/serve/worker-main.js'))

const realNow = Date.now

/** Messages of tests, in addition to those of the control thread. */
export type FromTest = { readonly kind: 'die' } | { readonly kind: 'clock'; readonly off: number }

parentPort!.on('message', (message: FromTest | { readonly kind: 'adopt' }) => {
  if (message.kind === 'die') throw new Error('killed by a test')
  if (message.kind === 'clock') Date.now = () => realNow() + message.off
})
