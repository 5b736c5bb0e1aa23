import { MessageChannel, Worker } from 'node:worker_threads'
import type { Thread, ThreadHandlers } from '../../src/base/threads/thread.js'
import type { HostedThread } from './thread-host.js'

/** The threads that `thread-host.ts` can run. */
export const HOSTED: readonly string[] = ['compiler-main.js', 'recorder-main.js']

/** One for all gateways of this process. */
let host: Worker | undefined

function startHost(): Worker {
  const worker = new Worker(new URL('./thread-host.js', import.meta.url), { execArgv: [] })
  worker.unref()
  return worker
}

/** Starts one of `HOSTED`. It never exits by itself. */
export function startHosted<In, Out>(
  file: string,
  workerData: unknown,
  handlers: ThreadHandlers<Out>
): Thread<In> {
  const { port1: ours, port2: port } = new MessageChannel()
  let isDrained = file !== 'recorder-main.js'
  let onDrained = (): void => undefined
  ours.on('message', (one: Out & { readonly kind: string }) => {
    if (one.kind === 'drained') {
      isDrained = true
      onDrained()
    }
    handlers.message(one)
  })
  host ??= startHost()
  host.postMessage({ file, workerData, port } satisfies HostedThread, [port])
  return {
    send: one => ours.postMessage(one),
    end: async () => {
      // The shared thread runs on, and a recorder in it would go on writing.
      if (!isDrained) {
        const drained = new Promise<void>(resolve => (onDrained = resolve))
        ours.postMessage({ kind: 'drain' })
        await drained
      }
      ours.close()
    }
  }
}
