import type { Octets } from '../../../base/units.js'
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

  /** For a frame on a stream that is not open: an error if it never was. RFC 9113 §5.1. */
  errorOfClosed(id: number): number {
    return id > this.last ? ERROR.PROTOCOL_ERROR : ERROR.NO_ERROR
  }

  /** A query that waited for an upstream waits no longer. @returns whether its stream is still open */
  resume(stream: DohStream): boolean {
    stream.isPending = false
    if (this.streams.get(stream.id) === stream) return true
    this.abandoned--
    return false
  }

  close(stream: DohStream): void {
    this.streams.delete(stream.id)
    this.keptBodies -= stream.bodySize
    this.keptReplies -= stream.unsent?.length ?? 0
    stream.unsent = undefined
    if (stream.isPending) this.abandoned++
  }
}
