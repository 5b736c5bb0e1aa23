import dgram from 'node:dgram'
import { once } from 'node:events'
import net from 'node:net'
import type { Endpoint } from '../../src/wire/sockets/datagram.js'
import { freePort } from '../udp/free-port.js'
import { responseTo } from './messages.js'

/** A query received by an upstream, with ways to reply. */
export interface Seen {
  readonly message: Uint8Array
  readonly overTcp: boolean
  /** Port of the sender. */
  readonly port: number
  /** Sends octets as they are; over TCP without the length prefix. */
  readonly send: (octets: Uint8Array) => void
  /** As `send`, from another port of the same address. */
  readonly sendFromElsewhere: (octets: Uint8Array) => void
  /** Closes the connection. */
  readonly hangUp: () => void
}

export type Behaviour = (query: Seen) => void

/** Answers correctly, with 192.0.2.`mark`. */
export const good =
  (mark = 1): Behaviour =>
  query => {
    const response = responseTo(query.message, { mark })
    query.send(query.overTcp ? framed(response) : response)
  }

export const failing =
  (rcode: number): Behaviour =>
  query => {
    query.send(responseTo(query.message, { rcode }))
  }

export const silent: Behaviour = () => undefined

/** Truncated responses over UDP, `overTcp` over TCP. */
export const truncating =
  (overTcp: Behaviour): Behaviour =>
  query => {
    if (query.overTcp) overTcp(query)
    else query.send(responseTo(query.message, { truncated: true }))
  }

/** With the length prefix. RFC 1035 §4.2.2. */
export const framed = (message: Uint8Array): Uint8Array =>
  Uint8Array.from([message.length >> 8, message.length & 255, ...message])

/** An upstream on loopback, UDP and TCP on one port, whose behaviour a test defines. */
export class BadUpstream {
  readonly seen: Seen[] = []
  connections = 0
  private udp: dgram.Socket | undefined
  private tcp: net.Server | undefined
  private readonly elsewhere = dgram.createSocket('udp4')
  private readonly sockets = new Set<net.Socket>()
  private readonly watchers = new Set<() => void>()

  private constructor(
    public behaviour: Behaviour,
    public endpoint: Endpoint
  ) {}

  static async open(behaviour: Behaviour): Promise<BadUpstream> {
    const endpoint = { address: '127.0.0.1', port: await freePort() }
    const upstream = new BadUpstream(behaviour, endpoint)
    upstream.elsewhere.bind(0, '127.0.0.1')
    await once(upstream.elsewhere, 'listening')
    await upstream.revive()
    return upstream
  }

  /** Resolves when `count` queries have been received since the start. */
  async sees(count: number): Promise<void> {
    while (this.seen.length < count) await new Promise<void>(wake => this.watchers.add(wake))
  }

  async revive(): Promise<void> {
    await this.listenUdp()
    await this.listenTcp()
  }

  /** Closes all sockets: the port is unreachable from now on. */
  async kill(): Promise<void> {
    const { udp } = this
    this.udp = undefined
    await this.killTcp()
    if (udp !== undefined) await new Promise<void>(done => udp.close(done))
  }

  async killTcp(): Promise<void> {
    const { tcp } = this
    this.tcp = undefined
    for (const socket of this.sockets) socket.destroy()
    if (tcp?.listening === true) await new Promise(done => tcp.close(done))
  }

  async close(): Promise<void> {
    await this.kill()
    this.elsewhere.close()
  }

  private async listenUdp(): Promise<void> {
    const udp = (this.udp = dgram.createSocket('udp4'))
    udp.on('message', (octets, from) => {
      this.take({
        message: Uint8Array.from(octets),
        overTcp: false,
        port: from.port,
        send: response => {
          // A late answer may come after the end of its test.
          if (this.udp === udp) udp.send(response, from.port, from.address)
        },
        sendFromElsewhere: response => {
          this.elsewhere.send(response, from.port, from.address)
        },
        hangUp: () => undefined
      })
    })
    udp.bind(this.endpoint.port, this.endpoint.address)
    await once(udp, 'listening')
  }

  private async listenTcp(): Promise<void> {
    const tcp = (this.tcp = net.createServer(socket => {
      this.accept(socket)
    }))
    tcp.listen(this.endpoint.port, this.endpoint.address)
    await once(tcp, 'listening')
  }

  private accept(socket: net.Socket): void {
    this.connections++
    this.sockets.add(socket)
    let received = Buffer.alloc(0)
    socket.setNoDelay(true)
    socket.on('error', () => undefined)
    socket.on('close', () => this.sockets.delete(socket))
    socket.on('data', chunk => {
      received = Buffer.concat([received, chunk])
      while (received.length >= 2 && received.length >= 2 + received.readUInt16BE()) {
        const end = 2 + received.readUInt16BE()
        this.takeOverTcp(socket, Uint8Array.from(received.subarray(2, end)))
        received = received.subarray(end)
      }
    })
  }

  private takeOverTcp(socket: net.Socket, message: Uint8Array): void {
    this.take({
      message,
      overTcp: true,
      port: socket.remotePort ?? 0,
      send: octets => void socket.write(octets),
      sendFromElsewhere: () => undefined,
      hangUp: () => void socket.destroy()
    })
  }

  private take(query: Seen): void {
    this.seen.push(query)
    this.behaviour(query)
    for (const wake of this.watchers) wake()
    this.watchers.clear()
  }
}
