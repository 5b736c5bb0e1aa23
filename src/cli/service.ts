import { failure } from '../base/error.js'
import type { Config } from '../config/config.js'
import { Gateway } from '../daemon/control/gateway.js'
import type { CompilerHandle } from '../daemon/reload/compiler-handle.js'
import { startThread } from '../daemon/threads/thread.js'
import {
  createServiceLog,
  type ReopenableServiceLog,
  type ServiceLog
} from '../querylog/record/service-log.js'
import { chooseTransport, type TransportChoice } from '../udp/transport.js'
import type { CommonOptions } from './args/settings.js'
import { refuse } from './exit.js'
import { showEndpoint } from './output/show.js'

/** A server at work, as the process that runs it sees it. */
export interface Service {
  /** Reads the rules again, and opens both logs anew under their names. */
  hangUp(): void
  /**
   * Resolves when what was accepted is answered and what is to be written is written: whether all
   * threads have ended.
   */
  close(signal: NodeJS.Signals): Promise<boolean>
  /** Ends everything, whatever is in flight: whether all threads have ended. */
  abort(): Promise<boolean>
}

/** Starts to serve. Where something stands in the way, says all of it and ends the process. */
export async function open(options: CommonOptions, compiler: CompilerHandle): Promise<Service> {
  const settings = await compiler.readSettings(options.config)
  if (!settings.ok) refuse(settings.errors)
  const { config } = settings
  const log = openLog(config.log.service)
  const choice = chooseTransport(config.transport)
  const { transport } = choice
  const gateway = new Gateway({ config, transport, log, startThread, compiler })
  const troubles = await gateway.start()
  if (troubles.length > 0) {
    await gateway.abort()
    refuse(troubles)
  }
  greet(gateway, choice, log)
  return {
    hangUp: () => {
      log.reopen()
      gateway.reopenLog()
      void gateway.reload('SIGHUP')
    },
    close: async signal => {
      log.info({ signal }, 'stopping: no new queries; what was accepted is answered')
      const ended = await gateway.stop()
      log.info({}, 'stopped')
      return ended
    },
    abort: () => gateway.abort()
  }
}

function openLog(settings: Config['log']['service']): ReopenableServiceLog {
  try {
    return createServiceLog(settings)
  } catch (error) {
    const { destination } = settings
    const path = destination === 'stderr' ? destination : destination.path
    throw failure('CLI_SERVICE_LOG', path, error instanceof Error ? error.message : String(error))
  }
}

/** Where it listens, how, whom it asks, and how to see it work. */
function greet(
  gateway: Gateway,
  { transport, fallbackReason }: TransportChoice,
  log: ServiceLog
): void {
  const { endpoints, workers, upstreams } = gateway
  const { kind } = transport
  for (const endpoint of endpoints)
    log.info({ endpoint: showEndpoint(endpoint) }, 'listening on UDP and TCP')
  const fields = { workers, transport: kind, upstreams: upstreams.join(' ') || 'none' }
  log.info(fallbackReason === undefined ? fields : { ...fields, why: fallbackReason }, 'serving')
  const { address, port } = endpoints[0]!
  const host = address === '0.0.0.0' ? '127.0.0.1' : address === '::' ? '::1' : address
  log.info({}, `try: dig @${host} -p ${port} www.tiktok.com`)
}
