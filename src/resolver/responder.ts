import type { Octets } from '../base/units.js'

/** No reply will be sent: not a query, or a ban says `drop`. */
export const DROP = 0
/** The reply comes through `answerLater`, which the caller calls next. */
export const PENDING = -1

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
   * Whether the client of the reply that was given last, by `answer` or to the asker that is being
   * called, has proven its address by a cookie. RFC 7873 §5.2.5.
   */
  readonly hasValidCookie: boolean

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
   */
  answerLater(asker: ReplyTarget): void
}

/** A query that is answered later, and who has the reply. Stays as it is until that was given. */
export interface ReplyTarget {
  /** The query is `octets[start, end)`. */
  readonly octets: Uint8Array
  readonly start: Octets
  readonly end: Octets
  /** Four words at `clientAt`, as in `DatagramBatch.peers`. */
  readonly client: Uint32Array
  readonly clientAt: number
  /** One of `PROTOCOL`. */
  readonly protocol: number
  /**
   * Called once, later, with `reply[from, to)`, or undefined for silence. Copies what it needs, and
   * may write over it during the call.
   */
  reply(reply: Uint8Array | undefined, from: Octets, to: Octets): void
}
