import type { Milliseconds } from '../../base/units.js'

/** It was not answered in time; its thread is gone, and whatever that held. */
export type NoReply = 'silent' | 'gone'

/** Questions that one thread was asked, until it answers. */
export class PendingRequests<Reply extends object> {
  private readonly pending = new Map<number, (reply: Reply | NoReply) => void>()
  private lastId = 0
  private isClosed = false

  /** @param send puts the question to the thread, which is to say the ticket with its answer */
  send(send: (ticket: number) => void, patience: Milliseconds): Promise<Reply | NoReply> {
    if (this.isClosed) return Promise.resolve('gone')
    const ticket = ++this.lastId
    return new Promise(resolve => {
      const timer = setTimeout(() => this.settle(ticket, 'silent'), patience)
      this.pending.set(ticket, reply => {
        clearTimeout(timer)
        resolve(reply)
      })
      send(ticket)
    })
  }

  /** An answer, which may come when nobody waits for it any more. */
  onReply(ticket: number, reply: Reply): void {
    this.settle(ticket, reply)
  }

  /** The thread has ended. */
  close(): void {
    this.isClosed = true
    for (const ticket of [...this.pending.keys()]) this.settle(ticket, 'gone')
  }

  private settle(ticket: number, reply: Reply | NoReply): void {
    const resolve = this.pending.get(ticket)
    this.pending.delete(ticket)
    resolve?.(reply)
  }
}
