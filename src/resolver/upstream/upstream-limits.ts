import type { Milliseconds } from '../../base/units.js'

/** Limits of forwarding. */
export interface UpstreamLimits {
  /** Time for one attempt, after which the next upstream is tried. */
  readonly attemptTimeout: Milliseconds
  /** Time for an upstream query in all; under 5 s, the timeout of stub resolvers. */
  readonly queryTimeout: Milliseconds
  /** Upstream queries in flight; one more fails at once. */
  readonly maxInFlight: number
  /** Waiters that share one upstream query; one more fails at once. */
  readonly maxWaiters: number
  /** UDP sockets for each address family, each on a random port, while all upstreams have cookies. */
  readonly sockets: number
  /** As `sockets`, for upstreams that have not proven cookies. RFC 5452 §9.2. */
  readonly unprovenSockets: number
  /** Queries after which a socket is replaced by one on another port. */
  readonly socketQueries: number
  /** As `socketQueries`, for upstreams that have not proven cookies. */
  readonly unprovenSocketQueries: number
  /** Age at which a socket is replaced, used or not. */
  readonly socketAge: Milliseconds
  /** TCP connections to one upstream. */
  readonly connections: number
  /** Idle timeout of a TCP connection, from its last response. RFC 7766 §6.2.3. */
  readonly connectionIdle: Milliseconds
  /** The same of a TLS connection, which costs more to open. */
  readonly tlsIdle: Milliseconds
}

export const DEFAULT_LIMITS: UpstreamLimits = {
  attemptTimeout: 800,
  queryTimeout: 4000,
  maxInFlight: 10_000,
  maxWaiters: 1000,
  sockets: 32,
  unprovenSockets: 1024,
  // Replacing a socket costs as much as fifteen queries.
  socketQueries: 16_384,
  unprovenSocketQueries: 2048,
  socketAge: 60_000,
  connections: 4,
  connectionIdle: 10_000,
  tlsIdle: 30_000
}
