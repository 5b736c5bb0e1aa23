import { readFileSync } from 'node:fs'
import type { InterdictError } from '../../base/errors/error.js'
import type { Config, ForwardConfig } from '../config/config.js'
import type { ForwarderSet } from '../../policy/tables/forwarder-sets.js'
import { setRoute, type RouteId } from '../../resolver/upstream/create-forwarder.js'
import type { BootstrapServers } from '../../sources/http/bootstrap-resolver.js'
import {
  scopedAddresses,
  upstreamEndpoints,
  type ResolvConf
} from '../../resolver/upstream/selection/resolv-conf.js'
import { showServer, type UpstreamServer } from '../../wire/sockets/upstream-server.js'

const ROOT = Uint8Array.of(0)
const RESOLV_CONF = '/etc/resolv.conf'

/** The upstreams that the settings name. */
export interface ConfiguredUpstreams {
  /** The default upstreams, for names without a `forward` entry. */
  readonly upstreams: readonly UpstreamServer[]
  /** Labels of all upstreams, in the order of their numbers in a forwarder. */
  readonly labels: readonly string[]
  /** Labels of the upstreams for names without a `forward` entry. */
  readonly defaults: readonly string[]
  /** Upstreams that were ignored, and why. */
  readonly warnings: readonly InterdictError[]
}

/** Upstreams from the settings, or else from resolv.conf, without this gateway itself. */
export function configuredUpstreams({ upstreams: settings, listen }: Config): ConfiguredUpstreams {
  const warnings: InterdictError[] = []
  const upstreams = upstreamEndpoints({
    configured: settings.servers,
    resolvConf: settings.useResolvConf ? readResolvConf() : undefined,
    listen,
    localAddresses: scopedAddresses(),
    warn: warning => warnings.push(warning)
  })
  const all = [...upstreams, ...settings.forward.flatMap(({ servers }) => servers)]
  const defaults = settings.forward.find(isRoot)?.servers ?? upstreams
  return {
    upstreams,
    labels: [...new Set(all.map(showServer))],
    defaults: defaults.map(showServer),
    warnings
  }
}

/** One upstream for one domain, with the number that `MeasuredForwarder.excludeRoutes` takes. */
export interface Route {
  readonly number: RouteId
  readonly server: UpstreamServer
  /** As written in the settings; `.` for the default upstreams; for those of networks with their ids. */
  readonly domain: string
  /** The wire form of the domain. Undefined: never used, since a `forward` entry for `.` replaces it. */
  readonly name: Uint8Array | undefined
}

export function routesOf(
  upstreams: readonly UpstreamServer[],
  forward: readonly ForwardConfig[],
  sets: readonly ForwarderSet[] = []
): readonly Route[] {
  const isUsed = !forward.some(isRoot)
  const defaults = { domain: '.', name: isUsed ? ROOT : undefined, servers: upstreams }
  const common = [defaults, ...forward]
    .flatMap(({ servers, domain, name }) => servers.map(server => ({ server, domain, name })))
    .map((route, number) => ({ ...route, number }))
  return [...common, ...sets.flatMap(routesOfSet)]
}

function routesOfSet({ id, networks, domains }: ForwarderSet): readonly Route[] {
  return domains.flatMap(({ domain, name, servers }) =>
    servers.map(server => {
      const shown = `${domain} of ${networks.join(', ')}`
      return { number: setRoute(id, name, server), server, domain: shown, name }
    })
  )
}

/** Whether it replaces the default upstreams. */
const isRoot = ({ name }: ForwardConfig): boolean => name.length === ROOT.length

/** DNS servers that resolve the host names in list URLs. */
export function bootstrapServers(
  { remoteLists: { bootstrap }, upstreams: { forward, sourcePorts } }: Config,
  upstreams: readonly UpstreamServer[]
): BootstrapServers {
  if (bootstrap.length > 0) return { servers: bootstrap, domains: [], sourcePorts }
  const domains = forward.map(({ name, servers }) => ({ name, servers }))
  return { servers: upstreams, domains, sourcePorts }
}

function readResolvConf(): ResolvConf | undefined {
  try {
    return { file: RESOLV_CONF, text: readFileSync(RESOLV_CONF, 'utf8') }
  } catch {
    return undefined
  }
}
