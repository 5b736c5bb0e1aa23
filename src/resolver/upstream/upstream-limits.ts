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
  /** UDP sockets for each address family, each on a random port. RFC 5452 §9.2. */
  readonly sockets: number
  /** Queries after which a socket takes no more. */
  readonly socketQueries: number
  /** Age at which a socket takes no more queries. */
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
  sockets: 1024,
  socketQueries: 1024,
  socketAge: 1000,
  connections: 4,
  connectionIdle: 10_000,
  tlsIdle: 30_000
}
