import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Milliseconds, Octets } from '../../../base/units.js'
import type { Endpoint } from '../../../udp/datagram.js'
import { nodeBindError } from '../../../udp/port.js'
import type { StatusReply } from '../health.js'
import type { CounterMetrics } from './counter-metrics.js'
import { metricFamilies } from './metrics.js'
import { METRICS_TYPE, metricsFormat, metricsText } from './metrics-text.js'

/** A status this old is used again, so that many clients cost no more than one. */
const MAX_AGE: Milliseconds = 250
/** Clients send a short request at once, and read a short answer. */
const REQUEST_TIMEOUT: Milliseconds = 5_000
const MAX_HEADER: Octets = 8 * 1024
const MAX_CONNECTIONS = 64

/** Asks the control thread. Undefined: it has not answered in time. */
export type AskStatus = () => Promise<StatusReply | undefined>

interface Page {
  readonly code: number
  readonly type: string
  readonly body: string
}

/** Health and metrics over HTTP: `/livez`, `/readyz` and `/metrics`. Nothing can be changed here. */
export class HttpServer {
  private readonly server: Server
  private cached: { readonly at: Milliseconds; readonly status: ReturnType<AskStatus> } | undefined

  constructor(
    private readonly counters: CounterMetrics,
    private readonly askStatus: AskStatus
  ) {
    const options = {
      maxHeaderSize: MAX_HEADER,
      requestTimeout: REQUEST_TIMEOUT,
      headersTimeout: REQUEST_TIMEOUT,
      keepAliveTimeout: REQUEST_TIMEOUT,
      connectionsCheckingInterval: REQUEST_TIMEOUT
    }
    this.server = createServer(options, (request, response) => void this.handle(request, response))
    this.server.maxConnections = MAX_CONNECTIONS
  }

  /** @throws InterdictError SOCKET_BIND, SOCKET_PERMISSION */
  listen(endpoint: Endpoint): Promise<Endpoint> {
    const { server } = this
    return new Promise((resolve, reject) => {
      server.once('error', error => reject(nodeBindError(endpoint, error)))
      server.listen({ host: endpoint.address, port: endpoint.port }, () => {
        server.removeAllListeners('error')
        // Accepting fails when file descriptors run out; the client may retry.
        server.on('error', () => undefined)
        resolve({ address: endpoint.address, port: (server.address() as AddressInfo).port })
      })
    })
  }

  close(): void {
    this.server.close()
    this.server.closeAllConnections()
  }

  private async handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { code, type, body } = await this.page(request)
    const length = Buffer.byteLength(body)
    // Without other characters than ASCII, which is faster and the rule.
    const octets = Buffer.from(body, length === body.length ? 'latin1' : 'utf8')
    // A body that nobody reads would keep the connection busy.
    request.resume()
    response.writeHead(code, {
      'content-type': type,
      'content-length': length,
      'cache-control': 'no-store',
      'x-content-type-options': 'nosniff',
      ...(code === 405 && { allow: 'GET, HEAD' }),
      // Of a request with a body, which is not read.
      ...((code === 405 || code === 413) && { connection: 'close' })
    })
    response.end(request.method === 'HEAD' ? undefined : octets)
  }

  private async page({ method, url = '', headers }: IncomingMessage): Promise<Page> {
    if (method !== 'GET' && method !== 'HEAD') return problem(405, 'Method Not Allowed')
    if (headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0) {
      return problem(413, 'Content Too Large')
    }
    const [path] = url.split('?')
    if (path !== '/livez' && path !== '/readyz' && path !== '/metrics')
      return problem(404, 'Not Found')
    const status = await this.status()
    if (status === undefined) return json(503, { ready: false, problems: [SILENT] })
    if (path === '/livez') return json(200, { version: status.version })
    if (path === '/readyz') return json(status.health.ready ? 200 : 503, status.health)
    const format = metricsFormat(headers.accept)
    const { user, system } = process.cpuUsage()
    const figures = { residentOctets: process.memoryUsage.rss(), cpuSeconds: (user + system) / 1e6 }
    const families = [...metricFamilies(status, figures), ...this.counters.families()]
    const body = metricsText(families, format)
    return { code: 200, type: METRICS_TYPE[format], body }
  }

  private status(): ReturnType<AskStatus> {
    const now = performance.now()
    if (this.cached === undefined || now - this.cached.at > MAX_AGE) {
      this.cached = { at: now, status: this.askStatus() }
    }
    return this.cached.status
  }
}

const SILENT = { code: 'CONTROL_SILENT', message: 'the control thread does not respond' }

function json(code: number, value: object): Page {
  return { code, type: 'application/json', body: `${JSON.stringify(value)}\n` }
}

/** RFC 9457 */
function problem(status: number, title: string): Page {
  const body = `${JSON.stringify({ type: 'about:blank', title, status })}\n`
  return { code: status, type: 'application/problem+json', body }
}
