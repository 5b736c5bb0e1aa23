import { readFileSync } from 'node:fs'
import type { InterdictError } from '../base/error.js'
import type { Config } from '../config/config.js'
import type { Endpoint } from '../socket/datagram.js'
import { localAddresses, upstreamEndpoints, type ResolvConf } from '../upstream/resolv-conf.js'
import { showEndpoint } from '../upstream/upstream.js'

const RESOLV_CONF = '/etc/resolv.conf'

/** Who is asked for what is forwarded. */
export interface UpstreamPlan {
  /** Where no `forward` entry says otherwise. */
  readonly upstreams: readonly Endpoint[]
  /** All of them as shown to people, in the order in which forwarders number them. */
  readonly shown: readonly string[]
  /** What was left out, and why. */
  readonly warnings: readonly InterdictError[]
}

/** From the settings, else from the system; never ourselves. */
export function upstreamPlan({ upstreams: settings, listen }: Config): UpstreamPlan {
  const warnings: InterdictError[] = []
  const upstreams = upstreamEndpoints({
    configured: settings.servers,
    resolvConf: settings.useResolvConf ? readResolvConf() : undefined,
    listen,
    localAddresses: localAddresses(),
    warn: warning => warnings.push(warning)
  })
  const all = [...upstreams, ...settings.forward.flatMap(({ servers }) => servers)]
  return { upstreams, shown: [...new Set(all.map(showEndpoint))], warnings }
}

function readResolvConf(): ResolvConf | undefined {
  try {
    return { file: RESOLV_CONF, text: readFileSync(RESOLV_CONF, 'utf8') }
  } catch {
    return undefined
  }
}
