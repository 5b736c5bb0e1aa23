import type { System } from './linux.js'
import { MessageMemory } from './message-memory.js'
import { ReceivedBatch } from './received-batch.js'
import type { Family } from './sockaddr.js'

/**
 * The memory that batch sockets read into and send from. Reading is over when the handler returns,
 * and sending when the turn ends, so that sockets of one thread can share it: of the sockets for
 * upstreams, each would else touch 64 pages of its own, and 32 of them hold 8 MB.
 */
export class Desk {
  readonly memory: MessageMemory
  readonly batch: ReceivedBatch
  /** Sends what waits, of the socket that put it there last. */
  private flush: (() => void) | undefined

  constructor(system: System, family: Family, packetInfo: boolean) {
    this.memory = new MessageMemory(system, family, packetInfo)
    this.batch = new ReceivedBatch(this.memory, packetInfo)
  }

  /** For a socket with nothing waiting that is about to change that. What another left here leaves. */
  claim(flush: () => void): void {
    if (this.flush === flush) return
    this.flush?.()
    this.flush = flush
  }
}
