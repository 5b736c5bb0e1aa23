import type { Milliseconds } from '../../base/units.js'

/** It was not answered in time; its thread is gone, and whatever that held. */
export type NoReply = 'silent' | 'gone'

/** Questions that one thread was asked, until it answers. */
export class Asks<Reply extends object> {
  private readonly open = new Map<number, (reply: Reply | NoReply) => void>()
  private last = 0
  private over = false

  /** @param send puts the question to the thread, which is to say the ticket with its answer */
  put(send: (ticket: number) => void, patience: Milliseconds): Promise<Reply | NoReply> {
    if (this.over) return Promise.resolve('gone')
    const ticket = ++this.last
    return new Promise(resolve => {
      const timer = setTimeout(() => this.settle(ticket, 'silent'), patience)
      this.open.set(ticket, reply => {
        clearTimeout(timer)
        resolve(reply)
      })
      send(ticket)
    })
  }

  /** An answer, which may come when nobody waits for it any more. */
  hear(ticket: number, reply: Reply): void {
    this.settle(ticket, reply)
  }

  /** The thread has ended. */
  end(): void {
    this.over = true
    for (const ticket of [...this.open.keys()]) this.settle(ticket, 'gone')
  }

  private settle(ticket: number, reply: Reply | NoReply): void {
    const resolve = this.open.get(ticket)
    this.open.delete(ticket)
    resolve?.(reply)
  }
}
