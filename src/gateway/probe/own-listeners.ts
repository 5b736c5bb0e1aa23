import { addressWords, readAddress } from '../../base/values/address.js'
import { compilePrefixes, PrefixTable } from '../../base/values/prefix-table.js'
import type { Config, ListenConfig } from '../config/config.js'
import type { Listener } from './channels.js'
import type { ProbeGap } from './probe-plan.js'

/** PROXY protocol, version 2: a connection of the proxy itself (LOCAL), without addresses. Its §2.2. */
const LOCAL_HEADER = Uint8Array.from([
  ...[13, 10, 13, 10, 0, 13, 10, 0x51, 0x55, 0x49, 0x54, 10],
  ...[0x20, 0, 0, 0]
])

const WILDCARDS: Readonly<Record<string, string>> = { '0.0.0.0': '127.0.0.1', '::': '::1' }

/** The address at which the gateway reaches an endpoint of its own, and from which it asks. */
export const ownAddress = (address: string): string => WILDCARDS[address] ?? address

/** The addresses from which the gateway asks itself, four words each. */
export function probeSources(endpoints: readonly ListenConfig[]): readonly Uint32Array[] {
  const texts = new Set(endpoints.map(({ address }) => ownAddress(address)))
  return [...texts].map(text => addressWords(readAddress(text)))
}

/**
 * All ways to ask the gateway itself.
 *
 * @param serverName by which encrypted listeners recognize the probe, see `probeServerName`
 */
export function ownListeners(
  endpoints: readonly ListenConfig[],
  { frontEnds }: Pick<Config, 'frontEnds'>,
  serverName: string
): readonly Listener[] {
  const { proxyProtocol } = frontEnds
  const proxies = new PrefixTable(compilePrefixes(proxyProtocol, all => (all.length > 0 ? 1 : 0)))
  return endpoints.flatMap(({ address: shown, port, certificates, dohPath }): Listener[] => {
    const address = ownAddress(shown)
    const isProxy = proxies.find(addressWords(readAddress(address)), 0) !== 0
    const preamble = isProxy ? LOCAL_HEADER : undefined
    const from = address === shown ? address : undefined
    const way = { from, preamble, serverName }
    if (certificates === undefined) {
      const server = { address, port }
      return [
        { ...way, server, transport: 'udp' },
        { ...way, server, transport: 'tcp' }
      ]
    }
    const tls = {
      ...{ path: dohPath, name: undefined, pins: [], ca: undefined, client: undefined },
      opportunistic: true
    }
    const transport = dohPath === undefined ? 'dot' : 'doh'
    return [{ ...way, server: { address, port, tls }, transport }]
  })
}

/** Of proxies, the probe sends headers without an address. */
export function frontEndGaps({ frontEnds }: Pick<Config, 'frontEnds'>): readonly ProbeGap[] {
  const why = 'addresses of clients that they supply; the probe names its client itself'
  const { proxyProtocol, clientSubnet } = frontEnds
  return proxyProtocol.length + clientSubnet.length > 0 ? [{ what: 'front ends', why }] : []
}
