import { Gateway } from '../gateway/gateway.js'
import { startThread } from '../gateway/thread.js'
import { createServiceLog, type ServiceLog } from '../log/service-log.js'
import { chooseTransport } from '../socket/transport.js'
import { EXIT } from './exit.js'
import { refuse, settings, type CommonOptions } from './settings.js'
import { showEndpoint } from './show.js'

/** `interdict serve`: serves until a signal says stop. Ends the process with its exit code. */
export async function serve(options: CommonOptions): Promise<void> {
  const config = await settings(options)
  const log = createServiceLog(config.log.service)
  const { transport, whyNotBatch } = chooseTransport(config.transport)
  if (whyNotBatch !== undefined) log.warn({ why: whyNotBatch }, 'running on portable sockets')
  const gateway = new Gateway({ config, transport, log, startThread })

  const troubles = await gateway.start()
  if (troubles.length > 0) refuse(troubles)
  greet(gateway, transport.kind, log)

  process.on('SIGHUP', () => {
    gateway.reopenLogs()
    void gateway.reload('SIGHUP')
  })
  const signal = await stopSignal()
  log.info({ signal }, 'stopping: no new queries; what was accepted is answered')
  await gateway.stop()
  log.info({}, 'stopped')
  process.exit(EXIT.fine)
}

/** Where it listens, what is in force, and how to see it work. */
function greet(gateway: Gateway, kind: string, log: ServiceLog): void {
  const { endpoints, workers, rules } = gateway
  for (const endpoint of endpoints)
    log.info({ endpoint: showEndpoint(endpoint) }, 'listening on UDP and TCP')
  log.info(
    { workers, transport: kind, rules: rules.counts.rules, names: rules.counts.names },
    'serving'
  )
  const { address, port } = endpoints[0]!
  const host = address === '0.0.0.0' ? '127.0.0.1' : address === '::' ? '::1' : address
  log.info({}, `try: dig @${host} -p ${port} www.tiktok.com`)
}

/** A second signal does not wait any longer. */
function stopSignal(): Promise<NodeJS.Signals> {
  return new Promise(resolve => {
    let asked = false
    const stop = (signal: NodeJS.Signals): void => {
      if (asked) process.exit(EXIT.found)
      asked = true
      resolve(signal)
    }
    process.on('SIGTERM', stop)
    process.on('SIGINT', stop)
  })
}
