/** Streams whose end is remembered: more than a peer sends before it learns of it. */
const REMEMBERED = 128

/** The last streams of one connection that were closed. RFC 9113 §5.1. */
export class ClosedStreams {
  /** Negative: before the peer had sent all of its side. */
  private readonly closed = new Int32Array(REMEMBERED)
  private next = 0

  /** @param isEnded the peer sends nothing more on it */
  add(id: number, isEnded: boolean): void {
    this.closed[this.next] = isEnded ? id : -id
    this.next = (this.next + 1) % REMEMBERED
  }

  /** True if the peer had ended the stream itself, so that a further frame of it is an error. */
  hasEnded(id: number): boolean {
    return this.closed.includes(id)
  }

  /** True if the stream was closed before the peer had ended it, so that more of it may arrive. */
  hasBeenReset(id: number): boolean {
    return this.closed.includes(-id)
  }
}
