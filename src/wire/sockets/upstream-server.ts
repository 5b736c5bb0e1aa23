import type { Endpoint } from './datagram.js'

/** Port of DNS over UDP and TCP. RFC 1035 §4.2. */
export const DNS_PORT = 53
/** Port of DNS over TLS. RFC 7858 §3.1. */
export const TLS_PORT = 853
/** Port of DNS over HTTPS. RFC 8484 §1, RFC 9110 §4.2.2. */
export const HTTPS_PORT = 443

/** An upstream as configured. Plain data, since it is sent to other threads. */
export interface UpstreamServer extends Endpoint {
  /** Undefined: DNS over UDP and TCP, in clear. */
  readonly tls?: UpstreamTls | undefined
}

/** DNS over TLS (RFC 7858) or HTTPS (RFC 8484) to an upstream. */
export interface UpstreamTls {
  /** Path of its URI, query included: DNS over HTTPS. Undefined: DNS over TLS. */
  readonly path: string | undefined
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

/** Whether its certificate must be that of its name. */
export function isVerified({ name, opportunistic }: UpstreamTls): boolean {
  return name !== undefined && !opportunistic
}

/**
 * `192.0.2.1`, `[2001:db8::1]:5353`, `tls://192.0.2.1#dns.example`, `https://dns.example/dns-query@192.0.2.1`:
 * ports only where they are not usual.
 */
export function showServer(server: UpstreamServer): string {
  const { address, port, tls } = server
  if (tls === undefined) return showPlace(address, port, DNS_PORT, false)
  const { name, path } = tls
  if (path === undefined) {
    return `tls://${showPlace(address, port, TLS_PORT, true)}${name === undefined ? '' : `#${name}`}`
  }
  const place = showPlace(address, HTTPS_PORT, HTTPS_PORT, true)
  return `https://${authorityOf(server)}${path}${name === undefined ? '' : `@${place}`}`
}

/** Host and port of the URI of an upstream over HTTPS. RFC 9113 §8.3.1. */
export function authorityOf({ address, port, tls }: UpstreamServer): string {
  return showPlace(tls?.name ?? address, port, HTTPS_PORT, true)
}

function showPlace(host: string, port: number, usual: number, isBracketed: boolean): string {
  const shown = host.includes(':') && (isBracketed || port !== usual) ? `[${host}]` : host
  return port === usual ? shown : `${shown}:${port}`
}
