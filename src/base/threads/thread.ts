import type { Worker } from 'node:worker_threads'
import type { Milliseconds } from '../units.js'
import { startFile } from './start-file.js'

/**
 * Young generation size of each thread, instead of V8's 48 MB. The garbage of a query is dead within a
 * millisecond, so little is enough: for forwarded queries 12 MB costs 5 to 10% less CPU than 48 MB;
 * 6 MB and 96 MB cost no less than 48 MB.
 */
const YOUNG_MB = 12

/** A thread of the gateway, with typed messages. */
export interface Thread<In> {
  send(message: In): void
  /** Waits for the thread to exit, and terminates it after `timeout`; `exited` is not called. */
  end(timeout?: Milliseconds): Promise<void>
}

export interface ThreadHandlers<Out> {
  message(message: Out): void
  /** The thread ended by itself, with the error if it threw one. */
  exited(error: Error | undefined): void
}

/** Starts `file`, the name of one of `THREAD_FILES`, as a thread. Injected by tests. */
export type StartThread = <In, Out>(
  file: string,
  data: unknown,
  handlers: ThreadHandlers<Out>,
  youngMb?: number
) => Thread<In>

export const startThread: StartThread = (file, data, handlers, youngMb = YOUNG_MB) => {
  ensureWorkingFolder()
  const worker = startFile(file, {
    workerData: data,
    resourceLimits: { maxYoungGenerationSizeMb: youngMb }
  })
  return threadOf(worker, handlers)
}

/** The same for a thread that starts another one: only the main thread may change the working folder. */
export const startNestedThread: StartThread = (file, data, handlers) =>
  threadOf(startFile(file, { workerData: data }), handlers)

const initialFolder = process.cwd()

/** Node starts no thread while the working folder is deleted, even if it has been created again. */
function ensureWorkingFolder(): void {
  try {
    process.chdir(initialFolder)
  } catch {
    process.chdir('/')
  }
}

/** Wraps a Node worker. */
export function threadOf<In, Out>(worker: Worker, handlers: ThreadHandlers<Out>): Thread<In> {
  let ended = false
  let error: Error | undefined
  worker.on('message', (message: Out) => handlers.message(message))
  worker.on('error', thrown => {
    error = thrown instanceof Error ? thrown : new Error(String(thrown))
  })
  const exit = new Promise<void>(resolve => {
    worker.on('exit', () => {
      if (!ended) handlers.exited(error)
      resolve()
    })
  })
  return {
    send: message => worker.postMessage(message),
    end: async (timeout = 0) => {
      ended = true
      const timer = setTimeout(() => void worker.terminate(), timeout)
      await exit
      clearTimeout(timer)
    }
  }
}
