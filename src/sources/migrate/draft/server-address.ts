import { InterdictError } from '../../../base/errors/error.js'
import { readAddress, readPrefix, showAddress, showPrefix } from '../../../base/values/address.js'

/** Addresses of public resolvers that settings of other servers often name without them. */
const KNOWN: Readonly<Record<string, readonly string[]>> = {
  'dns.google': ['8.8.8.8', '8.8.4.4'],
  'cloudflare-dns.com': ['1.1.1.1', '1.0.0.1'],
  'one.one.one.one': ['1.1.1.1', '1.0.0.1'],
  'dns.quad9.net': ['9.9.9.9', '149.112.112.112'],
  'dns10.quad9.net': ['9.9.9.10', '149.112.112.10'],
  'dns11.quad9.net': ['9.9.9.11', '149.112.112.11'],
  'dns.adguard-dns.com': ['94.140.14.14', '94.140.15.15'],
  'unfiltered.adguard-dns.com': ['94.140.14.140', '94.140.14.141'],
  'dns.mullvad.net': ['194.242.2.2']
}

/** An address in canonical form; undefined: it is none. */
export function canonicalAddress(text: string): string | undefined {
  return tryRead(() => showAddress(readAddress(text)))
}

/** A prefix in canonical form, an address as one too; undefined: it is none. Host bits are cleared. */
export function canonicalPrefix(text: string): string | undefined {
  const exact = tryRead(() => showPrefix(readPrefix(text)))
  if (exact !== undefined) return exact
  const [address, length] = text.split('/')
  const octets = tryRead(() => readAddress(address!))
  const bits = Number(length) + (address!.includes(':') ? 0 : 96)
  if (octets === undefined || length === undefined || !(bits >= 0 && bits <= 128)) return undefined
  const cleared = octets.map(
    (octet, i) => octet & (0xff00 >> Math.min(8, Math.max(0, bits - 8 * i)))
  )
  return tryRead(() => showPrefix({ address: cleared, length: bits }))
}

/** An address and port as in the settings: `192.0.2.53`, `192.0.2.53:5353`, `[2001:db8::53]:5353`. */
export function endpoint(address: string, port: number | undefined, usual = 53): string {
  if (port === undefined || port === usual) return address
  return address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`
}

/** A resolver over TLS, as in `upstreams.servers`. */
export const tlsServer = (address: string, port: number | undefined, name: string): string =>
  `tls://${endpoint(address.includes(':') && port === undefined ? `[${address}]` : address, port, 853)}#${name}`

/** Resolvers over TLS or HTTPS by name alone; undefined: their addresses are not known here. */
export function knownServers(protocol: 'tls' | 'https', name: string, path = '/dns-query') {
  const addresses = Object.hasOwn(KNOWN, name) ? KNOWN[name] : undefined
  return addresses?.map(address =>
    protocol === 'tls' ? tlsServer(address, undefined, name) : `https://${name}${path}@${address}`
  )
}

function tryRead<T>(read: () => T): T | undefined {
  try {
    return read()
  } catch (error) {
    if (error instanceof InterdictError) return undefined
    throw error
  }
}
