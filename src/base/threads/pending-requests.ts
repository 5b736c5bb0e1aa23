import type { Milliseconds } from '../units.js'

/** `timeout`: no reply in time; `exited`: the thread has ended and lost its state. */
export type NoReply = 'timeout' | 'exited'

/** Requests sent to one thread that await its reply. */
export class PendingRequests<Reply extends object> {
  private readonly pending = new Map<number, (reply: Reply | NoReply) => void>()
  private lastId = 0
  private isClosed = false

  /** @param post sends the request; the thread returns the id with its reply */
  send(post: (id: number) => void, timeout: Milliseconds): Promise<Reply | NoReply> {
    if (this.isClosed) return Promise.resolve('exited')
    const id = ++this.lastId
    return new Promise(resolve => {
      const timer = setTimeout(() => this.settle(id, 'timeout'), timeout)
      this.pending.set(id, reply => {
        clearTimeout(timer)
        resolve(reply)
      })
      post(id)
    })
  }

  /** Ignores a reply that comes after the timeout. */
  onReply(id: number, reply: Reply): void {
    this.settle(id, reply)
  }

  /** Call when the thread has ended: every pending request resolves with `exited`. */
  close(): void {
    this.isClosed = true
    for (const id of [...this.pending.keys()]) this.settle(id, 'exited')
  }

  private settle(id: number, reply: Reply | NoReply): void {
    const resolve = this.pending.get(id)
    this.pending.delete(id)
    resolve?.(reply)
  }
}
