import { createServer, type AddressInfo, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { readAddress } from '../base/address.js'
import type { ByteStream } from '../base/byte-stream.js'
import type { Clock } from '../base/clock.js'
import type { Milliseconds } from '../base/units.js'
import { DOH, DOT, TCP, type Responder } from '../resolver/responder.js'
import type { TlsMaterial } from '../tls/certificate-contexts.js'
import type { Endpoint, TcpListenOptions } from '../udp/datagram.js'
import type { Listen } from '../udp/listening-sockets.js'
import { nodeBindError } from '../udp/port.js'
import type { ConnectionIdentity, PresentingStream, Recognition } from './client-recognizer.js'
import type { ConnectionLimit } from './connection-limit.js'
import { InFlight } from './in-flight.js'
import { readProxyPreamble } from './proxy-preamble.js'
import { DohConnection, type DohContext } from './doh/doh-connection.js'
import { RECORD, ReplyFrames } from './doh/reply-frames.js'
import { RequestFields } from './doh/request-fields.js'
import { SocketStream } from './socket-stream.js'
import { TcpConnection, type ConnectionContext } from './tcp-connection.js'
import { ReplyBuffer } from './tcp-reply-buffer.js'
import { TlsHandshakes, type TlsCounts, type TlsLimits } from './tls-handshakes.js'
import { createTlsServer } from './tls-server.js'
import { CLIENT_ADDRESS, type TrustedProxies } from './trusted-proxies.js'

/** Limits for TCP clients. RFC 7766 §6.2.2, §6.2.3. */
export interface TcpLimits {
  /** Close a connection after so long without a complete query and without a reply. */
  readonly idle: Milliseconds
  /** Connections of all clients; further ones are closed at once and counted. */
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
  /** Closed after the idle timeout. */
  idleClosed: number
  queries: number
}

/** A running listener for TCP, TLS or HTTPS. */
export interface TcpService {
  readonly local: Endpoint
  readonly counts: TcpCounts
  /** TCP, DOT or DOH. */
  readonly protocol: number
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
   * Other rules are in force: closes the connections whose identity they know no more, a few in each turn
   * of the event loop.
   */
  checkIdentities(): void
}

/** DNS over TLS, RFC 7858, or over HTTPS, RFC 8484. */
export interface TlsListenOptions {
  readonly material: TlsMaterial
  readonly limits: TlsLimits
  /** Path of DNS over HTTPS; undefined: DNS over TLS. */
  readonly dohPath?: string | undefined
  /** Undefined: clients are identified by their addresses. */
  readonly recognition?: Recognition | undefined
}

export interface TcpOptions {
  readonly limits: TcpLimits
  /** Shared by the listeners of a thread. */
  readonly connectionLimit: ConnectionLimit
  readonly proxies: TrustedProxies | undefined
  readonly clock: Clock
  /** Undefined: without TLS. */
  readonly tls?: TlsListenOptions | undefined
}

/** Registered for ALPN by RFC 7858 §7.2. */
const ALPN_DOT = ['dot']
/** RFC 9113 §3.2; HTTP/1.1 only to be told in words of its own that it is not served. */
const ALPN_DOH = ['h2', 'http/1.1']

/** Identities looked up in one turn of the event loop, at some microseconds each. */
const CHECKS_PER_TURN = 256

const IDLE_CHECK_INTERVAL: Milliseconds = 1000

/**
 * A connection without a query for so long ends without the loss of one, unless the client sends it in that very
 * moment: then it must retry (RFC 7766 §6.2.4).
 */
const PAUSE: Milliseconds = 100
/** After this, connections that never pause are ended all the same. */
const MAX_WAIT: Milliseconds = 1000

/**
 * DNS over TCP, RFC 7766, or over TLS, RFC 7858: messages with a length of two octets in front, several in flight on a
 * connection, answered in the order in which answers become available.
 *
 * @throws InterdictError SOCKET_BIND, SOCKET_PERMISSION
 */
export async function serveTcp(
  transport: Pick<Listen, 'tcpListen'>,
  endpoint: Endpoint,
  responder: Responder,
  options: TcpOptions
): Promise<TcpService> {
  const socket = await transport.tcpListen(endpoint)
  // A descriptor of the transport that calls the system itself: then OpenSSL is called directly too.
  const listener = new TcpListener(responder, options, 'fd' in socket)
  await listener.listen(endpoint, socket)
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
  /** Undefined: another protocol than DNS over HTTPS. */
  private readonly doh: DohContext | undefined
  private readonly handshakes: TlsHandshakes | undefined
  /** Connections before the end of their PROXY header and TLS handshake, with the time of their start. */
  private readonly starting = new Map<Socket, Milliseconds>()
  private readonly open = new Set<TcpConnection | DohConnection>()
  /** Clients of the connections that count for the limit per client. */
  private readonly counted = new Map<Socket, Uint32Array>()
  private readonly openCount = new InFlight()
  private readonly idleTimer = setInterval(() => this.closeIdle(), IDLE_CHECK_INTERVAL).unref()

  constructor(
    responder: Responder,
    private options: TcpOptions,
    isDirect: boolean
  ) {
    const { limits, clock, tls } = options
    const { queriesInFlight, idle } = limits
    const { counts } = this
    const replies = new ReplyBuffer()
    const { proxies } = options
    const protocol = tls === undefined ? TCP : DOT
    this.context = { responder, protocol, clock, counts, idle, queriesInFlight, replies, proxies }
    if (tls !== undefined) {
      const { dohPath, material } = tls
      const alpn = dohPath === undefined ? ALPN_DOT : ALPN_DOH
      const record = dohPath === undefined ? undefined : RECORD
      const server = createTlsServer(material, alpn, record, isDirect)
      this.handshakes = new TlsHandshakes(server, tls.limits.inProgress)
      this.handshakes.setClientAuthorities(tls.recognition?.recognizer.authorities ?? '')
      if (dohPath !== undefined) {
        const shared = { responder, clock, counts, idle, queriesInFlight, proxies }
        const fields = new RequestFields(dohPath)
        const { recognition } = tls
        const frames = { frames: new ReplyFrames(), lateFrames: new ReplyFrames() }
        this.doh = { ...shared, fields, recognition, ...frames }
      }
    }
    // With TLS, OpenSSL may be the first that reads.
    const socketOptions = { allowHalfOpen: true, noDelay: true, pauseOnConnect: tls !== undefined }
    this.server = createServer(socketOptions, socket => this.accept(socket))
    this.server.maxConnections = limits.connections
    this.server.on('drop', () => this.counts.refused++)
  }

  configure(options: TcpOptions): void {
    const { limits, proxies, connectionLimit } = options
    const isNew = connectionLimit !== this.options.connectionLimit
    this.options = { ...options, tls: this.options.tls }
    for (const context of [this.context, this.doh]) {
      if (context === undefined) continue
      context.idle = limits.idle
      context.queriesInFlight = limits.queriesInFlight
      context.proxies = proxies
    }
    this.server.maxConnections = limits.connections
    if (!isNew) return
    for (const client of this.counted.values()) connectionLimit.open(client)
  }

  get protocol(): number {
    return this.doh === undefined ? this.context.protocol : DOH
  }

  get connections(): number {
    return this.open.size + this.starting.size
  }

  get tls(): Readonly<TlsCounts> | undefined {
    return this.handshakes?.counts
  }

  replaceCertificates(material: TlsMaterial): void {
    this.handshakes?.replace(material)
  }

  checkIdentities(): void {
    const recognizer = this.options.tls?.recognition?.recognizer
    if (recognizer === undefined) return
    this.handshakes!.setClientAuthorities(recognizer.authorities)
    const connections = this.open.values()
    const checkSome = (): void => {
      for (let i = 0; i < CHECKS_PER_TURN; i++) {
        const { value } = connections.next() as { value: TcpConnection | DohConnection | undefined }
        if (value === undefined) return
        value.checkIdentity()
      }
      setImmediate(checkSome)
    }
    checkSome()
  }

  listen(endpoint: Endpoint, options: TcpListenOptions): Promise<void> {
    const { server } = this
    return new Promise((resolve, reject) => {
      server.once('error', error => {
        clearInterval(this.idleTimer)
        reject(nodeBindError(endpoint, error))
      })
      server.listen(options, () => {
        server.removeAllListeners('error')
        // Accepting fails if no file descriptors are left; clients retry.
        server.on('error', () => this.counts.refused++)
        const { port } = server.address() as AddressInfo
        this.local = { address: endpoint.address, port }
        resolve()
      })
    })
  }

  closeIdle(): void {
    for (const connection of this.open) {
      connection.closeIfExpired()
      if (connection.closeIfIdle(this.options.limits.idle)) this.counts.idleClosed++
    }
    this.closeSlow()
  }

  async drain(grace: Milliseconds, leaves = false): Promise<void> {
    this.stopListening()
    if (leaves) await this.finishQuiet(Math.min(grace, MAX_WAIT))
    for (const socket of this.starting.keys()) socket.destroy()
    for (const connection of this.open) connection.finish()
    await this.openCount.drained(grace)
    this.close()
  }

  /** Ends each connection at the first pause between queries. */
  private async finishQuiet(within: Milliseconds): Promise<void> {
    const until = performance.now() + within
    while (this.connections > 0 && performance.now() < until) {
      for (const connection of this.open) connection.finishIfQuiet(PAUSE)
      await sleep(PAUSE / 2)
    }
  }

  close(): void {
    this.stopListening()
    for (const socket of this.starting.keys()) socket.destroy()
    for (const connection of this.open) connection.destroy()
    this.handshakes?.close()
  }

  /** Closes connections whose PROXY header or TLS handshake takes too long. */
  private closeSlow(): void {
    const { clock, limits, tls } = this.options
    const before = clock.now() - (tls?.limits.timeout ?? limits.idle)
    for (const [socket, since] of this.starting) {
      // In the order of their start.
      if (since > before) break
      if (this.handshakes === undefined) this.counts.idleClosed++
      else this.handshakes.counts.timedOut++
      socket.destroy()
    }
  }

  private stopListening(): void {
    clearInterval(this.idleTimer)
    if (this.server.listening) this.server.close()
  }

  private accept(socket: Socket): void {
    const client = wordsOf(socket.remoteAddress)
    if (client === undefined) {
      socket.destroy()
      return
    }
    const { proxies } = this.options
    const addressSource =
      proxies === undefined ? CLIENT_ADDRESS.peer : proxies.addressSource(client, 0)
    const isProxy = addressSource === CLIENT_ADDRESS.proxy
    const admit = (): boolean => {
      const isAdmitted = this.options.connectionLimit.tryOpen(client)
      if (isAdmitted) this.counted.set(socket, client)
      else {
        this.counts.overClientLimit++
        socket.destroy()
      }
      return isAdmitted
    }
    // A proxy has connections of many clients: count each when its client is known.
    if (addressSource === CLIENT_ADDRESS.peer && !admit()) return
    this.counts.accepted++
    this.openCount.add()
    socket.once('close', () => {
      this.starting.delete(socket)
      if (this.counted.delete(socket)) this.options.connectionLimit.close(client)
      this.openCount.remove()
    })
    const serve = (stream: ByteStream, presenting?: PresentingStream): void => {
      this.starting.delete(socket)
      const identity =
        addressSource === CLIENT_ADDRESS.subnet ? undefined : this.recognize(presenting, client)
      if (identity === null) {
        stream.destroy()
        return
      }
      const peer = { client, addressSource, identity }
      const connection =
        this.doh === undefined
          ? new TcpConnection(stream, peer, this.context)
          : new DohConnection(presenting!, peer, this.doh)
      this.open.add(connection)
      socket.once('close', () => this.open.delete(connection))
    }
    const begin = (): void => {
      if (this.handshakes === undefined) serve(new SocketStream(socket))
      else this.handshakes.start(socket, !isProxy, stream => serve(stream, stream))
    }
    if (isProxy || this.handshakes !== undefined) {
      this.starting.set(socket, this.options.clock.now())
    }
    if (!isProxy) begin()
    else {
      readProxyPreamble(socket, client, () => {
        if (admit()) begin()
      })
    }
  }

  /** A front end's own identity would say nothing about the clients for which it asks. */
  private recognize(
    stream: PresentingStream | undefined,
    client: Uint32Array
  ): ConnectionIdentity | undefined | null {
    const recognition = this.options.tls?.recognition
    if (recognition === undefined || stream === undefined) return undefined
    const { recognizer, options } = recognition
    return recognizer.recognize(stream, client, options, undefined, this.doh !== undefined)
  }
}

/** An address as four words; undefined if the client has disconnected already. */
function wordsOf(address: string | undefined): Uint32Array | undefined {
  if (address === undefined) return undefined
  const bits = new DataView(readAddress(address.split('%', 1)[0]!).buffer)
  return Uint32Array.from({ length: 4 }, (_, i) => bits.getUint32(4 * i))
}
