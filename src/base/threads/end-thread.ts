import { parentPort } from 'node:worker_threads'
import { closeDatagramSockets } from './datagram-sockets.js'

/** Closes the sockets that may not be open when a thread ends, and ends this thread. */
export function endThread(): never {
  closeDatagramSockets()
  process.exit()
}

/**
 * Ends this thread when `Thread.end` asks for it, and closes its sockets when it fails. For threads that use `node:dgram`.
 * Called before the thread adds its own handler of messages.
 */
export function endOnRequest(): void {
  process.on('uncaughtExceptionMonitor', closeDatagramSockets)
  parentPort!.on('message', ({ kind }: { readonly kind: string }) => {
    if (kind === 'end') endThread()
  })
}
