import { once } from 'node:events'
import { createServer, request, type IncomingMessage, type ServerResponse } from 'node:http'
import { createServer as createTlsServer, type ServerOptions } from 'node:https'
import { connect, type AddressInfo, type Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import type { Test } from 'tap'
import type { HttpProxy } from '../../src/wire/http/http-proxy.js'

/** A proxy in this process, which finds every host at 127.0.0.1. */
export class ProxyServer {
  /** Each request: method and target. */
  readonly seen: string[] = []
  /** Headers of the last request. */
  headers: IncomingMessage['headers'] = {}
  /** `user:password` that it requires. */
  credentials: string | undefined
  /** Answers CONNECT with this status. */
  status = 200
  /** Never answers. */
  isSilent = false
  private port = 0
  private readonly sockets = new Set<Duplex>()

  private constructor(private readonly scheme: 'http' | 'https') {}

  static async start(t: Test, tls?: ServerOptions): Promise<ProxyServer> {
    const own = new ProxyServer(tls === undefined ? 'http' : 'https')
    const server = tls === undefined ? createServer() : createTlsServer(tls)
    server.on('connect', (asked: IncomingMessage, socket: Duplex, head: Buffer) => {
      own.tunnel(asked, socket, head)
    })
    server.on('request', (asked, response) => own.forward(asked, response))
    server.on('connection', (socket: Socket) => own.keep(socket))
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    own.port = (server.address() as AddressInfo).port
    t.teardown(() => {
      for (const socket of own.sockets) socket.destroy()
      server.close()
    })
    return own
  }

  get url(): string {
    return `${this.scheme}://127.0.0.1:${this.port}`
  }

  settings(more: Partial<HttpProxy> = {}): HttpProxy {
    const none = { credentialsFile: undefined, caFile: undefined }
    return { url: this.url, ...none, exceptNames: [], exceptPrefixes: [], ...more }
  }

  private keep<S extends Duplex>(socket: S): S {
    this.sockets.add(socket)
    socket.on('error', () => undefined)
    return socket
  }

  private isAllowed({ method, url, headers }: IncomingMessage): boolean {
    this.seen.push(`${method} ${url}`)
    this.headers = headers
    const expected = `Basic ${Buffer.from(this.credentials ?? '').toString('base64')}`
    return this.credentials === undefined || headers['proxy-authorization'] === expected
  }

  private tunnel(asked: IncomingMessage, socket: Duplex, head: Buffer): void {
    this.keep(socket)
    const status = this.isAllowed(asked) ? this.status : 407
    if (this.isSilent) return
    if (status !== 200) {
      socket.end(`HTTP/1.1 ${status} No\r\nContent-Length: 0\r\n\r\n`)
      return
    }
    const server = this.keep(connect(Number(asked.url!.split(':').at(-1)), '127.0.0.1'))
    server.on('connect', () => {
      socket.write('HTTP/1.1 200 Connection established\r\n\r\n')
      server.write(head)
      server.pipe(socket).pipe(server)
    })
    server.on('close', () => socket.destroy())
    socket.on('close', () => server.destroy())
  }

  private forward(asked: IncomingMessage, response: ServerResponse): void {
    if (!this.isAllowed(asked)) {
      response.writeHead(407).end()
      return
    }
    if (this.isSilent) return
    const { port, pathname, search } = new URL(asked.url!)
    const headers = { ...asked.headers }
    delete headers['proxy-authorization']
    const options = { host: '127.0.0.1', port, path: pathname + search, method: asked.method }
    const onward = request({ ...options, headers, agent: false }, got => {
      response.writeHead(got.statusCode!, got.headers)
      got.pipe(response)
    })
    onward.on('error', () => response.destroy())
    asked.pipe(onward)
  }
}
