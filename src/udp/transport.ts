import { failure } from '../base/error.js'
import { batchTransport } from './batch/batch.js'
import type { Ledger } from './batch/descriptor-table.js'
import type { Transport } from './datagram.js'
import { portableTransport } from './portable/portable.js'

/** What the settings ask for; `auto` takes batches where they can be had. */
export type TransportKind = 'auto' | 'batch' | 'portable'

/** The transport that runs, and why it is not the faster one, for the log. */
export interface Choice {
  readonly transport: Transport
  readonly whyNotBatch: string | undefined
}

/**
 * Chooses the sockets of one thread. `ledger` is noted what batch sockets it leaves open if it
 * dies; see `closeLeftOver`.
 *
 * @throws InterdictError SOCKET_NO_BATCH
 */
export function chooseTransport(kind: TransportKind, ledger?: Ledger): Choice {
  if (kind === 'portable') return portable('the settings ask for portable sockets')
  const batch = batchTransport(ledger)
  if (typeof batch !== 'string') return { transport: batch, whyNotBatch: undefined }
  if (kind === 'batch') throw failure('SOCKET_NO_BATCH', batch)
  return portable(batch)
}

function portable(whyNotBatch: string): Choice {
  return { transport: portableTransport(), whyNotBatch }
}
