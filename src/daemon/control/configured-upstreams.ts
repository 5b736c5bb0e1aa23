import { readFileSync } from 'node:fs'
import type { InterdictError } from '../../base/error.js'
import type { Config, ForwardConfig } from '../../config/config.js'
import type { BootstrapServers } from '../../sources/http/bootstrap-resolver.js'
import type { Endpoint } from '../../udp/datagram.js'
import {
  localAddresses,
  upstreamEndpoints,
  type ResolvConf
} from '../../upstream/selection/resolv-conf.js'
import { showEndpoint } from '../../upstream/selection/upstream.js'

const ROOT = Uint8Array.of(0)
const RESOLV_CONF = '/etc/resolv.conf'

/** Who is asked for what is forwarded. */
export interface ConfiguredUpstreams {
  /** Where no `forward` entry says otherwise. */
  readonly upstreams: readonly Endpoint[]
  /** All of them as shown to people, in the order in which forwarders number them. */
  readonly labels: readonly string[]
  /** What was left out, and why. */
  readonly warnings: readonly InterdictError[]
}

/** From the settings, else from the system; never ourselves. */
export function configuredUpstreams({ upstreams: settings, listen }: Config): ConfiguredUpstreams {
  const warnings: InterdictError[] = []
  const upstreams = upstreamEndpoints({
    configured: settings.servers,
    resolvConf: settings.useResolvConf ? readResolvConf() : undefined,
    listen,
    localAddresses: localAddresses(),
    warn: warning => warnings.push(warning)
  })
  const all = [...upstreams, ...settings.forward.flatMap(({ servers }) => servers)]
  return { upstreams, labels: [...new Set(all.map(showEndpoint))], warnings }
}

/** One upstream for one domain, numbered as `MeasuredForwarder.leaveOut` counts. */
export interface Route {
  readonly number: number
  readonly server: Endpoint
  /** As it was written; `.` for all that has no upstreams of its own. */
  readonly domain: string
  /** Its wire form. Undefined: never taken, since other upstreams were named for `.`. */
  readonly name: Uint8Array | undefined
}

export function routesOf(
  upstreams: readonly Endpoint[],
  forward: readonly ForwardConfig[]
): readonly Route[] {
  const isUsed = !forward.some(({ name }) => name.length === ROOT.length)
  const rest = { domain: '.', name: isUsed ? ROOT : undefined, servers: upstreams }
  return [rest, ...forward]
    .flatMap(({ servers, domain, name }) => servers.map(server => ({ server, domain, name })))
    .map((route, number) => ({ ...route, number }))
}

/** Who is asked for the names of servers that lists come from. */
export function bootstrapServers(
  { remoteLists: { bootstrap }, upstreams: { forward } }: Config,
  upstreams: readonly Endpoint[]
): BootstrapServers {
  if (bootstrap.length > 0) return { servers: bootstrap, domains: [] }
  return { servers: upstreams, domains: forward.map(({ name, servers }) => ({ name, servers })) }
}

function readResolvConf(): ResolvConf | undefined {
  try {
    return { file: RESOLV_CONF, text: readFileSync(RESOLV_CONF, 'utf8') }
  } catch {
    return undefined
  }
}
