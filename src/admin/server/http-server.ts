import {
  createServer,
  type IncomingMessage,
  type RequestListener,
  type Server,
  type ServerOptions,
  type ServerResponse
} from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import type { Milliseconds, Octets } from '../../base/units.js'
import type { ServiceLog } from '../../base/log/service-log.js'
import type { CertificateFiles } from '../../wire/tls/certificate.js'
import type { Endpoint } from '../../wire/sockets/datagram.js'
import { nodeBindError } from '../../wire/sockets/port.js'
import type { FileWatcher } from '../../gateway/compiler/file-watcher.js'
import { serializeError } from '../../base/errors/serialized-error.js'
import { hasBody, SECURITY_HEADERS, STRICT_TRANSPORT } from '../http/headers.js'
import type { Dashboard } from './dashboard.js'
import { isProbe, type Page, type Probes } from '../metrics/probes.js'
import { problem, PROBLEM_TYPE } from '../http/problem.js'

/** Clients send their headers at once. */
const HEADERS_TIMEOUT: Milliseconds = 5_000
/** For a whole request; the largest are rules to be checked. */
const REQUEST_TIMEOUT: Milliseconds = 30_000
/** A connection is closed when it is idle for this long, or after that many requests. */
const KEEP_ALIVE: Milliseconds = 5_000
const MAX_REQUESTS = 1_000
const MAX_HEADER: Octets = 8 * 1024
const MAX_CONNECTIONS = 256
/**
 * Written at once: a worker on the same core waits while the kernel copies it, on kernels that do not preempt
 * themselves.
 */
const PIECE: Octets = 64 * 1024
/** So that one client, on whatever it does, leaves connections for the probes of others. */
const MAX_CONNECTIONS_PER_ADDRESS = 128

export interface HttpServerOptions {
  readonly probes: Probes
  /** Undefined: plain HTTP. */
  readonly tls: CertificateFiles | undefined
  /** Loads the dashboard, when one of its pages is first asked for. Undefined: there is none. */
  readonly loadDashboard?: (() => Promise<Dashboard>) | undefined
  /** Loads the API, when it is first called: most gateways only serve probes. Undefined: there is none. */
  readonly loadApi: (() => Promise<RequestListener>) | undefined
  readonly log: ServiceLog
}

/**
 * The HTTP listener: health and metrics by itself, everything else by the API. Limits what clients can take:
 * connections, header size, and time.
 */
export class HttpServer {
  private server: Server | undefined
  private watcher: FileWatcher | undefined
  private api: Promise<RequestListener> | undefined
  private dashboard: Promise<Dashboard> | undefined
  private readonly connections = new Map<string, number>()
  private readonly headers: Readonly<Record<string, string>>

  constructor(private readonly options: HttpServerOptions) {
    this.headers =
      options.tls === undefined ? SECURITY_HEADERS : { ...SECURITY_HEADERS, ...STRICT_TRANSPORT }
  }

  /** @throws InterdictError SOCKET_BIND, SOCKET_PERMISSION, CERTIFICATE_UNREADABLE, CERTIFICATE_INVALID, CERTIFICATE_KEY */
  async listen(endpoint: Endpoint): Promise<Endpoint> {
    const server = await this.createServer()
    this.server = server
    server.maxConnections = MAX_CONNECTIONS
    // Of a client that does not read its response.
    server.timeout = REQUEST_TIMEOUT
    server.maxRequestsPerSocket = MAX_REQUESTS
    server.on('connection', socket => this.onConnection(socket))
    server.on('clientError', onClientError)
    return new Promise((resolve, reject) => {
      const fail = (error: Error): void => reject(nodeBindError(endpoint, error))
      server.once('error', fail)
      server.listen({ host: endpoint.address, port: endpoint.port }, () => {
        server.off('error', fail)
        // Accepting fails when file descriptors run out; the client may retry.
        server.on('error', () => undefined)
        resolve({ address: endpoint.address, port: (server.address() as AddressInfo).port })
      })
    })
  }

  close(): void {
    this.watcher?.close()
    this.server?.close()
    this.server?.closeAllConnections()
  }

  private async createServer(): Promise<Server> {
    const { tls, log } = this.options
    const limits: ServerOptions = {
      maxHeaderSize: MAX_HEADER,
      headersTimeout: HEADERS_TIMEOUT,
      requestTimeout: REQUEST_TIMEOUT,
      keepAliveTimeout: KEEP_ALIVE,
      connectionsCheckingInterval: 1_000
    }
    const onRequest: RequestListener = (request, response) => void this.handle(request, response)
    if (tls === undefined) return createServer(limits, onRequest)
    // TLS costs 2 MB, also where there is none.
    const { readCertificate, watchCertificate } = await import('./https-certificate.js')
    const https = await import('node:https')
    const certificate = await readCertificate(tls, log)
    const options = { ...limits, ...certificate, handshakeTimeout: HEADERS_TIMEOUT }
    const server = https.createServer(options, onRequest)
    this.watcher = await watchCertificate(tls, server, log)
    return server
  }

