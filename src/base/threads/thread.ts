import type { Transferable, Worker } from 'node:worker_threads'
import type { Milliseconds } from '../units.js'
import { completesWithin } from './completes-within.js'
import { startFile } from './start-file.js'

/**
 * Young generation size of each thread, instead of V8's 48 MB. The garbage of a query is dead within a
 * millisecond, so little is enough: for forwarded queries 12 MB costs 5 to 10% less CPU than 48 MB;
 * 6 MB and 96 MB cost no less than 48 MB.
 */
const YOUNG_MB = 12

/** Sent to a thread that is to end itself. */
export interface EndRequest {
  readonly kind: 'end'
}

/** A thread of the gateway, with typed messages. */
export interface Thread<In> {
  /** @param transferred ports and memory in the message that the thread gets for its own */
  send(message: In, transferred?: readonly Transferable[]): void
  /**
   * Ends the thread; `exited` is not called. With a timeout it is asked to end itself (see `endOnRequest`), and terminated
   * only if it has not by then: sockets of `node:dgram` must be closed first. A new thread may still load its
   * code, and gets more time.
   */
  end(timeout?: Milliseconds): Promise<void>
}

/** How long threads with sockets may take to end themselves. */
export const EXIT_TIMEOUT: Milliseconds = 5_000
const TERMINATION_MARGIN: Milliseconds = 1_000
/** How long a thread may take to load its code on a busy machine. koffi aborts the process if it is terminated meanwhile. */
const LOADING_TIMEOUT: Milliseconds = 30_000

export interface ThreadHandlers<Out> {
  message(message: Out): void
  /** The thread ended by itself, with the error if it threw one. */
  exited(error: Error | undefined): void
}

export interface ThreadOptions {
  readonly youngMb?: number
  /** Of several threads that run the same file: part of its name. */
  readonly number?: number
}

/** Starts `file`, the name of one of `THREAD_FILES`, as a thread. Injected by tests. */
export type StartThread = <In, Out>(
  file: string,
  data: unknown,
  handlers: ThreadHandlers<Out>,
  options?: ThreadOptions
) => Thread<In>

export const startThread: StartThread = (file, data, handlers, options = {}) => {
  const { youngMb = YOUNG_MB, number } = options
  ensureWorkingFolder()
  const limits = { resourceLimits: { maxYoungGenerationSizeMb: youngMb } }
  return threadOf(startFile(file, { workerData: data, ...limits }, number), handlers)
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

/** When threads that have been asked to end themselves are terminated, by their exits. */
const endingThreads = new Map<Promise<void>, Milliseconds>()

/**
 * Waits for the threads that have been asked to end themselves: when the process exits, those that still run are terminated.
 *
 * @returns whether they have ended; false: one hangs
 */
export function threadsHaveEnded(): Promise<boolean> {
  const latest = Math.max(0, ...endingThreads.values()) - performance.now()
  const exits = Promise.all(endingThreads.keys())
  return completesWithin(exits, Math.max(latest, 0) + TERMINATION_MARGIN)
}

/** Wraps a Node worker. */
export function threadOf<In, Out>(worker: Worker, handlers: ThreadHandlers<Out>): Thread<In> {
  const started = performance.now()
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
    send: (message, transferred = []) => worker.postMessage(message, transferred),
    end: async (timeout = 0) => {
      ended = true
      const now = performance.now()
      const until = timeout > 0 ? Math.max(now + timeout, started + LOADING_TIMEOUT) : now
      if (timeout > 0) {
        endingThreads.set(exit, until)
        void exit.then(() => endingThreads.delete(exit))
        worker.postMessage({ kind: 'end' } satisfies EndRequest)
      }
      const timer = setTimeout(() => void worker.terminate(), until - now)
      await exit
      clearTimeout(timer)
    }
  }
}
