import type { Endpoint, Transport } from '../../udp/datagram.js'

/** Ports that are free for UDP, until one is free for TCP too. */
const PORT_TRIES = 8

/**
 * The endpoint, if both protocols can have it; for port 0 one that they can, the same for all.
 *
 * @throws InterdictError SOCKET_BIND, SOCKET_PERMISSION
 */
export async function findFreeEndpoint(
  transport: Transport,
  endpoint: Endpoint
): Promise<Endpoint> {
  for (let tries = 1; ; tries++) {
    const wanted = endpoint.port === 0 ? await choosePort(transport, endpoint) : endpoint
    try {
      await transport.probe(wanted)
      return wanted
    } catch (error) {
      // What is free for UDP may be taken for TCP.
      if (endpoint.port !== 0 || tries === PORT_TRIES) throw error
    }
  }
}

async function choosePort(transport: Transport, { address, port }: Endpoint): Promise<Endpoint> {
  const socket = await transport.bind({ address, port }, () => undefined)
  const { local } = socket
  socket.close()
  return { address, port: local.port }
}
