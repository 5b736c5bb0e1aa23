/**
 * The gateway of the soak in a process of its own, so that its memory can be told from the load's.
 * It is the real one, but that its threads are started as tests start them: so one worker can be
 * killed when the parent says so.
 */
import { GATEWAY_SERVICES } from '../../src/cli/gateway-services.js'
import { readConfig } from '../../src/gateway/config/load-settings.js'
import { Gateway } from '../../src/gateway/control/gateway.js'
import { CompilerHandle } from '../../src/gateway/compiler/compiler-handle.js'
import type { LogFields, ServiceLog } from '../../src/base/log/service-log.js'
import { chooseTransport } from '../../src/wire/sockets/transport.js'
import { Threads } from '../daemon/serve.js'
import type { FromGateway, GatewayOrder } from './messages.js'

const threads = new Threads()
const tell = (message: FromGateway): void => void process.send!(message)

const log: ServiceLog = {
  info: (fields, message) => note('info', fields, message),
  warn: (fields, message) => note('warn', fields, message),
  error: (fields, message) => note('error', fields, message)
}

function note(level: 'info' | 'warn' | 'error', fields: LogFields, message: string): void {
  if (message === 'rules loaded' || message === 'rules reloaded') {
    tell({ kind: 'rules', generation: Number(fields.generation) })
    // Tests look at what was sent; here it would keep the rules of every generation in memory.
    threads.sent.length = 0
  }
  if (message.startsWith('worker restarted')) tell({ kind: 'replaced' })
  if (level !== 'info') tell({ kind: 'log', text: `${message} ${JSON.stringify(fields)}` })
}

async function start(file: string, settings: string): Promise<Gateway> {
  const read = readConfig(settings, file)
  if (!read.ok) throw new Error(read.errors.map(({ message }) => message).join('\n'))
  const { config } = read
  const { transport } = chooseTransport(config.transport)
  const { start: startThread } = threads
  const compiler = new CompilerHandle(startThread)
  const gateway = new Gateway({
    ...{ config, transport, log, startThread, compiler },
    services: GATEWAY_SERVICES
  })
  const troubles = await gateway.start()
  if (troubles.length > 0) throw new Error(troubles.map(({ message }) => message).join('\n'))
  tell({ kind: 'serving', port: gateway.endpoints[0]!.port })
  return gateway
}

let gateway: Gateway | undefined

async function obey(order: GatewayOrder): Promise<void> {
  switch (order.kind) {
    case 'start':
      gateway = await start(order.file, order.settings)
      break
    case 'kill':
      await threads.kill('worker')
      tell({ kind: 'killed' })
      break
    case 'stop':
      await gateway?.stop()
      process.disconnect()
  }
}

process.on('message', (order: GatewayOrder) => {
  obey(order).catch((error: unknown) => {
    tell({ kind: 'log', text: `cannot ${order.kind}: ${String(error)}` })
    process.exit(1)
  })
})
