import { createServer, type Server, type Socket } from 'node:net'
import type { AddressInfo } from 'node:net'
import { createServer as createTlsServer, type TLSSocket, type TlsOptions } from 'node:tls'
import type { Test } from 'tap'
import { TcpMessageReader } from '../../src/resolver/upstream/tcp/tcp-message-reader.js'
import type { UpstreamServer, UpstreamTls } from '../../src/wire/sockets/upstream-server.js'
import { framed } from './bad-upstream.js'
import { responseTo } from './messages.js'

/** An upstream on loopback that speaks TLS, or something else on its port. */
export class TlsUpstream {
  /** Everything that came in clear. */
  readonly clear: Buffer[] = []
  /** Everything that came over TLS. */
  readonly received: Buffer[] = []
  /** DNS messages that came. */
  readonly queries: Buffer[] = []
  /** Connections whose handshake has ended, in order. */
  readonly connections: TLSSocket[] = []
  port = 0
  private readonly server: Server
  private readonly sockets = new Set<Socket>()

  private constructor(options: TlsOptions | ((socket: Socket) => void)) {
    if (typeof options === 'function') {
      this.server = createServer(socket => {
        socket.on('data', octets => void this.clear.push(octets))
        this.keep(socket)
        options(socket)
      })
      return
    }
    const server = createTlsServer(options, socket => this.serve(socket))
    server.on('tlsClientError', () => undefined)
    server.on('connection', (socket: Socket) => this.keep(socket))
    this.server = server
  }

  /** @param options of a TLS server; or what is done with each TCP connection */
  static async open(
    t: Test,
    options: TlsOptions | ((socket: Socket) => void)
  ): Promise<TlsUpstream> {
    const upstream = new TlsUpstream(options)
    const { server } = upstream
    await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
    upstream.port = (server.address() as AddressInfo).port
    t.teardown(() => upstream.close())
    return upstream
  }

  /** Its settings. */
  with(tls: Partial<UpstreamTls>): UpstreamServer {
    const strict = { name: 'dns.example', path: undefined, pins: [], ca: undefined }
    return {
      address: '127.0.0.1',
      port: this.port,
      tls: { ...strict, client: undefined, opportunistic: false, ...tls }
    }
  }

  private serve(socket: TLSSocket): void {
    this.connections.push(socket)
    const reader = new TcpMessageReader(message => {
      this.queries.push(Buffer.from(message))
      socket.write(framed(responseTo(message)))
    })
    socket.on('data', (octets: Buffer) => {
      this.received.push(octets)
      reader.take(octets)
    })
    socket.on('error', () => undefined)
  }

  private keep(socket: Socket): void {
    this.sockets.add(socket)
    socket.on('error', () => undefined)
    socket.on('close', () => this.sockets.delete(socket))
  }

  private close(): Promise<void> {
    for (const socket of this.sockets) socket.destroy()
    return new Promise(resolve => this.server.close(() => resolve()))
  }
}
