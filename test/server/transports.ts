import { batchTransport } from '../../src/udp/batch/batch.js'
import type { Transport } from '../../src/udp/datagram.js'
import { portableTransport } from '../../src/udp/portable/portable.js'

/** All transports available on this machine. */
export function transports(): Transport[] {
  const batch = batchTransport()
  return typeof batch === 'string' ? [portableTransport()] : [batch, portableTransport()]
}

/** Waits for a condition, checked once per turn of the event loop. */
export async function until(isSo: () => boolean): Promise<void> {
  while (!isSo()) await new Promise(resolve => setImmediate(resolve))
}

/** Waits for what is in flight on loopback. */
export async function turns(count = 30): Promise<void> {
  for (let i = 0; i < count; i++) await new Promise(resolve => setImmediate(resolve))
}
