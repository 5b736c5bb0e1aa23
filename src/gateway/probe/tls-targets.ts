import { isIP } from 'node:net'
import { MAX_PROBED_NAME, probeNameFor } from '../../wire/dns/edns/probe-option.js'
import type { Endpoint } from '../../wire/sockets/datagram.js'
import { showEndpoint } from '../../wire/sockets/endpoint.js'
import type { Config, ListenConfig } from '../config/config.js'
import { usesDiscoveryName } from '../discovery/designation.js'
import { ownAddress, ownListeners } from './own-listeners.js'
import type { ProbeGap } from './probe-plan.js'

/** Labels of clients that are checked at one listener: usually one wildcard covers them all. */
const MOST_LABELS = 16

/** A TLS listener of this gateway, as clients that verify its certificate reach it. */
export interface TlsTarget {
  /** `dot 192.0.2.53:853` */
  readonly listener: string
  readonly address: string
  readonly port: number
  /** The own address to connect from; undefined: that which the system chooses. */
  readonly from: string | undefined
  /** Sent before the handshake: a PROXY header. */
  readonly preamble: Uint8Array | undefined
  /** Protocols to offer by ALPN (RFC 7301). */
  readonly protocols: readonly string[]
  /** Names and addresses that clients verify; empty: the settings have none. */
  readonly names: readonly string[]
  /** Server name by which the listener recognizes the probe; undefined: it recognizes no clients. */
  readonly probeName: string | undefined
  /** Files with the certificates to be served. */
  readonly files: readonly string[]
}

export interface TlsTargetOptions {
  readonly endpoints: readonly ListenConfig[]
  /** Where the HTTP API listens; undefined: nowhere. */
  readonly http: Endpoint | undefined
  readonly config: Pick<Config, 'frontEnds' | 'discovery' | 'acme' | 'admin'>
  /** Labels by which the rules recognize clients, see `listen.name`. */
  readonly labels: readonly string[]
  /** See `probeServerName`. */
  readonly probeName: string
}

/** All TLS listeners: DNS over TLS, DNS over HTTPS, and the HTTP API. */
export function tlsTargets(options: TlsTargetOptions): readonly TlsTarget[] {
  const { endpoints, config, probeName } = options
  const dns = endpoints.flatMap((endpoint): TlsTarget[] => {
    if (endpoint.certificates === undefined) return []
    const [own] = ownListeners([endpoint], config, probeName)
    const { transport, server, from, preamble } = own!
    const files = endpoint.certificates.map(({ certificate }) => certificate)
    return [
      {
        ...{ listener: `${transport} ${showEndpoint(endpoint)}`, from, preamble, probeName, files },
        ...{ address: server.address, port: server.port },
        protocols: [transport === 'doh' ? 'h2' : 'dot'],
        names: unique([
          ...(config.discovery !== undefined && usesDiscoveryName(endpoint)
            ? [config.discovery.name]
            : []),
          ...acmeNames(files, config),
          ...endpoint.certificates.flatMap(({ serverNames = [] }) => serverNames),
          ...labelNames(endpoint, options.labels)
        ])
      }
    ]
  })
  return [...dns, ...httpTargets(options)]
}

function httpTargets({ http, config }: TlsTargetOptions): TlsTarget[] {
  const { tls, oidc } = config.admin
  if (http === undefined || tls === undefined) return []
  const { address, port } = http
  const files = [tls.certificate]
  const isShared = config.acme?.files?.certificate === tls.certificate
  return [
    {
      ...{ listener: `https ${showEndpoint(http)}`, address: ownAddress(address), port, files },
      ...{ from: undefined, preamble: undefined, protocols: ['http/1.1'], probeName: undefined },
      names: unique([
        ...(oidc === undefined ? [] : [new URL(oidc.origin).hostname.replace(/^\[|\]$/g, '')]),
        ...(isShared ? acmeNames(files, config) : [])
      ])
    }
  ]
}

/** The server name (SNI) to send, so that the listener chooses the certificate that it has for a name. */
export function serverNameFor(
  { probeName }: Pick<TlsTarget, 'probeName'>,
  name: string | undefined
): string | undefined {
  const host = name === undefined || isIP(name) !== 0 ? undefined : name
  if (probeName === undefined) return host
  return host === undefined ? probeName : probeNameFor(host, probeName)
}

/** Listeners whose certificate is checked for no name. */
export function unnamedGaps(targets: readonly TlsTarget[]): readonly ProbeGap[] {
  return targets
    .filter(({ names }) => names.length === 0)
    .map(({ listener }) => {
      const key = listener.startsWith('https ') ? 'admin.oidc.base-url' : 'discovery.name'
      const why = `no name by which clients connect is in the settings (${key})`
      return { what: `name in the certificate of ${listener}`, why }
    })
}

/** The names ordered for the certificate in one of these files. */
function acmeNames(files: readonly string[], { acme }: Pick<Config, 'acme'>): readonly string[] {
  const own = acme?.files?.certificate
  return own === undefined || files.includes(own) ? (acme?.names ?? []) : []
}

function labelNames({ recognition }: ListenConfig, labels: readonly string[]): readonly string[] {
  const { name } = recognition ?? {}
  return name === undefined ? [] : labels.slice(0, MOST_LABELS).map(label => `${label}.${name}`)
}

/** In lower case; of a wildcard, a name that it covers. Longer names cannot be sent. */
function unique(names: readonly string[]): readonly string[] {
  const all = names.map(name => name.toLowerCase().replace(/^\*\./, 'probe.'))
  return [...new Set(all)].filter(({ length }) => length <= MAX_PROBED_NAME)
}
