import type { Octets } from '../../base/units.js'
import type { ClientIdentity } from './client-identity.js'
import type { Protocol } from '../../lookups/event/query-event.js'

/** No reply is sent: the message is not a query, or a rule's action is `drop`. */
export const DROP = 0
/** The reply comes later: the caller has to call `answerLater` next. */
export const PENDING = -1

/** Transport of a query; the values of the query log's PROTOCOL. */
export const UDP = 0 as Protocol
export const TCP = 1 as Protocol
export const DOT = 2 as Protocol
export const DOH = 3 as Protocol

/**
 * What listeners need of the resolver: `answer` is the fast path, which replies in place to what
 * needs no upstream; `answerLater` forwards the rest.
 */
export interface Responder {
  /** Reads the clock and takes the current rules; call once per batch, before its queries. */
  beginBatch(): void

  /** Call once per batch, after its queries: their replies are about to be sent. */
  endBatch(): void

  /**
   * Whether the client of the last reply, returned by `answer` or passed to `ReplyTarget.reply`, has
   * proved its address by a server cookie. RFC 7873 §5.2.5.
   */
  readonly hasValidCookie: boolean

  /**
   * Answers the query in `octets[at, end)` in place. If it returns PENDING, `answerLater` takes a copy of these octets,
   * which the listener must not use for anything else. Never throws.
   *
   * @param room octets that the reply may use, from `at`
   * @param client four words at `clientAt`, as in `DatagramBatch.peers`
   * @param identity undefined: the client is identified by its address
   * @returns the reply's length in octets, DROP or PENDING
   */
  answer(
    octets: Uint8Array,
    at: Octets,
    end: Octets,
    room: Octets,
    client: Uint32Array,
    clientAt: number,
    protocol: Protocol,
    identity?: ClientIdentity
  ): number

  /**
   * Forwards the query for which `answer` has just returned PENDING. Nothing else may be called in
   * between: the parsed query and its decision are reused. Never throws.
   */
  answerLater(target: ReplyTarget): void
}

/** Where the reply to a forwarded query goes, and the query itself. Unchanged until the reply. */
export interface ReplyTarget {
  /** The query is `octets[start, end)`. */
  readonly octets: Uint8Array
  readonly start: Octets
  readonly end: Octets
  /** Four words at `clientAt`, as in `DatagramBatch.peers`. */
  readonly client: Uint32Array
  readonly clientAt: number
  readonly protocol: Protocol
  /** As for `Responder.answer`. */
  readonly identity?: ClientIdentity | undefined
  /**
   * Called once, later, with the reply in `reply[from, to)`; undefined: no reply is sent. Has to
   * copy what it needs, and may overwrite the reply during the call.
   */
  reply(reply: Uint8Array | undefined, from: Octets, to: Octets): void
}

/** Of the message at `octets[at]`. RFC 1035 §4.1.1. */
export function rcodeOf(octets: Uint8Array, at: Octets): number {
  return octets[at + 3]! & 0x0f
}
