/**
 * Preloaded into a program that is practised (`node --require`), in all its threads: keeps what V8
 * compiled of the packed files that were run, in the folder `KEEP_CODE`.
 *
 * It is taken as late as it can be, so that all is in it that was run: before each message of a
 * thread, since after its last one the thread may be ended at any time, and at the end of a thread.
 */
import { writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import vm from 'node:vm'
import { isMainThread, parentPort } from 'node:worker_threads'

const kept = new Map<string, vm.Script>()

class KeptScript extends vm.Script {
  constructor(text: string, options: vm.ScriptOptions) {
    super(text, options)
    if (options.filename !== undefined) kept.set(options.filename, this)
  }
}
Object.assign(vm, { Script: KeptScript })

function keep(): void {
  for (const [file, script] of kept)
    writeFileSync(join(process.env.KEEP_CODE!, basename(file)), script.createCachedData())
}

process.on('exit', keep)
if (!isMainThread) {
  const port = parentPort!
  const post = port.postMessage.bind(port)
  port.postMessage = (message: unknown) => {
    keep()
    post(message)
  }
}
