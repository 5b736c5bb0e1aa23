import { failure } from '../../base/errors/error.js'
import { batchTransport } from './batch/batch.js'
import type { DescriptorTable } from '../../base/system/descriptor-table.js'
import type { Transport } from './datagram.js'
import { portableTransport } from './portable/portable.js'

/** The configured transport; `auto` uses batch sockets where available. */
export type TransportKind = 'auto' | 'batch' | 'portable'

/** The transport in use, and why it is not the faster one, for the log. */
export interface TransportChoice {
  readonly transport: Transport
  readonly fallbackReason: string | undefined
}

/**
 * Chooses the transport of one thread.
 *
 * @param descriptors records what batch sockets would leave open if the thread dies; see
 *   `releaseLeftovers`
 *
 * @throws InterdictError SOCKET_NO_BATCH
 */
export function chooseTransport(
  kind: TransportKind,
  descriptors?: DescriptorTable
): TransportChoice {
  if (kind === 'portable') return portable('portable sockets are configured')
  const batch = batchTransport(descriptors)
  if (typeof batch !== 'string') return { transport: batch, fallbackReason: undefined }
  if (kind === 'batch') throw failure('SOCKET_NO_BATCH', batch)
  return portable(batch)
}

function portable(fallbackReason: string): TransportChoice {
  return { transport: portableTransport(), fallbackReason }
}
