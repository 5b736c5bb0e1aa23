/** A socket of `node:dgram`, as far as it matters here. */
interface DatagramSocket {
  close(): unknown
  once(event: 'close', listener: () => void): unknown
}

/** Of this thread. */
const openSockets = new Set<DatagramSocket>()

/** Remembers a socket of `node:dgram` until it is closed, for `closeDatagramSockets`. Returns it. */
export function trackDatagramSocket<Socket extends DatagramSocket>(socket: Socket): Socket {
  openSockets.add(socket)
  socket.once('close', () => openSockets.delete(socket))
  return socket
}

/**
 * Closes all sockets of `node:dgram` of this thread at once, those with sends in flight too. Called before a thread ends:
 * Node 20 aborts the whole process (`v8::FromJust Maybe value is Nothing`, in `UDPWrap::OnRecv`) when a socket of
 * a thread receives a datagram after its JavaScript has been stopped. Node 22 and 24 do not.
 */
export function closeDatagramSockets(): void {
  for (const socket of openSockets) {
    try {
      socket.close()
    } catch {
      // It is closing already.
    }
  }
  openSockets.clear()
}
