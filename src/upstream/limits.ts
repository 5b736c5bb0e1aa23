import type { Milliseconds } from '../base/units.js'

/** Everything about asking upstreams that is bounded. */
export interface UpstreamLimits {
  /** How long one upstream has for an answer before the next one is asked. */
  readonly attemptTimeout: Milliseconds
  /** How long an inquiry has in all; under 5 s, which is what stub resolvers wait. */
  readonly queryTimeout: Milliseconds
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

export const DEFAULT_LIMITS: UpstreamLimits = {
  attemptTimeout: 800,
  queryTimeout: 4000,
  maxInFlight: 10_000,
  maxWaiters: 1000,
  sockets: 32,
  // Opening a socket costs as much as some hundred queries.
  socketQueries: 16_384,
  socketAge: 60_000,
  connections: 4,
  connectionIdle: 10_000
}
