import type { IncomingMessage } from 'node:http'

/**
 * Headers of every response: nothing is cached, framed, sniffed, or run by a browser. There are no CORS headers,
 * so pages of other origins can read nothing. OWASP REST Security Cheat Sheet.
 */
export const SECURITY_HEADERS: Readonly<Record<string, string>> = {
  'cache-control': 'no-store',
  'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
  'cross-origin-resource-policy': 'same-origin',
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY'
}

/** Sent over TLS: browsers use no plain HTTP for a year. RFC 6797 §6.1 */
export const STRICT_TRANSPORT = { 'strict-transport-security': 'max-age=31536000' } as const

/** Whether the client has the representation with this entity tag, quotes included. RFC 9110 §13.1.2 */
export function isUnchanged({ headers }: IncomingMessage, etag: string): boolean {
  const known = (headers['if-none-match'] ?? '').split(',').map(tag => tag.trim())
  // The comparison is weak.
  return known.some(tag => tag === '*' || tag.replace(/^W\//, '') === etag)
}

/** Whether a request has a body. RFC 9112 §6.3 */
export function hasBody({ headers }: IncomingMessage): boolean {
  return headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0
}
