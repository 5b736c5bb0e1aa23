import type { Octets } from '../base/units.js'

/** No reply will come. */
export const SILENCE = 0

/** The reply comes through `answerLater`. */
export const LATER = -1

/** How a query came; the values are those of log's PROTOCOL. */
export const UDP = 0
export const TCP = 1

/** What answers queries: the resolver, as the listeners see it. */
export interface Responder {
  /** Once per batch, before its queries: takes the snapshot reference and reads the clock. */
  beginBatch(): void

  /**
   * Answers the query `octets[at, end)` in place; `room` octets may be used from `at`. Returns the
   * reply's length, SILENCE, or LATER, in which case the query's octets are as they were. Never
   * throws.
   *
   * `client` holds the client's address in the four words at `clientAt`, most significant first,
   * IPv4 mapped. `protocol` is one of log's PROTOCOL: 0 UDP, 1 TCP.
   */
  answer(
    octets: Uint8Array,
    at: Octets,
    end: Octets,
    room: Octets,
    client: Uint32Array,
    clientAt: number,
    protocol: number
  ): number

  /**
   * Takes over the query that just returned LATER. `query` and `client` (four words) are copies
   * that this call may keep. `done` is called once, now or later, with a reply that is valid only
   * during the call, or with undefined for silence. Never throws.
   */
  answerLater(query: Uint8Array, client: Uint32Array, protocol: number, done: ReplyLater): void
}

/**
 * Receives the reply `octets[start, end)`, or undefined for silence. Copies what it needs, and may
 * write over it during the call.
 */
export type ReplyLater = (octets: Uint8Array | undefined, start: Octets, end: Octets) => void
