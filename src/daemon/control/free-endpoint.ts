import type { Endpoint, Transport } from '../../udp/datagram.js'

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
      if (endpoint.port !== 0 || attempts === MAX_ATTEMPTS) throw error
    }
  }
}

async function choosePort(transport: Transport, { address, port }: Endpoint): Promise<Endpoint> {
  const socket = await transport.bind({ address, port }, () => undefined)
  const { local } = socket
  socket.close()
  return { address, port: local.port }
}
