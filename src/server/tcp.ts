import { createServer, type AddressInfo, type Socket } from 'node:net'
import { readAddress } from '../base/address.js'
import type { Clock } from '../base/clock.js'
import type { Milliseconds } from '../base/units.js'
import type { Responder } from '../resolver/responder.js'
import type { Endpoint, TcpListenOptions, Transport } from '../udp/datagram.js'
import { nodeBindError } from '../udp/port.js'
import type { ConnectionLimit } from './connection-limit.js'
import { InFlight } from './in-flight.js'
import { TcpConnection, type ConnectionContext } from './tcp-connection.js'
import { ReplyBuffer } from './tcp-reply-buffer.js'
import { CLIENT_ADDRESS, type TrustedProxies } from './trusted-proxies.js'

/** What TCP clients may take of us. RFC 7766 §6.2.2, §6.2.3. */
export interface TcpLimits {
  /** A connection on which no query was finished and no reply sent for so long is closed. */
  readonly idle: Milliseconds
  /** Connections in all; one more is closed at once, and counted. */
  readonly connections: number
  /** Queries of one connection being answered; with more, its reading waits. */
  readonly queriesInFlight: number
}

export interface TcpCounts {
  accepted: number
  /** Closed at once, because there were too many. */
  refused: number
  /** Closed at once, because their client had too many. */
  overClientLimit: number
  /** Closed for being idle. */
  idleClosed: number
  queries: number
}

/** A TCP listener at work. */
export interface TcpService {
  readonly local: Endpoint
  readonly counts: TcpCounts
  readonly connections: number
  /** Closes what is idle; also done once a second. */
  closeIdle(): void
  /** Takes no connection and no query any more, answers what is in flight, ends; then closes. */
  drain(grace: Milliseconds): Promise<void>
  close(): void
}

/** What a TCP listener works with. */
export interface TcpOptions {
  readonly limits: TcpLimits
  /** For each client; the listeners of a thread share it. */
  readonly connectionLimit: ConnectionLimit
  readonly proxies: TrustedProxies | undefined
  readonly clock: Clock
}

const SWEEP: Milliseconds = 1000

/**
 * DNS over TCP, RFC 7766: messages behind a length of two octets, many in flight on a connection,
 * answered in whatever order the answers come.
 *
 * @throws InterdictError SOCKET_BIND, SOCKET_PERMISSION
 */
export async function serveTcp(
  transport: Transport,
  endpoint: Endpoint,
  responder: Responder,
  options: TcpOptions
): Promise<TcpService> {
  const listener = new TcpListener(responder, options)
  await listener.listen(endpoint, await transport.tcpListen(endpoint))
  return listener
}

class TcpListener implements TcpService {
  readonly counts: TcpCounts = {
    accepted: 0,
    refused: 0,
    overClientLimit: 0,
    idleClosed: 0,
    queries: 0
  }
  local: Endpoint = { address: '', port: 0 }
  private readonly server
  private readonly context: ConnectionContext
  private readonly open = new Set<TcpConnection>()
  private readonly outstanding = new InFlight()
  private readonly sweeper = setInterval(() => this.closeIdle(), SWEEP).unref()

  constructor(
    responder: Responder,
    private readonly options: TcpOptions
  ) {
    const { limits, clock } = options
    const { queriesInFlight, idle } = limits
    const { counts } = this
    const replies = new ReplyBuffer()
    const { proxies } = options
    this.context = { responder, clock, counts, idle, queriesInFlight, replies, proxies }
    const manners = { allowHalfOpen: true, noDelay: true }
    this.server = createServer(manners, socket => this.accept(socket))
    this.server.maxConnections = limits.connections
    this.server.on('drop', () => this.counts.refused++)
  }

  get connections(): number {
    return this.open.size
  }

  listen(endpoint: Endpoint, how: TcpListenOptions): Promise<void> {
    const { server } = this
    return new Promise((resolve, reject) => {
      server.once('error', error => {
        clearInterval(this.sweeper)
        reject(nodeBindError(endpoint, error))
      })
      server.listen(how, () => {
        server.removeAllListeners('error')
        // Accepting fails when descriptors run out; the clients concerned try again.
        server.on('error', () => this.counts.refused++)
        const { port } = server.address() as AddressInfo
        this.local = { address: endpoint.address, port }
        resolve()
      })
    })
  }

  closeIdle(): void {
    for (const connection of this.open) {
      if (connection.closeIfIdle(this.options.limits.idle)) this.counts.idleClosed++
    }
  }

  async drain(grace: Milliseconds): Promise<void> {
    this.stopListening()
    for (const connection of this.open) connection.finish()
    await this.outstanding.drained(grace)
    this.close()
  }

  close(): void {
    this.stopListening()
    for (const connection of this.open) connection.destroy()
  }

  private stopListening(): void {
    clearInterval(this.sweeper)
    if (this.server.listening) this.server.close()
  }

  private accept(socket: Socket): void {
    const client = wordsOf(socket.remoteAddress)
    if (client === undefined) {
      socket.destroy()
      return
    }
    const { connectionLimit, proxies } = this.options
    const says = proxies === undefined ? CLIENT_ADDRESS.peer : proxies.addressSource(client, 0)
    let counted = false
    const admit = (): boolean => {
      counted = connectionLimit.tryOpen(client)
      if (!counted) this.counts.overClientLimit++
      return counted
    }
    // A front end has as many connections as it has clients; they are counted when they are known.
    if (says === CLIENT_ADDRESS.peer && !admit()) {
      socket.destroy()
      return
    }
    this.counts.accepted++
    const connection = new TcpConnection(
      socket,
      { client, addressSource: says, admit },
      this.context
    )
    this.open.add(connection)
    this.outstanding.add()
    socket.once('close', () => {
      this.open.delete(connection)
      if (counted) connectionLimit.close(client)
      this.outstanding.remove()
    })
  }
}

/** The four words of an address; undefined if the client has gone already. */
function wordsOf(address: string | undefined): Uint32Array | undefined {
  if (address === undefined) return undefined
  const bits = new DataView(readAddress(address.split('%', 1)[0]!).buffer)
  return Uint32Array.from({ length: 4 }, (_, i) => bits.getUint32(4 * i))
}
