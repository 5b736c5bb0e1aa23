import type { Octets } from '../../../base/units.js'
import { DEFAULT_WINDOW, MAX_WINDOW } from '../../../wire/http2/frame.js'
import type { RequestFrames } from './request-frames.js'
import type { ResponseStream } from './response-stream.js'

/** Sends the requests of one HTTP/2 connection, as many and as fast as the upstream takes them. RFC 9113 §5.1.2, §5.2. */
export class RequestSender {
  /** The highest stream that was opened. */
  last = 0
  /** Requests sent so far. */
  count = 0
  /** Of a stream that is opened now. */
  private initialWindow: Octets = DEFAULT_WINDOW
  private window: Octets = DEFAULT_WINDOW
  /** Streams opened and not yet closed. */
  private open = 0
  /** Requests that wait until the upstream accepts another stream, in order of their numbers. */
  private readonly waiting = new Set<ResponseStream>()
  /** Open streams whose request waits for flow control. */
  private readonly stalled = new Set<ResponseStream>()

  /** @param limit how many streams the upstream accepts */
  constructor(
    private readonly frames: RequestFrames,
    private limit: number
  ) {}

  /** Sends a request with a body, or keeps it until the upstream accepts it. Streams have ascending numbers. */
  send(stream: ResponseStream, body: Uint8Array, length: Octets): void {
    if (this.open < this.limit && this.waiting.size === 0) this.start(stream, body, length)
    else {
      stream.unsent = body.slice(0, length)
      this.waiting.add(stream)
    }
  }

  /** Forgets a stream, which is closed or was never opened; another one may be opened. */
  close(stream: ResponseStream): void {
    this.stalled.delete(stream)
    if (this.waiting.delete(stream)) return
    this.open--
    this.startWaiting()
  }

  isWaiting(stream: ResponseStream): boolean {
    return this.waiting.has(stream)
  }

  /** @param limit how many streams the upstream accepts from now on */
  setLimit(limit: number): void {
    this.limit = limit
    this.startWaiting()
  }

  /** The upstream takes more on all streams together. @returns false: more than allowed, RFC 9113 §6.9.1 */
  widen(increment: Octets): boolean {
    this.window += increment
    if (this.window > MAX_WINDOW) return false
    this.sendStalled()
    return true
  }

  /** The upstream takes more on one stream. @returns as `widen` */
  widenStream(stream: ResponseStream, increment: Octets): boolean {
    stream.window += increment
    if (stream.window > MAX_WINDOW) return false
    if (this.stalled.has(stream)) this.sendBody(stream)
    return true
  }

  /** The upstream changes the windows of all streams. RFC 9113 §6.9.2. @returns as `widen` */
  setInitialWindow(window: Octets, streams: Iterable<ResponseStream>): boolean {
    const change = window - this.initialWindow
    this.initialWindow = window
    for (const stream of streams) {
      if (this.waiting.has(stream)) continue
      stream.window += change
      if (stream.window > MAX_WINDOW) return false
    }
    this.sendStalled()
    return true
  }

  private startWaiting(): void {
    for (const stream of this.waiting) {
      if (this.open >= this.limit) return
      this.waiting.delete(stream)
      this.start(stream, stream.unsent!, stream.unsent!.length)
    }
  }

  private start(stream: ResponseStream, body: Uint8Array, length: Octets): void {
    const { frames, initialWindow } = this
    this.open++
    this.count++
    this.last = stream.id
    stream.window = initialWindow
    frames.addHead(stream.id, length)
    if (length <= this.window && length <= initialWindow) {
      this.window -= length
      stream.window -= length
      stream.unsent = undefined
      frames.addBody(stream.id, body, 0, length, true)
    } else {
      stream.unsent ??= body.slice(0, length)
      this.stalled.add(stream)
      this.sendBody(stream)
    }
  }

  private sendStalled(): void {
    for (const stream of this.stalled) {
      if (this.window <= 0) return
      this.sendBody(stream)
    }
  }

  /** Sends as much of a request as the upstream takes now. */
  private sendBody(stream: ResponseStream): void {
    const unsent = stream.unsent!
    const { length } = unsent
    const size = Math.min(length, this.window, stream.window)
    if (size <= 0) return
    this.frames.addBody(stream.id, unsent, 0, size, size === length)
    this.window -= size
    stream.window -= size
    stream.unsent = size === length ? undefined : unsent.subarray(size)
    if (size === length) this.stalled.delete(stream)
  }
}
