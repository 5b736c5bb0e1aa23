import { createSocket, type Socket } from 'node:dgram'
import { once } from 'node:events'
import { readPrefix } from '../../src/base/values/address.js'
import { systemClock } from '../../src/base/time/clock.js'
import { compilePrefixes, PrefixTable } from '../../src/base/values/prefix-table.js'
import type { Responder } from '../../src/resolver/context/responder.js'
import { ConnectionLimit } from '../../src/resolver/server/connection-limit.js'
import type { TcpService } from '../../src/resolver/server/tcp-service.js'
import { serveTcp } from '../../src/resolver/server/tcp.js'
import { TrustedProxies } from '../../src/resolver/server/trusted-proxies.js'
import { serveUdp, type UdpService } from '../../src/resolver/server/udp.js'
import type { Endpoint, Transport } from '../../src/wire/sockets/datagram.js'
import { DohClient, getOf } from '../server/doh-client.js'
import { frames, TcpClient } from '../server/tcp-client.js'
import { tlsListenOptions } from '../server/tls-options.js'
import { until } from '../server/transports.js'

const LIMITS = { idle: 600_000, connections: 100, queriesInFlight: 10 }
const ANY_PORT: Endpoint = { address: '127.0.0.1', port: 0 }
/** Answered at once and in order: FORMERR, since there is no question. */
const SENTINEL = Buffer.from('fffe01000000000000000000', 'hex')

/**
 * Listeners on loopback, and a client that uses a trusted proxy, so that it may have any address:
 * its messages begin with a PROXY header.
 */
export class LoopbackServer {
  private readonly replies: Buffer[] = []
  private sentinels = 0
  private dohQueries = 0
  /** Open TLS connections by PROXY header. */
  private readonly dotClients = new Map<string, TcpClient>()
  private readonly dohClients = new Map<string, DohClient>()

  private constructor(
    private readonly udp: UdpService,
    private readonly tcp: TcpService,
    private readonly dot: TcpService,
    private readonly doh: TcpService,
    private readonly socket: Socket
  ) {
    socket.on('message', message => {
      if (message.readUInt16BE() === SENTINEL.readUInt16BE()) this.sentinels++
      else this.replies.push(message)
    })
  }

  static async open(transport: Transport, responder: Responder): Promise<LoopbackServer> {
    const local = new PrefixTable(compilePrefixes([readPrefix('127.0.0.0/8')], () => 1))
    const shared = { clock: systemClock, proxies: new TrustedProxies(local, undefined) }
    const udp = await serveUdp(transport, ANY_PORT, responder, {
      ...shared,
      queryLimit: undefined,
      responseLimit: undefined
    })
    const connectionLimit = new ConnectionLimit(100, {
      bits: { ipv4: 32, ipv6: 56 },
      exempt: undefined
    })
    const options = { ...shared, limits: LIMITS, connectionLimit }
    const tcp = await serveTcp(transport, ANY_PORT, responder, options)
    const tls = tlsListenOptions()
    const dot = await serveTcp(transport, ANY_PORT, responder, { ...options, tls })
    const https = { ...options, tls: { ...tls, dohPath: '/dns-query' } }
    const doh = await serveTcp(transport, ANY_PORT, responder, https)
    const socket = createSocket('udp4').bind(0, '127.0.0.1')
    await once(socket, 'listening')
    return new LoopbackServer(udp, tcp, dot, doh, socket)
  }

  /** @returns the reply; undefined if there is none, which is detected without waiting */
  async askUdp(query: Uint8Array, header: Uint8Array): Promise<Uint8Array | undefined> {
    this.replies.length = 0
    this.send(query, header)
    for (let quiet = 0; quiet < 2 && this.replies.length === 0;) {
      await this.sendSentinel(header)
      // A sentinel sent after the query was processed is answered after its reply.
      quiet = this.udp.inFlight === 0 ? quiet + 1 : 0
    }
    if (this.replies.length > 1) throw new Error('more than one reply')
    return this.replies[0]
  }

  /** @returns the reply; undefined if the connection closed without one */
  askTcp(query: Uint8Array, header: Uint8Array): Promise<Uint8Array | undefined> {
    return askOnce(new TcpClient(this.tcp.local.port), Buffer.concat([header, frames(query)]))
  }

  /**
   * Over TLS: on one connection per client, or, where silence is expected, on one of its own.
   *
   * @returns as of `askTcp`
   */
  async askDot(
    query: Uint8Array,
    header: Uint8Array,
    isAnswered: boolean
  ): Promise<Uint8Array | undefined> {
    const { port } = this.dot.local
    const key = Buffer.from(header).toString('latin1')
    const known = isAnswered ? this.dotClients.get(key) : undefined
    const client = known ?? new TcpClient(port, undefined, undefined, {}, header)
    if (!isAnswered) return askOnce(client, frames(query))
    this.dotClients.set(key, client)
    client.messages.length = 0
    await client.send(frames(query))
    await until(() => client.messages.length > 0 || client.closed)
    return client.messages[0]
  }

  /** Over HTTPS, on one connection per client, by GET and POST in turns. @returns undefined: no DNS message */
  async askDoh(query: Uint8Array, header: Uint8Array): Promise<Uint8Array | undefined> {
    const key = Buffer.from(header).toString('latin1')
    const known = this.dohClients.get(key)
    const client = known ?? new DohClient(this.doh.local.port, {}, header).begin()
    this.dohClients.set(key, client)
    this.dohQueries++
    const isGet = this.dohQueries % 2 === 0 && query.length > 0
    const stream = isGet ? client.send(getOf(query)) : client.post(query)
    await until(() => client.isDone(stream))
    const body = client.responses.get(stream)?.body
    return body === undefined || body.length === 0 ? undefined : body
  }

  close(): void {
    for (const { socket } of this.dohClients.values()) socket.destroy()
    this.doh.close()
    for (const { socket } of this.dotClients.values()) socket.destroy()
    this.udp.close()
    this.tcp.close()
    this.dot.close()
    this.socket.close()
  }

  private async sendSentinel(header: Uint8Array): Promise<void> {
    const before = this.sentinels
    this.send(SENTINEL, header)
    await until(() => this.sentinels > before)
  }

  private send(query: Uint8Array, header: Uint8Array): void {
    this.socket.send(Buffer.concat([header, query]), this.udp.local.port, '127.0.0.1')
  }
}

/** Sends octets, and closes this side of the connection. */
async function askOnce(client: TcpClient, octets: Uint8Array): Promise<Uint8Array | undefined> {
  await client.send(octets)
  client.socket.end()
  await until(() => client.ended || client.closed)
  client.socket.destroy()
  if (client.messages.length > 1) throw new Error('more than one reply')
  return client.messages[0]
}
