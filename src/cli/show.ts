import type { Endpoint } from '../socket/datagram.js'

/** `127.0.0.1:53`, `[::1]:53`. */
export function showEndpoint({ address, port }: Endpoint): string {
  return address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`
}

/** `1 entry`, `1,234 entries`. */
export function count(n: number, one: string, many = `${one}s`): string {
  return `${n.toLocaleString('en')} ${n === 1 ? one : many}`
}
