import { failure, InterdictError } from '../../base/error.js'
import type { Endpoint, Transport } from '../../udp/datagram.js'
import { portOwner } from '../../udp/port-owner.js'
import { showEndpoint } from '../../udp/port.js'

/** What the system says of EADDRINUSE. */
const IN_USE = 'address already in use'

/** Attempts to find a port that is free for both UDP and TCP. */
const MAX_ATTEMPTS = 8

/**
 * Checks that an endpoint is free for UDP and TCP; for port 0, finds a port that is.
 *
 * @throws InterdictError SOCKET_BIND, SOCKET_PERMISSION
 */
export async function findFreeEndpoint(
  transport: Transport,
  endpoint: Endpoint
): Promise<Endpoint> {
  for (let attempts = 1; ; attempts++) {
    const candidate = endpoint.port === 0 ? await choosePort(transport, endpoint) : endpoint
    try {
      await transport.probe(candidate)
      return candidate
    } catch (error) {
      // A port that is free for UDP may be in use for TCP.
      if (endpoint.port !== 0 || attempts === MAX_ATTEMPTS) throw withOwner(candidate, error)
    }
  }
}

/** For a port in use: the error with the program that has it. Any other error as it is. */
function withOwner(endpoint: Endpoint, error: unknown): unknown {
  const isInUse = error instanceof InterdictError && error.message.endsWith(IN_USE)
  const owner = isInUse ? portOwner(endpoint.port) : undefined
  if (owner === undefined) return error
  const why = `${IN_USE} by ${owner}: stop it, or change \`listen\``
  return failure('SOCKET_BIND', showEndpoint(endpoint), why)
}

async function choosePort(transport: Transport, { address, port }: Endpoint): Promise<Endpoint> {
  const socket = await transport.bind({ address, port }, () => undefined)
  const { local } = socket
  socket.close()
  return { address, port: local.port }
}
