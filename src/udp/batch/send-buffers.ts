import { ErrorQueue } from './error-queue.js'
import type { System } from './linux.js'
import { MessageBuffers, packetInfoOctets } from './message-buffers.js'
import { ReceivedBatch } from './received-batch.js'
import { SegmentedSend } from './segmented-send.js'
import type { Family } from './sockaddr.js'

/**
 * The memory that batch sockets read into and send from. Reading is over when the handler returns,
 * and sending when the turn ends, so that sockets of one thread can share it: of the sockets for
 * upstreams, each would else touch 64 pages of its own, and 32 of them hold 8 MB.
 */
export class SendBuffers {
  readonly memory: MessageBuffers
  readonly batch: ReceivedBatch
  /** Sends what waits, of the socket that put it there last. */
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

  /** Has memory of its own, from the first error on. */
  get errors(): ErrorQueue {
    return (this.errorQueue ??= new ErrorQueue(this.system, this.family))
  }

  /** Has memory of its own, from the first use on. */
  get segmented(): SegmentedSend {
    return (this.segmentedSend ??= new SegmentedSend(this.system, this.memory))
  }

  /** For a socket with nothing waiting that is about to change that. What another left here leaves. */
  acquire(flush: () => void): void {
    if (this.flush === flush) return
    this.flush?.()
    this.flush = flush
  }
}
