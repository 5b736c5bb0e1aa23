import { getSystemErrorMap } from 'node:util'
import { failure } from '../base/error.js'
import type { Endpoint } from './datagram.js'

/** Ports that any user may bind; RFC 6335 §6 keeps those below for the system. */
export const FIRST_PORT = 1024
export const PORTS_END = 65_536

/** A free random port is found at the first or second try unless nearly all are taken. */
export const PORT_TRIES = 64

/** `address:port`, with IPv6 in brackets (RFC 3986 §3.2.2). */
export function showEndpoint({ address, port }: Endpoint): string {
  return address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`
}

/** The error for an endpoint that cannot be bound, in one form for both kinds of transport. */
export function bindError(endpoint: Endpoint, words: string, forbidden: boolean): Error {
  const shown = showEndpoint(endpoint)
  return forbidden ? failure('SOCKET_PERMISSION', shown) : failure('SOCKET_BIND', shown, words)
}

/** The same, for an error that Node reported. */
export function nodeBindError(
  endpoint: Endpoint,
  { errno = 0, code, message }: NodeJS.ErrnoException
): Error {
  return bindError(endpoint, getSystemErrorMap().get(errno)?.[1] ?? message, code === 'EACCES')
}