  private onConnection(socket: Socket): void {
    const { connections } = this
    const { remoteAddress: address = '' } = socket
    const count = (connections.get(address) ?? 0) + 1
    connections.set(address, count)
    if (count > MAX_CONNECTIONS_PER_ADDRESS) socket.destroy()
    socket.once('close', () => {
      const left = connections.get(address)! - 1
      if (left > 0) connections.set(address, left)
      else connections.delete(address)
    })
  }

  private async handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const [path = ''] = request.url!.split('?', 1)
    if (isProbe(path)) {
      const page = unexpected(request) ?? (await this.options.probes.page(path, request))
      this.send(request, response, page)
      return
    }
    const { loadApi, loadDashboard, log } = this.options
    try {
      if (loadDashboard !== undefined && !path.startsWith('/api/')) {
        this.dashboard ??= loadDashboard()
        const dashboard = await this.dashboard
        if (dashboard.has(path)) {
          const refused = unexpected(request)
          if (refused === undefined) dashboard.serve(path, request, response)
          else this.send(request, response, refused)
          return
        }
      }
      if (loadApi === undefined) {
        this.send(request, response, errorPage(404, 'API_NOT_FOUND', 'no such page'))
        return
      }
      this.api ??= loadApi()
      const api = await this.api
      api(request, response)
    } catch (error) {
      this.dashboard = undefined
      this.api = undefined
      log.error(serializeError(error), 'HTTP API cannot be loaded')
      this.send(request, response, errorPage(500, 'FAULT', 'internal error'))
    }
  }

  private send(request: IncomingMessage, response: ServerResponse, page: Page): void {
    const { code, type, body, release } = page
    if (release !== undefined) response.once('close', release)
    // A body that nobody reads would keep the connection busy.
    request.resume()
    response.writeHead(code, {
      ...this.headers,
      'content-type': type,
      'content-length': Buffer.byteLength(body),
      ...(code === 405 && { allow: 'GET, HEAD' }),
      // Of a request with a body, which is not read.
      ...((code === 405 || code === 413) && { connection: 'close' })
    })
    if (request.method === 'HEAD') response.end()
    else if (body.length <= PIECE || typeof body === 'string') response.end(body)
    else {
      for (let at = 0; at < body.length; at += PIECE) response.write(body.subarray(at, at + PIECE))
      response.end()
    }
  }
}

/** Why a request to a probe is refused. */
function unexpected(request: IncomingMessage): Page | undefined {
  const { method } = request
  if (method !== 'GET' && method !== 'HEAD')
    return errorPage(405, 'API_METHOD', 'expected GET or HEAD')
  if (hasBody(request)) return errorPage(413, 'API_TOO_LARGE', 'expected no body')
  return undefined
}

function errorPage(...detail: Parameters<typeof problem>): Page {
  return { code: detail[0], type: PROBLEM_TYPE, body: `${JSON.stringify(problem(...detail))}\n` }
}

/** Requests that Node cannot parse, or that are too slow, by the code of Node's error. */
const CLIENT_ERRORS: Readonly<Record<string, Parameters<typeof problem>>> = {
  HPE_HEADER_OVERFLOW: [431, 'API_TOO_LARGE', `headers larger than ${MAX_HEADER} bytes`],
  ERR_HTTP_REQUEST_TIMEOUT: [408, 'API_SLOW', 'the request did not arrive in time']
}

function onClientError(error: NodeJS.ErrnoException, socket: Socket): void {
  const detail = CLIENT_ERRORS[error.code ?? ''] ?? [400, 'API_REQUEST', 'not a valid HTTP request']
  // Nothing can be sent after a reset, nor within another response.
  const { _httpMessage: response } = socket as { _httpMessage?: ServerResponse | null }
  if (!socket.writable || response?.headersSent === true) {
    socket.destroy()
    return
  }
  const { code, type, body } = errorPage(...detail)
  const { title } = problem(...detail)
  socket.end(
    `HTTP/1.1 ${code} ${title}\r\nconnection: close\r\ncontent-type: ${type}\r\n` +
      `content-length: ${Buffer.byteLength(body)}\r\n\r\n${body.toString()}`
  )
}
