import { createServer, Socket, type AddressInfo } from 'node:net'
import { addressWords, readAddress } from '../../base/values/address.js'
import { DirectListener } from '../../wire/tls/openssl/direct-listener.js'
import { DirectSocket } from '../../wire/tls/openssl/direct-socket.js'
import type { TlsLoop } from '../../wire/tls/openssl/tls-loop.js'
import type { Endpoint, TcpListenOptions } from '../../wire/sockets/datagram.js'
import { nodeBindError } from '../../wire/sockets/port.js'

/** A connection from which nothing was read: of Node, or of which OpenSSL is to be the first that reads. */
export type RawSocket = Socket | DirectSocket

/** @param client address of the other end: four words */
export type OnConnection = (socket: RawSocket, client: Uint32Array) => void

/** Accepts the connections of one listener. */
export interface ConnectionSource {
  readonly port: number
  /** Accepts no further connections. */
  close(): void
}

/**
 * @param isPaused whether Node is not to read from a connection by itself
 * @param onError connections cannot be accepted now: no file descriptors are left, for example. Clients retry
 * @throws InterdictError SOCKET_BIND, SOCKET_PERMISSION
 */
export function acceptByNode(
  endpoint: Endpoint,
  options: TcpListenOptions,
  isPaused: boolean,
  onConnection: OnConnection,
  onError: () => void
): Promise<ConnectionSource> {
  const manners = { allowHalfOpen: true, noDelay: true, pauseOnConnect: isPaused }
  const server = createServer(manners, socket => {
    const { remoteAddress } = socket
    // The client may have disconnected already.
    if (remoteAddress === undefined) socket.destroy()
    else onConnection(socket, addressWords(readAddress(remoteAddress.split('%', 1)[0]!)))
  })
  return new Promise((resolve, reject) => {
    server.once('error', error => reject(nodeBindError(endpoint, error)))
    server.listen(options, () => {
      server.removeAllListeners('error')
      server.on('error', onError)
      resolve({ port: (server.address() as AddressInfo).port, close: () => server.close() })
    })
  })
}

/** The same without Node. @param options of a socket that listens already */
export function acceptDirectly(
  loop: TlsLoop,
  { fd, local }: Extract<TcpListenOptions, { fd: number }>,
  onConnection: OnConnection,
  onError: () => void
): ConnectionSource {
  const listener = new DirectListener(loop, fd, onConnection, onError)
  return { port: local.port, close: () => listener.close() }
}

/** As a socket of Node, which is then the only owner of the connection. */
export function nodeSocketOf(socket: RawSocket): Socket {
  if (!(socket instanceof DirectSocket)) return socket
  return new Socket({ fd: socket.release(), readable: true, writable: true, allowHalfOpen: true })
}
