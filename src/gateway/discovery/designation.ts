import { readAddress } from '../../base/values/address.js'
import type { Config, ListenConfig } from '../config/config.js'
import { isWildcard } from '../../wire/sockets/endpoint.js'

/** An encrypted service of this gateway, as clients reach it. */
export interface EncryptedService {
  readonly protocol: 'dot' | 'doh'
  readonly port: number
  /** For `doh`: the path of its URI; '' otherwise. */
  readonly path: string
  /** Empty if only the name is known, as with a listener on all addresses. */
  readonly addresses: readonly string[]
}

/** What clients need to use and verify this gateway's encrypted listeners. Plain data. */
export interface Designation {
  /** In lower case, without a final dot. */
  readonly name: string
  /** In order of preference: DNS over TLS costs client and gateway less. At least one. */
  readonly services: readonly EncryptedService[]
}

/** Default ports: RFC 7858 §3.1, RFC 8484 §8.1. */
export const DEFAULT_PORT = { dot: 853, doh: 443 } as const

/** True if clients that know nothing but the address of the gateway may use an encrypted listener. */
export function isAnnounced({ certificates, recognition }: ListenConfig): boolean {
  return certificates !== undefined && recognition?.missing !== 'refuse'
}

/** True if clients connect to an encrypted listener by `discovery.name`: it is announced, or has no other name. */
export function usesDiscoveryName(listener: ListenConfig): boolean {
  const { certificates = [], recognition } = listener
  const isNamed = recognition?.name !== undefined || certificates.some(one => one.serverNames)
  return isAnnounced(listener) || !isNamed
}

/** The announced listeners under their name; undefined without either. */
export function designationOf({
  discovery,
  listen
}: Pick<Config, 'discovery' | 'listen'>): Designation | undefined {
  const services = servicesOf(listen)
  if (discovery === undefined || services.length === 0) return undefined
  const { name, addresses } = discovery
  if (addresses.length === 0) return { name, services }
  return { name, services: services.map(service => ({ ...service, addresses })) }
}

/** The announced listeners, those that differ only in their addresses as one. */
function servicesOf(listen: readonly ListenConfig[]): readonly EncryptedService[] {
  const byKey = new Map<string, EncryptedService>()
  for (const { dohPath, port, address } of listen.filter(isAnnounced)) {
    const protocol = dohPath === undefined ? 'dot' : 'doh'
    const key = `${protocol} ${port} ${dohPath}`
    const before = byKey.get(key)?.addresses ?? []
    const addresses = isWildcard(address) ? before : [...before, address]
    byKey.set(key, { protocol, port, path: dohPath ?? '', addresses })
  }
  return [...byKey.values()].sort((a, b) => b.protocol.localeCompare(a.protocol))
}

/** The addresses of one family. */
export function addressesOf(
  { addresses }: Pick<EncryptedService, 'addresses'>,
  family: 4 | 6
): readonly string[] {
  return addresses.filter(address => address.includes(':') === (family === 6))
}

/** 4 or 16 octets. */
export function addressOctets(address: string): Uint8Array {
  const octets = readAddress(address)
  return address.includes(':') ? octets : octets.slice(12)
}

/** `https://dns.example/dns-query`; undefined for DNS over TLS. */
export function uriOf({ name }: Designation, service: EncryptedService): string | undefined {
  const { protocol, port, path } = service
  if (protocol === 'dot') return undefined
  return `https://${name}${port === DEFAULT_PORT.doh ? '' : `:${port}`}${path}`
}
