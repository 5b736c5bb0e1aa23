import { connect as netConnect, type Socket } from 'node:net'
import { MS_PER_SECOND, type Milliseconds } from '../../../base/units.js'
import type { Endpoint } from '../../../wire/sockets/datagram.js'
import { HttpConnection } from '../https/http-connection.js'
import type { Attempt } from '../query/upstream-query.js'
import type { Upstream } from '../selection/upstream.js'
import { TlsConnector } from '../tcp/tls-connector.js'
import {
  MAX_PIPELINED,
  type Connection,
  type ConnectionDependencies,
  type ConnectionListener
} from '../tcp/upstream-connection.js'
import { FramedConnection } from '../tcp/framed-connection.js'

export type Connect = (to: Endpoint) => Socket

export const connectTcp: Connect = ({ address, port }) =>
  netConnect({ host: address, port, noDelay: true })

/** A connection to an upstream is kept open as long as it was used within this time. */
const KEPT_FOR: Milliseconds = 60 * MS_PER_SECOND
/** A connection is replaced after this part of the time after which the upstream closed an idle one. */
const PEER_IDLE_SHARE = 0.8
/** A connection closed sooner did not hit an idle timeout: the upstream was restarted. */
const MIN_PEER_IDLE: Milliseconds = MS_PER_SECOND
/** Each time the upstream has not closed a connection before, its idle timeout is taken to be longer. */
const PEER_IDLE_GROWTH = 1.1

/**
 * TCP, TLS and HTTPS connections to the upstreams: shared, limited per upstream. Those over TCP are opened
 * on demand. Over TLS and HTTPS the first is opened at the start. While the upstream is in use, it is replaced
 * before the upstream would close it, and another one is opened before all are full, so that queries seldom
 * wait for a handshake. RFC 7858 §3.4.
 */
export class TcpConnections {
  private readonly byUpstream = new Map<Upstream, UpstreamConnections>()
  private isClosed = false

  constructor(
    private readonly connect: Connect,
    private readonly dependencies: ConnectionDependencies
  ) {}

  /** Sends an attempt; false if all connections to its upstream are full. */
  send(attempt: Attempt): boolean {
    return !this.isClosed && this.connectionsTo(attempt.upstream).send(attempt)
  }

  /** Opens the first connection to an upstream over TLS or HTTPS. */
  warm(upstream: Upstream): void {
    this.connectionsTo(upstream).warm()
  }

  /** Closes the connections to a removed upstream when their queries have ended. */
  retire(upstream: Upstream): void {
    this.byUpstream.get(upstream)?.retire()
  }

  close(): void {
    this.isClosed = true
    for (const connections of this.byUpstream.values()) connections.close()
  }

  private connectionsTo(upstream: Upstream): UpstreamConnections {
    const existing = this.byUpstream.get(upstream)
    if (existing !== undefined) return existing
    const release = (): void => void this.byUpstream.delete(upstream)
    const created = new UpstreamConnections(upstream, this.connect, this.dependencies, release)
    this.byUpstream.set(upstream, created)
    return created
  }
}

/** The connections to one upstream. */
class UpstreamConnections implements ConnectionListener {
  private readonly open = new Set<Connection>()
  private readonly connector: TlsConnector | undefined
  private lastUsedAt: Milliseconds = -Infinity
  /** The idle timeout of the upstream, as far as it is known. */
  private peerIdle: Milliseconds = Infinity
  /** Queries that it accepts in flight on one connection, as it said last. */
  private capacity = MAX_PIPELINED
  private isClosed = false

  /** @param onReleased called when nothing is left to be closed: it opens no more connections */
  constructor(
    private readonly upstream: Upstream,
    private readonly connect: Connect,
    private readonly dependencies: ConnectionDependencies,
    private readonly onReleased: () => void
  ) {
    const { endpoint } = upstream
    this.connector = endpoint.tls && new TlsConnector(endpoint, endpoint.tls, dependencies.isDirect)
  }

