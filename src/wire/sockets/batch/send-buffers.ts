import { ErrorQueue } from './error-queue.js'
import type { System } from '../../../base/system/linux.js'
import { MessageBuffers, packetInfoOctets } from './message-buffers.js'
import { ReceivedBatch } from './received-batch.js'
import { SegmentedSend } from './segmented-send.js'
import type { Family } from './sockaddr.js'

/**
 * Buffers that batch sockets receive into and send from. Received data is not needed after the
 * handler returns, nor queued data after the end of the event loop iteration, so upstream sockets
 * of one thread share these buffers: otherwise each would touch 64 pages of its own, and 32 of them
 * hold 8 MB.
 */
export class SendBuffers {
  readonly memory: MessageBuffers
  readonly batch: ReceivedBatch
  /** Flushes the socket that queued here last. */
  private flush: (() => void) | undefined
  private errorQueue: ErrorQueue | undefined
  private segmentedSend: SegmentedSend | undefined

  constructor(
    private readonly system: System,
    private readonly family: Family,
    packetInfo: boolean
  ) {
    const controlLength = packetInfo ? packetInfoOctets(family) : 0
    this.memory = new MessageBuffers(system, family, controlLength)
    this.batch = new ReceivedBatch(this.memory, packetInfo)
  }

  /** Allocated at the first error. */
  get errors(): ErrorQueue {
    return (this.errorQueue ??= new ErrorQueue(this.system, this.family))
  }

  /** Allocated at first use. */
  get segmented(): SegmentedSend {
    return (this.segmentedSend ??= new SegmentedSend(this.system, this.memory))
  }

  /** Called by a socket with an empty queue before it queues; flushes what another socket queued. */
  acquire(flush: () => void): void {
    if (this.flush === flush) return
    this.flush?.()
    this.flush = flush
  }
}
