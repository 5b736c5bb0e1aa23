import { Worker } from 'node:worker_threads'
import type { Milliseconds } from '../../base/units.js'

/**
 * Memory for new objects in each thread, in place of V8's 48 MB. What a query leaves behind is dead
 * within a millisecond, so little is enough: measured on queries that had to be forwarded, 12 costs
 * 5 to 10% less CPU than 48, 6 and 96 no less than 48.
 */
const YOUNG_MB = 12

/** One thread of ours: typed messages in and out, and one call when it is gone. */
export interface Thread<In> {
  send(message: In): void
  /** Ends it, after `patience` if it has not ended by itself by then; `gone` is not called. */
  end(patience?: Milliseconds): Promise<void>
}

export interface ThreadHandlers<Out> {
  message(message: Out): void
  /** It ended by itself, with the error if it threw one. */
  exited(error: Error | undefined): void
}

/** A file of this folder, which is also the folder of the packed threads. */
export const threadUrl = (file: string): URL => new URL(file, import.meta.url)

/** Starts `file` (a module of this folder) as a thread. A parameter of its users, for tests. */
export type StartThread = <In, Out>(
  file: string,
  data: unknown,
  handlers: ThreadHandlers<Out>
) => Thread<In>

export const startThread: StartThread = (file, data, handlers) => {
  ensureWorkingFolder()
  const worker = new Worker(threadUrl(file), {
    workerData: data,
    resourceLimits: { maxYoungGenerationSizeMb: YOUNG_MB }
  })
  return threadOf(worker, handlers)
}

const initialFolder = process.cwd()

/** Node starts no thread while the working folder is one that was deleted, though it be made anew. */
function ensureWorkingFolder(): void {
  try {
    process.chdir(initialFolder)
  } catch {
    process.chdir('/')
  }
}

/** A worker of Node as the rest of the gateway sees it. */
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
    end: async (patience = 0) => {
      ended = true
      const timer = setTimeout(() => void worker.terminate(), patience)
      await exit
      clearTimeout(timer)
    }
  }
}
