/**
 * A process with a gateway whose one worker has a small heap. Lines of standard input tell the worker how to
 * run out of memory; service log lines go to standard output.
 *
 * @argument a settings file
 */
import { resolve } from 'node:path'
import { createInterface } from 'node:readline'
import { Worker } from 'node:worker_threads'
import { GATEWAY_SERVICES } from '../../src/cli/gateway-services.js'
import { loadConfig } from '../../src/gateway/config/load-settings.js'
import { Gateway } from '../../src/gateway/control/gateway.js'
import { CompilerHandle } from '../../src/gateway/compiler/compiler-handle.js'
import { threadOf, type StartThread } from '../../src/base/threads/thread.js'
import type { LogFields } from '../../src/base/log/service-log.js'
import { chooseTransport } from '../../src/wire/sockets/transport.js'

const read = await loadConfig(process.argv[2])
if (!read.ok) throw new Error('no settings')
const { config } = read

let newest: Worker | undefined
const start: StartThread = (file, data, handlers) => {
  if (file !== 'worker-main.js')
    return threadOf(new Worker(resolve('dist/bundle/serve', file), { workerData: data }), handlers)
  newest = new Worker(new URL('./leaking-worker.js', import.meta.url), {
    workerData: data,
    resourceLimits: { maxOldGenerationSizeMb: 128, maxYoungGenerationSizeMb: 12 }
  })
  return threadOf(newest, handlers)
}
const say = (fields: LogFields, message: string): void => {
  process.stdout.write(`${JSON.stringify({ ...fields, message })}\n`)
}
const { transport } = chooseTransport(config.transport)
const log = { info: say, warn: say, error: say }
const compiler = new CompilerHandle(start)
const gateway = new Gateway({
  ...{ config, transport, log, compiler },
  startThread: start,
  services: GATEWAY_SERVICES
})
for (const { message } of await gateway.start()) throw new Error(message)
say({ port: gateway.endpoints[0]!.port }, 'serving')
createInterface({ input: process.stdin }).on('line', kind => newest!.postMessage({ kind }))
