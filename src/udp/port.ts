import { getSystemErrorMap } from 'node:util'
import { failure } from '../base/error.js'
import type { Endpoint } from './datagram.js'

/** First port that any user may bind; those below are system ports. RFC 6335 §6. */
export const FIRST_PORT = 1024
export const PORTS_END = 65_536

/** Attempts to find a free random port: one or two suffice unless nearly all are in use. */
export const PORT_TRIES = 64

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
