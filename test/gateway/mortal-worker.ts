/** A worker as the program has it, but for one message that is an error nobody catches. */
import { parentPort } from 'node:worker_threads'
import '../../src/gateway/worker-main.js'

parentPort!.on('message', ({ kind }: { kind: string }) => {
  if (kind === 'die') throw new Error('killed by a test')
})
