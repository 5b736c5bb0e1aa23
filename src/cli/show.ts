import type { Endpoint } from '../socket/datagram.js'

/** `127.0.0.1:53`, `[::1]:53`. */
export function showEndpoint({ address, port }: Endpoint): string {
  return address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`
}
