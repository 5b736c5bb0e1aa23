import type { Octets } from '../units.js'

/** Takes what a stream reads. */
export interface StreamHandler {
  /** `octets[start, end)` are there only during the call. */
  receive(octets: Buffer, start: Octets, end: Octets): void
  /** The other end has closed its side. */
  onEnd(): void
  /** The stream takes more after `needsDrain`. */
  onDrain(): void
  /** So many TLS records without data have come. */
  onEmptyRecords?(count: number): void
}

/** A connection as its server uses it: plain or with TLS, by Node or by OpenSSL itself. */
export interface ByteStream {
  readonly destroyed: boolean
  /** `end` was called. */
  readonly isEnded: boolean
  /** Octets that are still to be sent, since the other end does not read. */
  readonly unsent: Octets
  /** So many octets wait that nothing should be added. */
  readonly needsDrain: boolean
  /** Octets in front of what is written next, in the same TLS records; -1: it gets records of its own. */
  readonly backlog: Octets
  /** About how many TLS records without data have come since the last call, where `onEmptyRecords` is not called. */
  emptyRecords?(): number
  /** Begins to read. */
  start(handler: StreamHandler): void
  /** Sends a copy of `octets[start, end)`. */
  write(octets: Uint8Array, start: Octets, end: Octets): void
  pause(): void
  resume(): void
  /** Closes this side when everything is sent, and the connection once the other side is closed too. */
  end(): void
  destroy(): void
}
