import { connect as netConnect, type Socket } from 'node:net'
import type { Endpoint } from '../../udp/datagram.js'
import type { Attempt } from '../query/upstream-query.js'
import type { Upstream } from '../selection/upstream.js'
import { Connection, type ConnectionDependencies } from './connection.js'

export type Connect = (to: Endpoint) => Socket

export const connectTcp: Connect = ({ address, port }) => netConnect({ host: address, port })

/** TCP connections to the upstreams: opened on demand, shared, limited per upstream. */
export class TcpConnections {
  private readonly connections = new Map<Upstream, Set<Connection>>()

  constructor(
    private readonly connect: Connect,
    private readonly dependencies: ConnectionDependencies
  ) {}

  /** Sends an attempt; false if all connections to its upstream are full. */
  send(attempt: Attempt): boolean {
    const connection = this.find(attempt.upstream)
    connection?.send(attempt)
    return connection !== undefined
  }

  close(): void {
    for (const open of this.connections.values()) for (const connection of open) connection.close()
  }

  private find(upstream: Upstream): Connection | undefined {
    const open = this.connectionsTo(upstream)
    for (const connection of open) if (connection.hasRoom) return connection
    if (open.size >= this.dependencies.limits.connections) return undefined
    const connection = new Connection(
      this.connect(upstream.endpoint),
      this.dependencies,
      closed => {
        open.delete(closed)
      }
    )
    open.add(connection)
    return connection
  }

  private connectionsTo(upstream: Upstream): Set<Connection> {
    const existing = this.connections.get(upstream)
    if (existing !== undefined) return existing
    const created = new Set<Connection>()
    this.connections.set(upstream, created)
    return created
  }
}
