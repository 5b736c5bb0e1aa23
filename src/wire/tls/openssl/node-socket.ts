/** What keeps the descriptor of a connection, and closes it. */
export interface SocketOwner {
  once(event: 'close', listener: () => void): unknown
  destroy(): unknown
}

/** Node's side of a TCP connection: it keeps the descriptor and closes it, and reads nothing. */
export interface NodeSocket {
  readonly destroyed: boolean
  once(event: 'connect' | 'close', listener: () => void): unknown
  once(event: 'error', listener: (error: Error) => void): unknown
  pause(): unknown
  destroy(): unknown
}

/** The file descriptor of a connection, which Node keeps to itself; undefined: it cannot be had. */
export function descriptorOf(socket: object): number | undefined {
  const { _handle: handle } = socket as { readonly _handle?: { readonly fd?: number } | null }
  return handle?.fd !== undefined && handle.fd >= 0 ? handle.fd : undefined
}
