import type { System } from '../../../base/system/linux.js'
import type { SocketOwner } from './node-socket.js'

/** A TCP connection that was accepted without Node, and is read and written by its descriptor. */
export class DirectSocket implements SocketOwner {
  destroyed = false
  private readonly listeners: (() => void)[] = []

  /** @param fd closed by `destroy`, or when this thread dies */
  constructor(
    private readonly system: System,
    readonly fd: number
  ) {
    system.record(fd)
  }

  /** As in Node, but `listener` is called before `destroy` returns. */
  once(_: 'close', listener: () => void): void {
    this.listeners.push(listener)
  }

  destroy(): void {
    if (this.destroyed) return
    this.destroyed = true
    for (const listener of this.listeners) listener()
    this.system.forget(this.fd)
    this.system.close(this.fd)
  }

  /** Gives the descriptor to another owner. This object must not be used afterwards. */
  release(): number {
    this.system.forget(this.fd)
    return this.fd
  }
}
