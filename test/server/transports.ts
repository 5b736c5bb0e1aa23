import { batchTransport } from '../../src/udp/batch/batch.js'
import type { Transport } from '../../src/udp/datagram.js'
import { portableTransport } from '../../src/udp/portable/portable.js'

/** All that can be had on this machine. */
export function transports(): Transport[] {
  const batch = batchTransport()
  return typeof batch === 'string' ? [portableTransport()] : [batch, portableTransport()]
}

/** Waits, turn by turn of the event loop, until it is so. */
export async function until(isSo: () => boolean): Promise<void> {
  while (!isSo()) await new Promise(resolve => setImmediate(resolve))
}

/** Lets what is under way on loopback arrive. */
export async function turns(count = 30): Promise<void> {
  for (let i = 0; i < count; i++) await new Promise(resolve => setImmediate(resolve))
}
