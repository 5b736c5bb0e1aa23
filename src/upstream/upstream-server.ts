import type { Endpoint } from '../udp/datagram.js'

/** Port of DNS over UDP and TCP. RFC 1035 §4.2. */
export const DNS_PORT = 53
/** Port of DNS over TLS. RFC 7858 §3.1. */
export const TLS_PORT = 853

/** An upstream as configured. Plain data, since it is sent to other threads. */
export interface UpstreamServer extends Endpoint {
  /** Undefined: DNS over UDP and TCP, in clear. */
  readonly tls?: UpstreamTls | undefined
}

/** DNS over TLS to an upstream. RFC 7858. */
export interface UpstreamTls {
  /** The name that its certificate must have (RFC 8310 §8.1); undefined: only the pins count. */
  readonly name: string | undefined
  /** SHA-256 of public keys (SubjectPublicKeyInfo) in base64, one of which it must have. RFC 7858 §4.2. */
  readonly pins: readonly string[]
  /** PEM of the authorities to trust; undefined: those that Node.js trusts. */
  readonly ca: string | undefined
  /** PEM of the certificate that it asks for. */
  readonly client: { readonly certificate: string; readonly key: string } | undefined
  /** Encrypted, but its certificate is not checked. RFC 7858 §4.1. */
  readonly opportunistic: boolean
}

/** `192.0.2.1`, `[2001:db8::1]:5353`, `tls://192.0.2.1#dns.example`: ports only where they are not usual. */
export function showServer({ address, port, tls }: UpstreamServer): string {
  const usual = tls === undefined ? DNS_PORT : TLS_PORT
  const isBracketed = address.includes(':') && (port !== usual || tls !== undefined)
  const host = isBracketed ? `[${address}]` : address
  const place = port === usual ? host : `${host}:${port}`
  if (tls === undefined) return place
  return `tls://${place}${tls.name === undefined ? '' : `#${tls.name}`}`
}
