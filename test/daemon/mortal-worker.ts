/** A worker as the program has it, but for messages of tests: an error nobody catches, a clock. */
import { createRequire } from 'node:module'
import { resolve } from 'node:path'
import { parentPort } from 'node:worker_threads'

createRequire(import.meta.url)(resolve('dist/bundle/serve/worker-main.js'))

const right = Date.now

/** Messages of tests, among those that the worker knows. */
export type FromTest = { readonly kind: 'die' } | { readonly kind: 'clock'; readonly off: number }

parentPort!.on('message', (message: FromTest | { readonly kind: 'adopt' }) => {
  if (message.kind === 'die') throw new Error('killed by a test')
  if (message.kind === 'clock') Date.now = () => right() + message.off
})
