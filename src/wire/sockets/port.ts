import { getSystemErrorMap } from 'node:util'
import { failure } from '../../base/errors/error.js'
import type { Endpoint } from './datagram.js'

/** `address:port`, with IPv6 in brackets (RFC 3986 §3.2.2). */
export function showEndpoint({ address, port }: Endpoint): string {
  return address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`
}

/**
 * The error for an endpoint that cannot be bound: SOCKET_PERMISSION or SOCKET_BIND.
 *
 * @param text what the system reports
 */
export function bindError(endpoint: Endpoint, text: string, forbidden: boolean): Error {
  const shown = showEndpoint(endpoint)
  return forbidden ? failure('SOCKET_PERMISSION', shown) : failure('SOCKET_BIND', shown, text)
}

/** As `bindError`, for an error that Node reported. */
export function nodeBindError(
  endpoint: Endpoint,
  { errno = 0, code, message }: NodeJS.ErrnoException
): Error {
  return bindError(endpoint, getSystemErrorMap().get(errno)?.[1] ?? message, code === 'EACCES')
}
