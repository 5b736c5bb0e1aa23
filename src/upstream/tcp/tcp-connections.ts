import { connect as netConnect, type Socket } from 'node:net'
import { MS_PER_SECOND, type Milliseconds } from '../../base/units.js'
import type { Endpoint } from '../../udp/datagram.js'
import type { Attempt } from '../query/upstream-query.js'
import type { Upstream } from '../selection/upstream.js'
import { TlsConnector } from '../tls/tls-connector.js'
import { Connection, type ConnectionDependencies } from './connection.js'

export type Connect = (to: Endpoint) => Socket

export const connectTcp: Connect = ({ address, port }) => netConnect({ host: address, port })

/** A connection to an upstream is kept open as long as it was used within this time. */
const KEPT_FOR: Milliseconds = 60 * MS_PER_SECOND
/** A connection is replaced after this part of the time after which the upstream closed an idle one. */
const PEER_IDLE_SHARE = 0.8

/** The connections to one upstream. */
interface Connections {
  readonly open: Set<Connection>
  readonly connector: TlsConnector | undefined
  lastUsedAt: Milliseconds
  /** The shortest time after which the upstream closed an idle connection. */
  peerIdle: Milliseconds
}

/**
 * TCP and TLS connections to the upstreams: shared, limited per upstream. Those over TCP are opened on
 * demand. Over TLS the first is opened at the start and replaced while the upstream is in use, and another
 * one is opened before all are full, so that queries seldom wait for a handshake. RFC 7858 §3.4.
 */
export class TcpConnections {
  private readonly byUpstream = new Map<Upstream, Connections>()
  private isClosed = false

  constructor(
    private readonly connect: Connect,
    private readonly dependencies: ConnectionDependencies
  ) {}

  /** Sends an attempt; false if all connections to its upstream are full. */
  send(attempt: Attempt): boolean {
    const { upstream } = attempt
    const known = this.connectionsTo(upstream)
    known.lastUsedAt = this.dependencies.now()
    const connection = find(known) ?? this.open(upstream, known)
    connection?.send(attempt)
    if (connection?.isBusy === true && known.connector !== undefined && !hasSpare(known)) {
      this.open(upstream, known)
    }
    return connection !== undefined
  }

  /** Opens the first connection to an upstream over TLS. */
  warm(upstream: Upstream): void {
    const known = this.connectionsTo(upstream)
    if (known.connector !== undefined) this.open(upstream, known)
  }

  close(): void {
    this.isClosed = true
    for (const { open } of this.byUpstream.values())
      for (const connection of open) connection.close()
  }

  private open(upstream: Upstream, known: Connections): Connection | undefined {
    const { limits, now } = this.dependencies
    const { open, connector } = known
    if (this.isClosed || open.size >= limits.connections) return undefined
    const socket = connector?.connect() ?? this.connect(upstream.endpoint)
    const isEncrypted = connector !== undefined
    const most = isEncrypted ? limits.tlsIdle : limits.connectionIdle
    const idle = Math.min(most, known.peerIdle * PEER_IDLE_SHARE)
    const connection = new Connection(socket, isEncrypted, idle, this.dependencies, closed => {
      open.delete(closed)
      if (!isEncrypted) return
      upstream.connectionError = closed.error?.message
      if (!closed.hasAnswered) return
      const idleFor = now() - closed.lastActiveAt
      if (closed.isClosedByPeer) known.peerIdle = Math.min(known.peerIdle, idleFor)
      if (now() - known.lastUsedAt < KEPT_FOR && open.size === 0) this.open(upstream, known)
    })
    open.add(connection)
    return connection
  }

  private connectionsTo(upstream: Upstream): Connections {
    const existing = this.byUpstream.get(upstream)
    if (existing !== undefined) return existing
    const { endpoint } = upstream
    const connector = endpoint.tls && new TlsConnector(endpoint, endpoint.tls)
    const created = {
      open: new Set<Connection>(),
      connector,
      lastUsedAt: -Infinity,
      peerIdle: Infinity
    }
    this.byUpstream.set(upstream, created)
    return created
  }
}

function find({ open }: Connections): Connection | undefined {
  for (const connection of open) if (connection.hasRoom) return connection
  return undefined
}

/** Whether there is a connection with much room. */
function hasSpare({ open }: Connections): boolean {
  for (const connection of open) if (connection.hasRoom && !connection.isBusy) return true
  return false
}
