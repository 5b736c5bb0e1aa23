import type { Clock } from '../../base/time/clock.js'
import type { Milliseconds } from '../../base/units.js'
import type { TlsMaterial } from '../../wire/tls/certificate-contexts.js'
import type { Endpoint } from '../../wire/sockets/datagram.js'
import type { ConnectionLimit } from './connection-limit.js'
import type { CpuBudget } from './cpu-budget.js'
import type { TlsCounts, TlsListenOptions } from './tls-handshakes.js'
import type { TrustedProxies } from './trusted-proxies.js'
import type { Protocol } from '../../lookups/event/query-event.js'

/** Limits for TCP clients. RFC 7766 §6.2.2, §6.2.3. */
export interface TcpLimits {
  /** Close a connection after so long without a complete query and without a reply. */
  readonly idle: Milliseconds
  /** Connections of all clients; further ones replace one of the heaviest client, or are closed at once and counted. */
  readonly connections: number
  /** Queries in flight on one connection; reading pauses above that. */
  readonly queriesInFlight: number
}

export interface TcpCounts {
  accepted: number
  /** Closed at once: too many connections. */
  refused: number
  /** Closed at once: too many connections of the same client. */
  overClientLimit: number
  /** Closed to make room for a client with fewer connections. */
  evicted: number
  /** Closed after the idle timeout. */
  idleClosed: number
  queries: number
}

/** A running listener for TCP, TLS or HTTPS. */
export interface TcpService {
  readonly local: Endpoint
  readonly counts: TcpCounts
  /** TCP, DOT or DOH. */
  readonly protocol: Protocol
  /** Undefined: without TLS. */
  readonly tls: Readonly<TlsCounts> | undefined
  readonly connections: number
  /** Replaces the limits and trusted proxies, not TLS. Open connections count for the new limit per client. */
  configure(options: TcpOptions): void
  /** Closes idle connections; also done once a second. */
  closeIdle(): void
  /**
   * Accepts no further connections and queries, answers those in flight, then closes.
   *
   * @param leaves another process accepts connections from now on; existing ones end at a pause between
   *   queries
   */
  drain(grace: Milliseconds, leaves?: boolean): Promise<void>
  close(): void
  /** Takes other certificates and ticket keys for the connections to come. */
  replaceCertificates(material: TlsMaterial): void
  /**
   * Other rules are in force: closes the connections whose identity is no longer valid, a few in each turn
   * of the event loop.
   */
  checkIdentities(): void
}

export interface TcpOptions {
  readonly limits: TcpLimits
  /** Shared by the listeners of a thread. */
  readonly connectionLimit: ConnectionLimit
  /** Shared likewise. Undefined: no limit. */
  readonly cpuBudget?: CpuBudget | undefined
  readonly proxies: TrustedProxies | undefined
  readonly clock: Clock
  /** Undefined: without TLS. */
  readonly tls?: TlsListenOptions | undefined
}
