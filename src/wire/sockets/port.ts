import { randomInt } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { getSystemErrorMap } from 'node:util'
import { failure } from '../../base/errors/error.js'
import type { Endpoint } from './datagram.js'

/** First port that any user may bind; those below are system ports. RFC 6335 §6. */
const FIRST_PORT = 1024
const PORTS_END = 65_536

/** Attempts to find a free random port: one or two suffice unless nearly all are in use. */
export const PORT_TRIES = 64

/** Ports that the administrator keeps for services with fixed ports. ip(7), ip-sysctl.rst */
const RESERVED_PORTS = '/proc/sys/net/ipv4/ip_local_reserved_ports'

/** First and last port of each reserved range; read once. */
let reserved: readonly (readonly [number, number])[] | undefined

/** An unpredictable port that is not reserved. RFC 6056 §3.2 */
export function randomPort(): number {
  reserved ??= readReservedPorts()
  for (let tries = 1; ; tries++) {
    const port = randomInt(FIRST_PORT, PORTS_END)
    if (tries === PORT_TRIES || !reserved.some(([from, to]) => from <= port && port <= to)) {
      return port
    }
  }
}

/** Parses a list such as `5353,8000-8100`; none if it cannot be read. */
export function readReservedPorts(file = RESERVED_PORTS): (readonly [number, number])[] {
  try {
    return [...readFileSync(file, 'latin1').matchAll(/(\d+)(?:-(\d+))?/g)].map(
      ([, from, to]) => [Number(from), Number(to ?? from)] as const
    )
  } catch {
    return []
  }
}

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
