import type { Clock } from '../../base/clock.js'
import type { Config } from '../../config/config.js'
import type { ServiceLog } from '../../querylog/record/service-log.js'
import type { Endpoint, Transport } from '../../udp/datagram.js'
import { createForwarder, type MeasuredForwarder } from '../../upstream/create-forwarder.js'

/**
 * The upstream sockets of one thread, as the settings want them.
 *
 * @param onUp told when an upstream answers again
 */
export function openForwarder(
  { upstreams: settings }: Config,
  upstreams: readonly Endpoint[],
  transport: Transport,
  clock: Clock,
  log: ServiceLog,
  onUp?: () => void
): Promise<MeasuredForwarder> {
  const { timeout, giveUp, forward, caseRandomization, cookies } = settings
  return createForwarder({
    transport,
    clock,
    upstreams,
    domains: forward,
    caseRandomization,
    cookies,
    limits: { attemptTimeout: timeout, queryTimeout: giveUp },
    onHealth: ({ kind, address }) => {
      if (kind === 'up') {
        log.info({ upstream: address }, 'an upstream answers again')
        onUp?.()
      } else log.warn({ upstream: address }, 'an upstream does not answer: it rests, and is probed')
    }
  })
}
