import { createSocket, type Socket } from 'node:dgram'
import { once } from 'node:events'
import { readPrefix } from '../../src/base/address.js'
import { systemClock } from '../../src/base/clock.js'
import { compilePrefixes, PrefixTable } from '../../src/base/prefix-table.js'
import type { Responder } from '../../src/resolver/responder.js'
import { ConnectionLimit } from '../../src/server/connection-limit.js'
import { serveTcp, type TcpService } from '../../src/server/tcp.js'
import { TrustedProxies } from '../../src/server/trusted-proxies.js'
import { serveUdp, type UdpService } from '../../src/server/udp.js'
import type { Endpoint, Transport } from '../../src/udp/datagram.js'
import { frames, TcpClient } from '../server/tcp-client.js'
import { until } from '../server/transports.js'

const LIMITS = { idle: 10_000, connections: 100, queriesInFlight: 10 }
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

  private constructor(
    private readonly udp: UdpService,
    private readonly tcp: TcpService,
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
    const tcp = await serveTcp(transport, ANY_PORT, responder, {
      ...shared,
      limits: LIMITS,
      connectionLimit: new ConnectionLimit(100, { bits: { ipv4: 32, ipv6: 56 }, exempt: undefined })
    })
    const socket = createSocket('udp4').bind(0, '127.0.0.1')
    await once(socket, 'listening')
    return new LoopbackServer(udp, tcp, socket)
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
  async askTcp(query: Uint8Array, header: Uint8Array): Promise<Uint8Array | undefined> {
    const client = new TcpClient(this.tcp.local.port)
    await client.send(Buffer.concat([header, frames(query)]))
    client.socket.end()
    await until(() => client.ended || client.closed)
    client.socket.destroy()
    if (client.messages.length > 1) throw new Error('more than one reply')
    return client.messages[0]
  }

  close(): void {
    this.udp.close()
    this.tcp.close()
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
