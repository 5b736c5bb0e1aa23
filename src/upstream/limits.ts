import type { Milliseconds } from '../base/units.js'

/** Everything about asking upstreams that is bounded. */
export interface Limits {
  /** How long one upstream has for an answer before the next one is asked. */
  readonly tryTimeout: Milliseconds
  /** How long an inquiry has in all; under 5 s, which is what stub resolvers wait. */
  readonly giveUp: Milliseconds
  /** Inquiries under way; one more fails at once. */
  readonly maxInFlight: number
  /** Askers that share one inquiry; one more fails at once. */
  readonly maxWaiters: number
  /** UDP sockets for each address family, each on a random port. */
  readonly sockets: number
  /** Queries after which a socket is replaced by one on another port. */
  readonly socketQueries: number
  /** Age at which a socket is replaced, used or not. */
  readonly socketAge: Milliseconds
  /** TCP connections to one upstream. */
  readonly connections: number
  /** How long a TCP connection is kept after its last answer. RFC 7766 §6.2.3. */
  readonly connectionIdle: Milliseconds
}

export const DEFAULT_LIMITS: Limits = {
  tryTimeout: 800,
  giveUp: 4000,
  maxInFlight: 10_000,
  maxWaiters: 1000,
  sockets: 32,
  // Opening a socket costs as much as some hundred queries.
  socketQueries: 16_384,
  socketAge: 60_000,
  connections: 4,
  connectionIdle: 10_000
}

/** What happened, for the metrics; all only ever grow. */
export interface Counts {
  /** Queries sent, over UDP and TCP, retries and probes included. */
  queries: number
  /** Responses accepted. */
  responses: number
  /** Queries that no answer came to in time. */
  timeouts: number
  /** Queries that could not be delivered, as ICMP or the system said. */
  undelivered: number
  /** Truncated responses, asked for again over TCP. */
  truncated: number
  /**
   * Responses, and what ICMP quotes of queries, with a wrong address, port, ID or question, late
   * ones included. RFC 5452 §9.1.
   */
  mismatches: number
  /** Responses that only the case of QNAME or the cookie was wrong in: asked for again over TCP. */
  doubts: number
  /** Responses that wanted another cookie, or none: asked for again. RFC 7873 §5.3. */
  rewordings: number
  /** Inquiries moved to TCP because of many mismatches. */
  suspicions: number
  /** Askers that joined an inquiry under way. */
  shared: number
  /** Askers turned away because of `maxInFlight` or `maxWaiters`. */
  overflows: number
  /** Inquiries that failed. */
  failures: number
}

export function newCounts(): Counts {
  return {
    queries: 0,
    responses: 0,
    timeouts: 0,
    undelivered: 0,
    truncated: 0,
    mismatches: 0,
    doubts: 0,
    rewordings: 0,
    suspicions: 0,
    shared: 0,
    overflows: 0,
    failures: 0
  }
}
