import { failure } from '../base/error.js'
import { batchTransport } from './batch/batch.js'
import type { DescriptorTable } from './batch/descriptor-table.js'
import type { Transport } from './datagram.js'
import { portableTransport } from './portable/portable.js'

/** What the settings ask for; `auto` takes batches where they can be had. */
export type TransportKind = 'auto' | 'batch' | 'portable'

/** The transport that runs, and why it is not the faster one, for the log. */
export interface TransportChoice {
  readonly transport: Transport
  readonly fallbackReason: string | undefined
}

/**
 * Chooses the sockets of one thread. `ledger` is noted what batch sockets it leaves open if it
 * dies; see `releaseLeftovers`.
 *
 * @throws InterdictError SOCKET_NO_BATCH
 */
export function chooseTransport(kind: TransportKind, ledger?: DescriptorTable): TransportChoice {
  if (kind === 'portable') return portable('the settings ask for portable sockets')
  const batch = batchTransport(ledger)
  if (typeof batch !== 'string') return { transport: batch, fallbackReason: undefined }
  if (kind === 'batch') throw failure('SOCKET_NO_BATCH', batch)
  return portable(batch)
}

function portable(fallbackReason: string): TransportChoice {
  return { transport: portableTransport(), fallbackReason }
}
