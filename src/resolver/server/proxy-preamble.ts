import type { Socket } from 'node:net'
import { decodeProxyHeader, HEADER_INCOMPLETE, HEADER_INVALID } from './proxy-header.js'

/**
 * Reads the PROXY header that a trusted proxy sends at the start of a connection, before TLS if there is
 * any. The octets after it are left in the socket. Without a valid header the connection is closed without
 * a reply.
 *
 * @param client receives the address in the header: four words
 */
export function readProxyPreamble(socket: Socket, client: Uint32Array, done: () => void): void {
  let received = Buffer.alloc(0)
  const receive = (chunk: Buffer): void => {
    received = Buffer.concat([received, chunk])
    const end = decodeProxyHeader(received, 0, received.length, client)
    if (end === HEADER_INCOMPLETE) return
    if (end === HEADER_INVALID) {
      socket.destroy()
      return
    }
    socket.pause()
    socket.off('data', receive).off('end', close).off('error', close)
    if (end < received.length) socket.unshift(received.subarray(end))
    done()
  }
  const close = (): void => {
    socket.destroy()
  }
  socket.on('data', receive).on('end', close).on('error', close).resume()
}
