import { setTimeout as sleep } from 'node:timers/promises'
import type { ByteStream } from '../../base/bytes/byte-stream.js'
import type { Microseconds, Milliseconds } from '../../base/units.js'
import { DOH, DOT, TCP, type Responder } from '../context/responder.js'
import type { TlsMaterial } from '../../wire/tls/certificate-contexts.js'
import { tlsLoop, type TlsLoop } from '../../wire/tls/openssl/tls-loop.js'
import type { Endpoint, TcpListenOptions } from '../../wire/sockets/datagram.js'
import type { Listen } from '../../wire/sockets/listening-sockets.js'
import type { ConnectionIdentity, ClientTlsStream } from './client-recognizer.js'
import {
  acceptByNode,
  acceptDirectly,
  nodeSocketOf,
  type ConnectionSource,
  type RawSocket
} from './connection-source.js'
import { ConnectionsByClient, quietest, type ClientKeys } from './connections-by-client.js'
import { COST } from './cpu-budget.js'
import { InFlight } from './in-flight.js'
import { readProxyPreamble } from './proxy-preamble.js'
import { DohConnection, type DohContext } from './doh/doh-connection.js'
import { ReplyFrames } from './doh/reply-frames.js'
import { RequestFields } from './doh/request-fields.js'
import { SocketStream } from './socket-stream.js'
import { TcpConnection, type ConnectionContext } from './tcp-connection.js'
import { ReplyBuffer } from './tcp-reply-buffer.js'
import type { TcpCounts, TcpOptions, TcpService } from './tcp-service.js'
import { createHandshakes, type TlsCounts, type TlsHandshakes } from './tls-handshakes.js'
import { ADDRESS_SOURCE } from './trusted-proxies.js'
import type { Protocol } from '../../lookups/event/query-event.js'

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
  const loop = options.tls !== undefined && 'fd' in socket ? tlsLoop() : undefined
  const listener = new TcpListener(responder, options, typeof loop === 'string' ? undefined : loop)
  await listener.listen(endpoint, socket)
  return listener
}

class TcpListener implements TcpService {
  readonly counts: TcpCounts = {
    accepted: 0,
    refused: 0,
    overClientLimit: 0,
    evicted: 0,
    idleClosed: 0,
    queries: 0
  }
  local: Endpoint = { address: '', port: 0 }
  private source: ConnectionSource | undefined
  private readonly context: ConnectionContext
  /** Undefined: another protocol than DNS over HTTPS. */
  private readonly doh: DohContext | undefined
  private readonly handshakes: TlsHandshakes | undefined
  /** Connections before the end of their PROXY header and TLS handshake, with the time of their start. */
  private readonly starting = new Map<RawSocket, Milliseconds>()
  private readonly open = new Map<RawSocket, TcpConnection | DohConnection>()
  /** Clients of the connections that count for the limit per client. */
  private readonly counted = new Map<RawSocket, Uint32Array>()
  private readonly byClient = new ConnectionsByClient<RawSocket>()
  private readonly openCount = new InFlight()
  private readonly idleTimer = setInterval(() => this.closeIdle(), IDLE_CHECK_INTERVAL).unref()

  constructor(
    responder: Responder,
    private options: TcpOptions,
    private readonly loop: TlsLoop | undefined
  ) {
    const { limits, clock, tls, proxies } = options
    const { queriesInFlight, idle } = limits
    const { counts } = this
    const shared = { responder, clock, counts, idle, queriesInFlight, proxies }
    const protocol = tls === undefined ? TCP : DOT
    this.context = { ...shared, protocol, replies: new ReplyBuffer() }
    if (tls !== undefined) {
      this.handshakes = createHandshakes(tls, loop)
      const { dohPath, recognition } = tls
      if (dohPath !== undefined) {
        const frames = { frames: new ReplyFrames(), lateFrames: new ReplyFrames() }
        this.doh = { ...shared, ...frames, fields: new RequestFields(dohPath), recognition }
      }
    }
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
    if (!isNew) return
    for (const client of this.counted.values()) connectionLimit.open(client)
  }