  send(attempt: Attempt): boolean {
    this.lastUsedAt = this.dependencies.now()
    const connection =
      this.find(({ hasRoom }) => hasRoom) ??
      this.openAnother() ??
      this.find(({ canQueue }) => canQueue)
    connection?.send(attempt)
    const hasSpare = (): boolean =>
      this.find(({ hasRoom, isBusy }) => hasRoom && !isBusy) !== undefined
    if (connection?.isBusy === true && this.connector !== undefined && !hasSpare()) {
      this.openAnother()
    }
    return connection !== undefined
  }

  warm(): void {
    if (this.connector !== undefined) this.openAnother()
  }

  retire(): void {
    if (this.open.size === 0) this.release()
    for (const connection of this.open) connection.retire()
  }

  close(): void {
    this.isClosed = true
    if (this.open.size === 0) this.release()
    for (const connection of this.open) connection.close()
  }

  onOpen(connection: Connection): void {
    this.retireExpiring(connection)
  }

  onIdle(connection: Connection): void {
    this.peerIdle *= PEER_IDLE_GROWTH
    if (this.isKept && this.openAnother() !== undefined) connection.isExpiring = true
    else connection.close()
  }

  onRetired(connection: Connection): void {
    this.keepWarm(connection)
  }

  onClosed(closed: Connection): void {
    this.open.delete(closed)
    if (this.connector !== undefined) {
      if (closed.error !== undefined) this.upstream.connectionError = closed.error.message
      this.retireExpiring(closed)
      this.keepWarm(closed)
    }
    if (this.open.size === 0 && (this.isClosed || this.upstream.isRemoved)) this.release()
  }

  onCapacity(capacity: number): void {
    this.capacity = capacity
  }

  onBadResponse(error: Error): void {
    this.upstream.connectionError = error.message
  }

  /** Whether the upstream is in use, so that it is worth a connection. */
  private get isKept(): boolean {
    const { connector, lastUsedAt, upstream } = this
    if (connector === undefined || upstream.isRemoved) return false
    return this.dependencies.now() - lastUsedAt < KEPT_FOR
  }

  /** No connection is open, and none is needed: the upstream is removed, or the forwarder closed. */
  private release(): void {
    this.connector?.close()
    this.onReleased()
  }

  /** Opens the next connection instead of one that takes no more queries, unless that never worked. */
  private keepWarm({ hasAnswered, isClosedByPeer, lastActiveAt }: Connection): void {
    if (!hasAnswered) return
    const idleFor = this.dependencies.now() - lastActiveAt
    if (isClosedByPeer) {
      this.peerIdle = Math.min(this.peerIdle, Math.max(MIN_PEER_IDLE, idleFor))
    }
    if (this.isKept && this.find(({ hasRoom }) => hasRoom) === undefined) {
      this.openAnother()
    }
  }

  /** The replacement of connections that are idle is open, or will not be. */
  private retireExpiring(replacement: Connection): void {
    for (const connection of this.open) {
      if (connection.isExpiring && connection !== replacement) connection.retire()
    }
  }

  private openAnother(): Connection | undefined {
    const { open, connector, upstream, dependencies } = this
    const { limits } = dependencies
    if (this.isClosed || open.size >= limits.connections) return undefined
    const most = connector === undefined ? limits.connectionIdle : limits.tlsIdle
    const idle = Math.min(most, this.peerIdle * PEER_IDLE_SHARE)
    const { endpoint } = upstream
    const connection =
      connector === undefined
        ? new FramedConnection(this.connect(endpoint), false, idle, dependencies, this)
        : connector.isHttp
          ? new HttpConnection(connector, this.capacity, idle, dependencies, this)
          : new FramedConnection(connector.open(), true, idle, dependencies, this)
    open.add(connection)
    return connection
  }

  private find(isRight: (connection: Connection) => boolean): Connection | undefined {
    for (const connection of this.open) if (isRight(connection)) return connection
    return undefined
  }
}
