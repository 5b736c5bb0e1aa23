import type { Octets } from '../base/units.js'

/** No reply will be sent: not a query, or a ban says `drop`. */
export const SILENCE = 0
/** The reply comes through `answerLater`, which the caller calls next. */
export const LATER = -1

/** How a query came; the values are those of log's PROTOCOL. */
export const UDP = 0
export const TCP = 1

/**
 * What listeners need of the resolver. Two doors, one meaning: `answer` is the fast path, which
 * answers in place what can be answered at once; `answerLater` is the full path for the rest.
 */
export interface Responder {
  /** Once per batch, before its queries: takes the snapshot reference and reads the clock. */
  beginBatch(): void

  /**
   * Whether the client of the reply that was given last, by `answer` or to the `done` that is being
   * called, has proven its address by a cookie. RFC 7873 §5.2.5.
   */
  readonly proven: boolean

  /**
   * Answers the query in `octets[at, end)` in place; said LATER, the octets are as they were. Never
   * throws.
   *
   * @param room octets that the reply may use, from `at`
   * @param client four words at `clientAt`, as in `DatagramBatch.peers`
   * @param protocol one of `PROTOCOL`
   * @returns the reply's length in octets, SILENCE or LATER
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
   * Answers a query for which `answer` said LATER, or would have: best right after it, when it need
   * not be read again. Never throws.
   *
   * @param query a copy that stays as it is until `done` was called
   * @param client four words, a copy that stays as long
   * @param done called once, later: with a reply that is valid only during the call, or undefined
   */
  answerLater(query: Uint8Array, client: Uint32Array, protocol: number, done: ReplyLater): void
}

/**
 * Receives the reply `octets[start, end)`, or undefined for silence. Copies what it needs, and may
 * write over it during the call.
 */
export type ReplyLater = (octets: Uint8Array | undefined, start: Octets, end: Octets) => void
