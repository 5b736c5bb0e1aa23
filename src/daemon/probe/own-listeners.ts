import { addressWords, readAddress } from '../../base/address.js'
import { compilePrefixes, PrefixTable } from '../../base/prefix-table.js'
import type { Config, ListenConfig } from '../../config/config.js'
import { showEndpoint } from '../../config/endpoint.js'
import type { Listener } from '../../probe/channels.js'

/** PROXY protocol, version 2: a connection of the proxy itself (LOCAL), without addresses. Its §2.2. */
const LOCAL_HEADER = Uint8Array.from([
  ...[13, 10, 13, 10, 0, 13, 10, 0x51, 0x55, 0x49, 0x54, 10],
  ...[0x20, 0, 0, 0]
])

const WILDCARDS: Readonly<Record<string, string>> = { '0.0.0.0': '127.0.0.1', '::': '::1' }

/** The address at which the gateway reaches an endpoint of its own, and from which it asks. */
const ownAddress = (address: string): string => WILDCARDS[address] ?? address

/** The addresses from which the gateway asks itself, four words each. */
export function probeSources(endpoints: readonly ListenConfig[]): readonly Uint32Array[] {
  const texts = new Set(endpoints.map(({ address }) => ownAddress(address)))
  return [...texts].map(text => addressWords(readAddress(text)))
}

/**
 * All ways to ask the gateway itself, as far as clients without an identity may.
 *
 * @returns the ways, and the listeners that cannot be asked
 */
export function ownListeners(
  endpoints: readonly ListenConfig[],
  { frontEnds }: Pick<Config, 'frontEnds'>
): { readonly listeners: readonly Listener[]; readonly skipped: readonly string[] } {
  const { proxyProtocol } = frontEnds
  const proxies = new PrefixTable(compilePrefixes(proxyProtocol, all => (all.length > 0 ? 1 : 0)))
  const listeners: Listener[] = []
  const skipped: string[] = []
  for (const endpoint of endpoints) {
    const { address: shown, port, certificates, dohPath, recognition } = endpoint
    const address = ownAddress(shown)
    const isProxy = proxies.find(addressWords(readAddress(address)), 0) !== 0
    const preamble = isProxy ? LOCAL_HEADER : undefined
    const from = address === shown ? address : undefined
    if (certificates === undefined) {
      const server = { address, port }
      listeners.push(
        { server, from, preamble, transport: 'udp' },
        { server, from, preamble, transport: 'tcp' }
      )
    } else if (recognition?.missing === 'refuse')
      skipped.push(`${showEndpoint(endpoint)}: it refuses clients without an identity`)
    else if (isProxy)
      skipped.push(`${showEndpoint(endpoint)}: it expects a PROXY header before TLS`)
    else {
      const tls = {
        ...{ path: dohPath, name: undefined, pins: [], ca: undefined, client: undefined },
        opportunistic: true
      }
      const transport = dohPath === undefined ? 'dot' : 'doh'
      listeners.push({ server: { address, port, tls }, from, preamble: undefined, transport })
    }
  }
  return { listeners, skipped }
}