  get protocol(): Protocol {
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

  async listen(endpoint: Endpoint, options: TcpListenOptions): Promise<void> {
    const { loop } = this
    const isPaused = this.handshakes !== undefined
    const onError = (): void => {
      this.counts.refused++
    }
    try {
      this.source =
        loop !== undefined && 'fd' in options
          ? acceptDirectly(loop, options, this.accept, onError)
          : await acceptByNode(endpoint, options, isPaused, this.accept, onError)
      this.local = { address: endpoint.address, port: this.source.port }
    } catch (error) {
      clearInterval(this.idleTimer)
      throw error
    }
  }

  closeIdle(): void {
    for (const connection of this.open.values()) {
      connection.closeIfExpired()
      if (connection.closeIfIdle(this.options.limits.idle)) this.counts.idleClosed++
    }
    this.closeSlow()
  }

  async drain(grace: Milliseconds, leaves = false): Promise<void> {
    this.stopListening()
    if (leaves) await this.finishQuiet(Math.min(grace, MAX_WAIT))
    for (const socket of this.starting.keys()) socket.destroy()
    for (const connection of this.open.values()) connection.finish()
    await this.openCount.drained(grace)
    this.close()
  }

  /** Ends each connection at the first pause between queries. */
  private async finishQuiet(within: Milliseconds): Promise<void> {
    const until = performance.now() + within
    while (this.connections > 0 && performance.now() < until) {
      for (const connection of this.open.values()) connection.finishIfQuiet(PAUSE)
      await sleep(PAUSE / 2)
    }
  }

  close(): void {
    this.stopListening()
    for (const socket of this.starting.keys()) socket.destroy()
    for (const connection of this.open.values()) connection.destroy()
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
    this.source?.close()
    this.source = undefined
  }

  private readonly accept = (raw: RawSocket, client: Uint32Array): void => {
    const { limits, proxies } = this.options
    const addressSource =
      proxies === undefined ? ADDRESS_SOURCE.peer : proxies.addressSource(client, 0)
    const isPeer = addressSource === ADDRESS_SOURCE.peer
    // It has connections for many clients.
    const isFrontEnd = addressSource === ADDRESS_SOURCE.subnet
    if (isPeer && !this.charge(client, 0)) {
      raw.destroy()
      return
    }
    const isFull = this.openCount.count >= limits.connections
    if (isFull && !this.makeRoom(isPeer ? client : undefined)) {
      this.counts.refused++
      raw.destroy()
      return
    }
    const proxy = addressSource === ADDRESS_SOURCE.proxy ? nodeSocketOf(raw) : undefined
    const socket = proxy ?? raw
    let keys: ClientKeys | undefined
    const admit = (): boolean => {
      const { connectionLimit } = this.options
      const isAdmitted = connectionLimit.tryOpen(client)
      if (isAdmitted) {
        this.counted.set(socket, client)
        keys = connectionLimit.keysOf(client)
        if (keys !== undefined) this.byClient.add(socket, keys)
      } else {
        this.counts.overClientLimit++
        socket.destroy()
      }
      return isAdmitted
    }
    // A proxy has connections of many clients: count each when its client is known.
    if (isPeer && !admit()) return
    this.counts.accepted++
    this.openCount.add()
    socket.once('close', () => {
      this.starting.delete(socket)
      this.byClient.delete(socket)
      if (this.counted.delete(socket)) this.options.connectionLimit.close(client)
      this.openCount.remove()
    })
    const serve = (stream: ByteStream, tls?: ClientTlsStream): void => {
      this.starting.delete(socket)
      const identity = isFrontEnd ? undefined : this.recognize(tls, client)
      const isKnown = identity === undefined || identity?.isKnown === true
      const isWithinLimit = isKnown || this.charge(client, COST.unknownIdentity)
      if (identity === null || !isWithinLimit) {
        stream.destroy()
        return
      }
      const budget = isFrontEnd ? undefined : this.options.cpuBudget
      const peer = { client, addressSource, identity, budget }
      const connection =
        this.doh === undefined
          ? new TcpConnection(stream, peer, this.context)
          : new DohConnection(tls!, peer, this.doh)
      this.open.set(socket, connection)
      socket.once('close', () => this.open.delete(socket))
    }
    const begin = (): void => {
      if (this.handshakes === undefined) serve(new SocketStream(nodeSocketOf(socket)))
      else {
        this.handshakes.start(socket, keys, (stream, isResumed) => {
          const cost = isResumed ? COST.resumedHandshake : COST.fullHandshake
          const isWithinLimit = isFrontEnd || this.charge(client, cost)
          if (isWithinLimit && stream !== undefined) serve(stream, stream)
          else stream?.destroy()
        })
      }
    }
    if (proxy !== undefined || this.handshakes !== undefined) {
      this.starting.set(socket, this.options.clock.now())
    }
    if (proxy === undefined) begin()
    else {
      readProxyPreamble(proxy, client, () => {
        if (!this.charge(client, 0)) proxy.destroy()
        else if (admit()) begin()
      })
    }
  }

  /**
   * Closes a connection of the client with most: the oldest that has not completed its handshake, or the one that has
   * been quiet for longest.
   *
   * @param newcomer undefined: not known yet
   * @returns whether there is room
   */
  private makeRoom(newcomer: Uint32Array | undefined): boolean {
    const keys = newcomer && this.options.connectionLimit.keysOf(newcomer)
    const connections = [...(this.byClient.heaviest(keys) ?? [])]
    const victim =
      connections.find(it => this.starting.has(it)) ?? quietest(connections, this.open, PAUSE)
    if (victim === undefined) return false
    this.counts.evicted++
    // A socket of Node reports later that it is closed.
    this.byClient.delete(victim)
    victim.destroy()
    return true
  }

  /** @returns whether the client is within its limit of CPU time */
  private charge(client: Uint32Array, cost: Microseconds): boolean {
    return this.options.cpuBudget?.charge(client, cost) !== false
  }

  /** A front end's own identity would say nothing about the clients for which it asks. */
  private recognize(
    stream: ClientTlsStream | undefined,
    client: Uint32Array
  ): ConnectionIdentity | undefined | null {
    const recognition = this.options.tls?.recognition
    if (recognition === undefined || stream === undefined) return undefined
    const { recognizer, options } = recognition
    return recognizer.recognize(stream, client, options, undefined, this.doh !== undefined)
  }
}
