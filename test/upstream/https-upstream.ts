import {
  createSecureServer,
  type Http2SecureServer,
  type IncomingHttpHeaders,
  type SecureServerOptions,
  type ServerHttp2Session,
  type ServerHttp2Stream
} from 'node:http2'
import type { AddressInfo, Socket } from 'node:net'
import type { TLSSocket } from 'node:tls'
import type { Test } from 'tap'
import type { UpstreamServer, UpstreamTls } from '../../src/wire/sockets/upstream-server.js'
import { responseTo } from './messages.js'

/** A query over HTTPS, complete. */
export interface HttpQuery {
  readonly stream: ServerHttp2Stream
  readonly headers: IncomingHttpHeaders
  readonly message: Buffer
}

export type HttpBehaviour = (query: HttpQuery) => void

/** Answers with these headers and octets. */
export function respond(
  { stream }: HttpQuery,
  octets: Uint8Array,
  headers: Readonly<Record<string, string | number>> = {}
): void {
  stream.respond({ ':status': 200, 'content-type': 'application/dns-message', ...headers })
  stream.end(octets)
}

export const goodHttp: HttpBehaviour = query => respond(query, responseTo(query.message))

/** An upstream on loopback that speaks HTTP/2. */
export class HttpsUpstream {
  readonly queries: HttpQuery[] = []
  /** In the order in which they were opened. */
  readonly sessions: ServerHttp2Session[] = []
  /** Of each session: whether TLS resumed an earlier one. */
  readonly resumed: boolean[] = []
  port = 0
  private readonly server: Http2SecureServer
  private readonly sockets = new Set<Socket>()

  private constructor(
    options: SecureServerOptions,
    public behaviour: HttpBehaviour
  ) {
    const server = (this.server = createSecureServer(options))
    server.on('connection', (socket: Socket) => {
      this.sockets.add(socket)
      socket.on('close', () => this.sockets.delete(socket))
    })
    server.on('session', session => {
      this.sessions.push(session)
      this.resumed.push((session.socket as TLSSocket).isSessionReused())
      session.on('error', () => undefined)
    })
    server.on('stream', (stream, headers) => {
      const chunks: Buffer[] = []
      stream.on('error', () => undefined)
      stream.on('data', (chunk: Buffer) => void chunks.push(chunk))
      stream.on('end', () => {
        // It was cancelled.
        if (stream.destroyed) return
        const query = { stream, headers, message: Buffer.concat(chunks) }
        this.queries.push(query)
        this.behaviour(query)
      })
    })
  }

  static async open(
    t: Test,
    options: SecureServerOptions,
    behaviour: HttpBehaviour = goodHttp
  ): Promise<HttpsUpstream> {
    const upstream = new HttpsUpstream(options, behaviour)
    const { server } = upstream
    await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
    upstream.port = (server.address() as AddressInfo).port
    t.teardown(() => upstream.close())
    return upstream
  }

  /** Its settings. */
  with(tls: Partial<UpstreamTls>): UpstreamServer {
    return {
      address: '127.0.0.1',
      port: this.port,
      tls: {
        ...{ name: 'dns.example', path: '/dns-query', pins: [], ca: undefined },
        ...{ client: undefined, opportunistic: false },
        ...tls
      }
    }
  }

  private close(): Promise<void> {
    for (const socket of this.sockets) socket.destroy()
    return new Promise(resolve => this.server.close(() => resolve()))
  }
}
