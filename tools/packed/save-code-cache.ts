/**
 * Preloaded into all threads of the program during the warm-up (`node --require`): writes V8's code
 * cache of the bundled files to the folder `CODE_CACHE`.
 *
 * It is written as late as possible, so that it covers all code that ran: before each message of a
 * thread, because the thread may be terminated after its last one, and at exit.
 */
import { writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import vm from 'node:vm'
import { isMainThread, parentPort } from 'node:worker_threads'

const scripts = new Map<string, vm.Script>()

class RecordedScript extends vm.Script {
  constructor(text: string, options: vm.ScriptOptions) {
    super(text, options)
    if (options.filename !== undefined) scripts.set(options.filename, this)
  }
}
Object.assign(vm, { Script: RecordedScript })

function save(): void {
  for (const [file, script] of scripts)
    writeFileSync(join(process.env.CODE_CACHE!, basename(file)), script.createCachedData())
}

process.on('exit', save)
if (!isMainThread) {
  const port = parentPort!
  const post = port.postMessage.bind(port)
  port.postMessage = (message: unknown) => {
    save()
    post(message)
  }
}
