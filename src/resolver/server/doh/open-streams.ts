import type { Octets } from '../../../base/units.js'
import { ClosedStreams } from '../../../wire/http2/closed-streams.js'
import { ERROR } from '../../../wire/http2/frame.js'
import type { DohStream } from './doh-stream.js'

/** The open streams of one HTTP/2 connection, RFC 9113 §5.1, and how much is kept for them. */
export class OpenStreams {
  /** The highest number that the client has used. */
  last = 0
  /** Octets of bodies that are incomplete. */
  keptBodies: Octets = 0
  /** Octets of replies that the client does not take yet. */
  keptReplies: Octets = 0
  private readonly streams = new Map<number, DohStream>()
  /** Queries that wait for an upstream though their streams are closed: they count as requests in progress. */
  private abandoned = 0
  private readonly closed = new ClosedStreams()

  get size(): number {
    return this.streams.size
  }

  get inProgress(): number {
    return this.streams.size + this.abandoned
  }

  all(): Iterable<DohStream> {
    return this.streams.values()
  }

  get(id: number): DohStream | undefined {
    return this.streams.get(id)
  }

  add(stream: DohStream): void {
    this.streams.set(stream.id, stream)
  }

  /**
   * For RST_STREAM and WINDOW_UPDATE on a stream that is not open: an error if it never was. Others may have been
   * sent before the client knew that it was closed. RFC 9113 §5.1.
   */
  errorOfClosed(id: number): number {
    return id > this.last ? ERROR.PROTOCOL_ERROR : ERROR.NO_ERROR
  }

  /** For a part of a body: an error also if the client had ended its request. RFC 9113 §5.1. */
  errorOfBody(id: number): number {
    return this.closed.hasEnded(id) ? ERROR.STREAM_CLOSED : this.errorOfClosed(id)
  }

  /**
   * For fields on a stream with a number that is not higher than all before: they may be trailers of a request that
   * was answered before its end. RFC 9113 §5.1.1.
   */
  errorOfFields(id: number): number {
    if (this.closed.hasBeenReset(id)) return ERROR.NO_ERROR
    return this.closed.hasEnded(id) ? ERROR.STREAM_CLOSED : ERROR.PROTOCOL_ERROR
  }

  /** Remembers a stream that is closed. @param isEnded the client sends nothing more on it */
  remember(id: number, isEnded: boolean): void {
    this.closed.add(id, isEnded)
  }

  /** A query that waited for an upstream waits no longer. @returns whether its stream is still open */
  resume(stream: DohStream): boolean {
    stream.isPending = false
    if (this.streams.get(stream.id) === stream) return true
    this.abandoned--
    return false
  }

  /** @param isEnded the client sends nothing more on it */
  close(stream: DohStream, isEnded = stream.isComplete): void {
    this.streams.delete(stream.id)
    this.remember(stream.id, isEnded)
    this.keptBodies -= stream.bodySize
    this.keptReplies -= stream.unsent?.length ?? 0
    stream.unsent = undefined
    if (stream.isPending) this.abandoned++
  }
}
