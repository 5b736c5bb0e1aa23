import { addressWords, readAddress } from '../base/values/address.js'
import { PrefixTable } from '../base/values/prefix-table.js'
import { showTrial, trialQuery } from './output/rules/trial-query.js'
import { failure } from '../base/errors/error.js'
import { reasonOf } from '../base/errors/reason.js'
import type { Milliseconds } from '../base/units.js'
import type { Config } from '../gateway/config/config.js'
import { protocolOf } from '../wire/sockets/endpoint.js'
import { Gateway } from '../gateway/control/gateway.js'
import { nodeTlsReason } from '../gateway/upstreams/node-tls.js'
import type { Predecessor } from '../gateway/hand-over/predecessor.js'
import { ServiceManager } from '../gateway/control/service-manager.js'
import { Upgrade } from '../gateway/hand-over/upgrade.js'
import type { CompilerHandle } from '../gateway/compiler/compiler-handle.js'
import { isJournal } from '../base/log/journal-fields.js'
import { openJournal } from '../base/system/notify-socket.js'
import { keepKoffi } from '../base/threads/kept-koffi.js'
import { startThread as startRealThread } from '../base/threads/thread.js'
import {
  createServiceLog,
  type ReopenableServiceLog,
  type ServiceLog
} from '../base/log/service-log.js'
import { chooseTransport, type TransportChoice } from '../wire/sockets/transport.js'
import type { CommonOptions } from './args/settings.js'
import { rejectInput } from './exit.js'
import { formatEndpoint } from './output/format.js'
import { allSources } from '../policy/tables/source-table.js'
import { GATEWAY_SERVICES } from './gateway-services.js'

/** What a listener answers over, by its protocol. */
const LISTENING = { dns: 'UDP and TCP', dot: 'TLS', doh: 'HTTPS' } as const

/** How long threads may take to end and logs to be written, beyond `shutdown`, on a slow disk. */
const STOP_MARGIN: Milliseconds = 30_000

/** A running server, as its process controls it. */
export interface Service {
  /** Reloads settings and rules, and reopens both logs under their names. */
  reload(): void
  /**
   * Stops gracefully: answers accepted queries and writes the logs first.
   *
   * @returns whether all threads have ended
   */
  close(signal: NodeJS.Signals): Promise<boolean>
  /** Resolves when another process answers in place of this one, which must then leave. */
  readonly replaced: Promise<void>
  /** As `close`, while the other process answers. */
  leave(): Promise<boolean>
  /** Stops at once. @returns whether all threads have ended */
  abort(): Promise<boolean>
}

/**
 * Starts the server. Errors end the command, with all of them reported.
 *
 * @param predecessor the running gateway that this one replaces
 * @param startThread replaced by tests
 */
export async function startService(
  options: CommonOptions,
  compiler: CompilerHandle,
  predecessor: Predecessor | undefined,
  startThread = startRealThread
): Promise<Service> {
  const settings = await compiler.readSettings(options.config)
  const { config, source } = settings
  if (config === undefined) return rejectInput(settings.errors)
  const log = openLog(config.log.service)
  const choice = chooseTransport(config.transport)
  keepKoffi()
  const { transport } = choice
  const gateway: Gateway = new Gateway({
    fallbackReason: choice.fallbackReason,
    ...{ config, source, transport, log, startThread, compiler, predecessor },
    services: GATEWAY_SERVICES,
    prepareLog: log.prepare,
    upgrade: () => upgrade.run()
  })
  const upgrade = new Upgrade({ transport, log, inheritance: () => gateway.inheritance() })
  const errors = await gateway.start()
  if (errors.length > 0) {
    await gateway.abort()
    rejectInput(errors)
  }
  logStart(gateway, choice, log)
  const manager = new ServiceManager({ env: process.env, status: () => gateway.status(), log })
  void manager.ready()
  return {
    reload: () => {
      log.reopen()
      gateway.reopenLog()
      void manager.reloading(gateway.reload('SIGHUP'))
    },
    replaced: upgrade.replaced.then(({ pid }) => manager.replacedBy(pid)),
    leave: async () => {
      const ended = await gateway.stop(true)
      log.info({}, 'replaced')
      return ended
    },
    close: async signal => {
      upgrade.abort()
      const { lameDuck, grace } = gateway.config.shutdown
      manager.stopping(lameDuck + grace + STOP_MARGIN)
      if (lameDuck > 0)
        log.info({ signal, lameDuckMs: lameDuck }, 'not ready any more, stopping soon')
      else log.info({ signal }, 'stopping: refusing new queries, answering accepted ones')
      const ended = await gateway.stop()
      log.info({}, 'stopped')
      return ended
    },
    abort: () => gateway.abort()
  }
}

