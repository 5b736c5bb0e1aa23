/**
 * One thread that runs the modules of many threads, each with a port and state of its own. Starting a
 * thread and loading its modules takes much longer than what most tests do in it.
 */
import { createRequire, syncBuiltinESMExports } from 'node:module'
import { parentPort, type MessagePort } from 'node:worker_threads'
import { threadFile } from '../../src/base/threads/thread-files.js'

export interface HostedThread {
  /** The name of one of `THREAD_FILES`. */
  readonly file: string
  readonly workerData: unknown
  readonly port: MessagePort
}

const require = createRequire(import.meta.url)
// Lowering the priority of one gateway's compiler would slow all others, for good.
const os = require('node:os') as { setPriority: () => void }
os.setPriority = () => undefined

const builtin = require('node:worker_threads') as { parentPort: MessagePort; workerData: unknown }
let started = 0
let previous: Promise<unknown> = Promise.resolve()

parentPort!.on('message', (thread: HostedThread) => {
  previous = previous.then(() => start(thread))
})

/** Runs the module again, as it runs at the start of a thread; modules that it imports run only once. */
async function start({ file, workerData, port }: HostedThread): Promise<void> {
  Object.assign(builtin, { parentPort: port, workerData })
  syncBuiltinESMExports()
  await import(`../../src/${threadFile(file)}?${started++}`)
}
