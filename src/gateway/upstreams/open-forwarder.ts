import type { Clock } from '../../base/time/clock.js'
import type { Config } from '../config/config.js'
import { locallyAnsweredNames } from '../compiler/locally-answered.js'
import type { ServiceLog } from '../../base/log/service-log.js'
import type { Transport } from '../../wire/sockets/datagram.js'
import { DEFAULT_LIMITS } from '../../resolver/upstream/upstream-limits.js'
import {
  createForwarder,
  type ForwarderSettings,
  type MeasuredForwarder,
  type UpstreamSet
} from '../../resolver/upstream/create-forwarder.js'
import type { UpstreamServer } from '../../wire/sockets/upstream-server.js'

/**
 * What the settings say about forwarding.
 *
 * @param labels see `ForwarderSettings.labels`
 * @param probesIdle one forwarder of a gateway does
 * @param sets of the rules in force
 */
export function forwarderSettings(
  config: Pick<Config, 'upstreams' | 'specialUse' | 'discovery' | 'listen'>,
  upstreams: readonly UpstreamServer[],
  labels?: readonly string[],
  probesIdle = false,
  sets: readonly UpstreamSet[] = []
): ForwarderSettings {
  const { timeout, giveUp, forward, caseRandomization, cookies, idleProbe, sourcePorts } =
    config.upstreams
  return {
    upstreams,
    domains: forward,
    sets,
    localNames: locallyAnsweredNames(config),
    caseRandomization,
    cookies,
    sourcePorts,
    idleProbe: probesIdle ? idleProbe : 0,
    limits: { attemptTimeout: timeout, queryTimeout: giveUp },
    ...(labels !== undefined && { labels })
  }
}

/**
 * Creates the forwarder of one worker.
 *
 * @param sockets most UDP sockets in each address family
 * @param onUp called when an upstream that was down responds again
 */
export function openForwarder(
  settings: ForwarderSettings,
  transport: Transport,
  clock: Clock,
  log: ServiceLog,
  sockets = DEFAULT_LIMITS.sockets,
  onUp?: () => void
): MeasuredForwarder {
  return createForwarder({
    ...settings,
    transport,
    clock,
    limits: { ...settings.limits, sockets },
    onHealth: ({ kind, address, error }) => {
      if (kind === 'up') {
        log.info({ upstream: address }, 'upstream up: responding again, back in rotation')
        onUp?.()
      } else
        log.warn(
          { upstream: address, ...(error !== undefined && { error }) },
          'upstream down: not responding; out of rotation until a probe succeeds'
        )
    }
  })
}
