import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { failure, InterdictError } from '../../base/errors/error.js'
import type { Milliseconds, Octets } from '../../base/units.js'
import { openAdminSocket, type AdminSocket } from '../../gateway/socket/admin-socket.js'
import type { ServiceLog } from '../../base/log/service-log.js'
import type { Endpoint } from '../../wire/sockets/datagram.js'

/** A request to the hub, with its body. */
export interface HubRequest {
  /** Parts of the path behind `/v1`. */
  readonly path: readonly string[]
  readonly query: URLSearchParams
  readonly body: Buffer
}

export type HubReply =
  | { readonly kind: 'json'; readonly value: unknown }
  | {
      readonly kind: 'text'
      readonly text: string
      readonly type: string
      readonly status?: number
    }
  | { readonly kind: 'octets'; readonly octets: Uint8Array }

/** @returns undefined: the route does not exist. @throws InterdictError */
export type HubRoute = (
  method: 'GET' | 'POST',
  request: HubRequest
) => Promise<HubReply | undefined>

/** A bundle has at most 256 MB. */
const MAX_BODY: Octets = 260 * 1024 * 1024
/** What gateways send: signed reports, and requests with the secret of a token. Nothing else changes over HTTP. */
const OPEN: readonly string[] = ['/v1/reports', '/v1/enrol']
const MAX_OPEN_BODY: Octets = 64 * 1024
/** Where paths belong to. */
const ORIGIN = 'http://hub'
const HEADERS_TIMEOUT: Milliseconds = 5_000
const REQUEST_TIMEOUT: Milliseconds = 60_000
const STATUS: Readonly<Record<string, number>> = {
  HUB_RING: 404,
  HUB_GATEWAY: 404,
  HUB_BAN: 404,
  HUB_REQUEST: 400,
  HUB_NATS: 503,
  HUB_STANDBY: 503
}

/**
 * The API of the hub: everything on a Unix socket, mode 0600, for commands; on a loopback address only what changes
 * nothing, for dashboards, Prometheus, and a proxy that authenticates.
 */
export class HubServer {
  private readonly commands: Server
  private readonly readOnly: Server
  private socket: AdminSocket | undefined
  endpoint: Endpoint | undefined

  constructor(
    private readonly route: HubRoute,
    private readonly log: ServiceLog
  ) {
    const serverFor = (mayChange: boolean): Server => {
      const limits = { headersTimeout: HEADERS_TIMEOUT, requestTimeout: REQUEST_TIMEOUT }
      return createServer(limits, (request, response) => {
        void this.handle(request, response, mayChange)
      })
    }
    this.commands = serverFor(true)
    this.readOnly = serverFor(false)
  }

  /** @throws InterdictError ADMIN_SOCKET, HUB_LISTEN */
  async open(path: string, http: Endpoint | undefined): Promise<void> {
    this.socket = await openAdminSocket({ path }, (connection: Socket) => {
      this.commands.emit('connection', connection)
    })
    if (http === undefined) return
    const { address, port } = http
    await new Promise<void>((resolve, reject) => {
      this.readOnly.once('error', ({ message }) => reject(failure('HUB_LISTEN', message)))
      this.readOnly.listen(port, address, resolve)
    })
    const local = this.readOnly.address()
    if (typeof local === 'object' && local !== null) this.endpoint = { address, port: local.port }
  }

  close(): void {
    this.socket?.close()
    this.commands.closeAllConnections()
    this.readOnly.close()
    this.readOnly.closeAllConnections()
  }

  private async handle(
    request: IncomingMessage,
    response: ServerResponse,
    mayChange: boolean
  ): Promise<void> {
    try {
      const { method = '' } = request
      const url = urlOf(request)
      const isOpen = OPEN.includes(url.pathname)
      if (method !== 'GET' && (method !== 'POST' || !(mayChange || isOpen))) {
        send(response, 405, {})
        return
      }
      const path = partsOf(url)
      const body =
        method === 'POST'
          ? await bodyOf(request, isOpen ? MAX_OPEN_BODY : MAX_BODY)
          : Buffer.alloc(0)
      const reply = await this.route(method, { path, query: url.searchParams, body })
      if (reply === undefined) send(response, 404, { code: 'HUB_REQUEST', detail: 'no such route' })
      else if (reply.kind === 'json') send(response, 200, reply.value)
      else if (reply.kind === 'text') write(response, reply.status ?? 200, reply.type, reply.text)
      else write(response, 200, 'application/octet-stream', reply.octets)
    } catch (error) {
      if (error instanceof InterdictError) {
        const { code, message: detail } = error as InterdictError
        send(response, STATUS[code] ?? 422, { code, detail })
        return
      }
      // The client has gone before the end of its body.
      if (request.destroyed && !request.complete) return
      const { message, stack } = error as Error
      this.log.error({ error: message, stack }, 'request to the hub failed')
      send(response, 500, {
        code: 'FAULT',
        detail: 'internal error; details are in the service log'
      })
    }
  }
}

/** @throws InterdictError HUB_REQUEST */
function urlOf({ url = '/' }: IncomingMessage): URL {
  if (!URL.canParse(url, ORIGIN)) throw failure('HUB_REQUEST', 'malformed URL')
  return new URL(url, ORIGIN)
}

/** Parts of the path, decoded. @throws InterdictError HUB_REQUEST */
function partsOf({ pathname }: URL): string[] {
  try {
    return pathname.split('/').slice(1).map(decodeURIComponent)
  } catch {
    throw failure('HUB_REQUEST', 'malformed path')
  }
}

async function bodyOf(request: IncomingMessage, limit: Octets): Promise<Buffer> {
  const pieces: Buffer[] = []
  let length = 0
  for await (const piece of request as AsyncIterable<Buffer>) {
    length += piece.length
    if (length > limit) throw failure('HUB_REQUEST', `the body has more than ${limit} bytes`)
    pieces.push(piece)
  }
  return Buffer.concat(pieces)
}

function send(response: ServerResponse, status: number, value: unknown): void {
  const type = status === 200 ? 'application/json' : 'application/problem+json'
  write(response, status, type, `${JSON.stringify(value)}\n`)
}

function write(
  response: ServerResponse,
  status: number,
  type: string,
  body: string | Uint8Array
): void {
  const headers = { 'content-type': type, 'cache-control': 'no-store' }
  response.writeHead(status, { ...headers, 'x-content-type-options': 'nosniff' }).end(body)
}
