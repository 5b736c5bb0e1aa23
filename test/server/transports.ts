import { batchTransport } from '../../src/wire/sockets/batch/batch.js'
import type { Transport } from '../../src/wire/sockets/datagram.js'
import { portableTransport } from '../../src/wire/sockets/portable/portable.js'

/** All transports available on this machine. */
export function transports(): Transport[] {
  const batch = batchTransport()
  return typeof batch === 'string' ? [portableTransport()] : [batch, portableTransport()]
}

/** So long a machine may be busy with other things, in milliseconds. */
const PATIENCE = 300_000

/** Waits for a condition, checked once per turn of the event loop. */
export async function until(isSo: () => boolean): Promise<void> {
  const end = performance.now() + PATIENCE
  while (!isSo()) {
    if (performance.now() > end) throw new Error(`it did not happen: ${isSo.toString()}`)
    await new Promise(resolve => setImmediate(resolve))
  }
}

/** Waits for what is in flight on loopback. */
export async function turns(count = 30): Promise<void> {
  for (let i = 0; i < count; i++) await new Promise(resolve => setImmediate(resolve))
}
