import { readFileSync } from 'node:fs'
import { systemClock } from '../base/clock.js'
import type { Config } from '../config/config.js'
import type { ServiceLog } from '../log/service-log.js'
import type { Endpoint, Transport } from '../socket/datagram.js'
import { createForwarder, type MeasuredForwarder } from '../upstream/create-forwarder.js'
import { localAddresses, upstreamEndpoints, type ResolvConf } from '../upstream/resolv-conf.js'
import { showEndpoint } from '../upstream/upstream.js'

const RESOLV_CONF = '/etc/resolv.conf'

/** Who is asked for what is forwarded. */
export interface UpstreamPlan {
  /** Where no `forward` entry says otherwise. */
  readonly upstreams: readonly Endpoint[]
  /** All of them as shown to people, in the order in which forwarders number them. */
  readonly shown: readonly string[]
}

/** From the settings, else from the system; never ourselves. What is left out is warned of. */
export function upstreamPlan(
  { upstreams: settings, listen }: Config,
  log: ServiceLog
): UpstreamPlan {
  const upstreams = upstreamEndpoints({
    configured: settings.servers,
    resolvConf: settings.useResolvConf ? readResolvConf() : undefined,
    listen,
    localAddresses: localAddresses(),
    warn: ({ code, message }) => log.warn({ code }, message)
  })
  const all = [...upstreams, ...settings.forward.flatMap(({ servers }) => servers)]
  return { upstreams, shown: [...new Set(all.map(showEndpoint))] }
}

export function openForwarder(
  { upstreams: settings }: Config,
  upstreams: readonly Endpoint[],
  transport: Transport,
  log: ServiceLog
): Promise<MeasuredForwarder> {
  const { timeout, giveUp, forward } = settings
  return createForwarder({
    transport,
    clock: systemClock,
    upstreams,
    domains: forward,
    limits: { tryTimeout: timeout, giveUp },
    onHealth: ({ kind, address }) => {
      if (kind === 'up') log.info({ upstream: address }, 'an upstream answers again')
      else log.warn({ upstream: address }, 'an upstream does not answer: it rests, and is probed')
    }
  })
}

function readResolvConf(): ResolvConf | undefined {
  try {
    return { file: RESOLV_CONF, text: readFileSync(RESOLV_CONF, 'utf8') }
  } catch {
    return undefined
  }
}
