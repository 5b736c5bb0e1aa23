import { readAddress, showAddress } from '../../base/values/address.js'
import type { Endpoint } from './datagram.js'
import { localAddresses } from './local-addresses.js'

/** Port of DNS over UDP and TCP. RFC 1035 §4.2. */
const DNS_PORT = 53
const MAX_PORT = 65_535

/** Protocol of a listener: `dns` is UDP and TCP, `dot` over TLS (RFC 7858), `doh` over HTTPS (RFC 8484). */
export function protocolOf({
  certificates,
  dohPath
}: {
  readonly certificates?: unknown
  readonly dohPath?: string
}): 'dns' | 'dot' | 'doh' {
  if (dohPath !== undefined) return 'doh'
  return certificates === undefined ? 'dns' : 'dot'
}

/** Reads `192.0.2.1:53` or `[2001:db8::1]:53`. @throws InterdictError ADDRESS_INVALID */
export function readEndpoint(text: string): Endpoint | undefined {
  const [, bracketed, plain, digits] = /^(?:\[([^\]]+)\]|([^:[\]]+)):(\d{1,5})$/.exec(text) ?? []
  const port = Number(digits)
  const address = bracketed ?? plain
  if (address === undefined || !(port <= MAX_PORT)) return undefined
  // Brackets are for IPv6 only.
  if ((bracketed !== undefined) !== address.includes(':')) return undefined
  return { address: showAddress(readAddress(address)), port }
}

/** Like `readEndpoint`; an address alone means port 53. @throws InterdictError ADDRESS_INVALID */
export function readServer(text: string): Endpoint | undefined {
  const endpoint = /^\[.*\]:|^[^:]*:[^:]*$/.test(text)
    ? readEndpoint(text)
    : { address: showAddress(readAddress(text)), port: DNS_PORT }
  return endpoint?.port === 0 || isWildcard(endpoint?.address) ? undefined : endpoint
}

/** Addresses of this machine's interfaces, in canonical text form. */
export function ownAddresses(): readonly string[] {
  return localAddresses().map(({ address }) => showAddress(readAddress(address)))
}

export function showEndpoint({ address, port }: Endpoint): string {
  return address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`
}

export function isWildcard(address: string | undefined): boolean {
  return address === '0.0.0.0' || address === '::'
}

/** Whether other machines can connect to an endpoint. RFC 1122 §3.2.1.3, RFC 4291 §2.5.3 */
export function isRemote(endpoint: Endpoint | undefined): boolean {
  return endpoint !== undefined && !/^(127\.|::1$)/.test(endpoint.address)
}

/**
 * Whether a socket listening at `listen` would receive packets sent to `server`.
 *
 * @param own addresses of this machine, which a wildcard address includes
 */
export function isSelf(listen: Endpoint, server: Endpoint, own: readonly string[]): boolean {
  if (listen.port !== server.port) return false
  if (listen.address === server.address) return true
  const loopback = server.address === '::1' || server.address.startsWith('127.')
  const isOwn = loopback || own.includes(server.address)
  return isWildcard(listen.address) && isOwn && family(listen) === family(server)
}

function family({ address }: Endpoint): 4 | 6 {
  return address.includes(':') ? 6 : 4
}