function openLog(settings: Config['log']['service']): ReopenableServiceLog {
  try {
    const journal = { isJournal: isJournal(process.env), open: () => openJournal() }
    return createServiceLog(settings, process.stderr, process.env, journal)
  } catch (error) {
    const { destination } = settings
    const path = destination === 'stderr' ? destination : destination.path
    throw failure('CLI_SERVICE_LOG', path, reasonOf(error))
  }
}

/** Logs listen addresses, transport and upstreams, and a query to try. */
function logStart(
  gateway: Gateway,
  { transport, fallbackReason }: TransportChoice,
  log: ServiceLog
): void {
  const { endpoints, workers, upstreams, rules, config } = gateway
  const { kind } = transport
  for (const endpoint of endpoints)
    log.info(
      { endpoint: formatEndpoint(endpoint) },
      `listening on ${LISTENING[protocolOf(endpoint)]}`
    )
  if (gateway.httpEndpoint !== undefined) {
    log.info(
      { endpoint: formatEndpoint(gateway.httpEndpoint) },
      `serving ${httpContent(config.admin)} over ${config.admin.tls === undefined ? 'HTTP' : 'HTTPS'}`
    )
  }
  const fields = { workers, transport: kind, upstreams: upstreams.join(' ') || 'none' }
  log.info(fallbackReason === undefined ? fields : { ...fields, why: fallbackReason }, 'serving')
  const { slowTransport, slowTls } = gateway
  for (const slow of [slowTransport, slowTls])
    if (slow !== undefined) log.warn({ code: slow.code }, slow.message)
  const whyNodeTls = kind === 'batch' && slowTls === undefined ? nodeTlsReason(config) : undefined
  if (whyNodeTls !== undefined)
    log.warn({ why: whyNodeTls }, 'encrypted DNS takes more CPU than it needs: it uses node:tls')
  const plain = endpoints.filter(({ certificates }) => certificates === undefined)
  const [first] = plain
  if (first === undefined) return
  const bansTikTok = allSources(rules.sources).all.some(
    ({ kind, id }) => kind === 'app' && id === 'tiktok'
  )
  const name = bansTikTok ? 'www.tiktok.com' : 'example.com'
  const clients = new PrefixTable(rules.clients.prefixes)
  const isServed = (text: string): boolean => clients.find(addressWords(readAddress(text)), 0) !== 0
  const trial = trialQuery(plain, isServed)
  if (trial !== undefined) log.info({}, `try: ${showTrial(trial, name)}`)
  else {
    const refused = showTrial({ ...first, from: undefined }, name)
    log.info(
      {},
      `this machine is in no network of the rules, so its own queries are refused: ${refused}; "interdict explain ${name} --from ADDRESS" shows what a client gets`
    )
  }
}

/** What `admin.http` serves, in words. */
export function httpContent({
  tokens,
  dashboard
}: Pick<Config['admin'], 'tokens' | 'dashboard'>): string {
  if (tokens === undefined) return 'health and metrics'
  return dashboard ? 'health, metrics, API and dashboard' : 'health, metrics and API'
}
