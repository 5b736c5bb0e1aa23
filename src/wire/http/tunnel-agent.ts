import { Agent, type RequestOptions } from 'node:https'
import type { Duplex } from 'node:stream'
import { connect, type ConnectionOptions } from 'node:tls'
import { failure, InterdictError } from '../../base/errors/error.js'
import { reasonOf } from '../../base/errors/reason.js'
import type { Milliseconds } from '../../base/units.js'
import { proxyFor, requestToProxy, type HttpProxy } from './http-proxy.js'

/** For the proxy to connect to the server. Most callers wait longer, so that their errors name the proxy. */
const CONNECT_TIMEOUT: Milliseconds = 8_000

type OnCreate = (error: Error | null, stream: Duplex) => void

/**
 * Connections over TLS, through the proxy where the settings have one for the host: by CONNECT (RFC 9110 §9.3.6), so that
 * the proxy sees the name of the server and encrypted octets. The server's certificate is verified as without a proxy.
 */
export class TunnelAgent extends Agent {
  private readonly proxy: HttpProxy | undefined

  constructor(
    proxy: HttpProxy | undefined,
    options: ConstructorParameters<typeof Agent>[0] & ConnectionOptions = {}
  ) {
    super(options)
    this.proxy = proxy
  }

  override createConnection(
    options: RequestOptions,
    onCreate?: OnCreate
  ): Duplex | null | undefined {
    const proxy = proxyFor(this.proxy, options.host ?? '')
    if (proxy === undefined) return super.createConnection(options, onCreate)
    openTunnel(proxy, options).then(
      socket => onCreate?.(null, connect({ ...(options as ConnectionOptions), socket })),
      // Node takes an error without a stream.
      (error: unknown) => (onCreate as (error: unknown) => void)(error)
    )
    return undefined
  }
}

/** Rejects with PROXY_CONNECT, PROXY_REFUSED or PROXY_FILE. */
async function openTunnel(
  proxy: HttpProxy,
  { host, port, lookup }: RequestOptions
): Promise<Duplex> {
  const name = host?.includes(':') === true ? `[${host}]` : host
  const target = `${name}:${port}`
  const outgoing = requestToProxy(proxy, {
    ...{ method: 'CONNECT', path: target, headers: { host: target } },
    ...(lookup !== undefined && { lookup })
  })
  const late = new Error(`no response within ${CONNECT_TIMEOUT / 1000} s`)
  const timer = setTimeout(() => outgoing.destroy(late), CONNECT_TIMEOUT)
  try {
    return await new Promise<Duplex>((resolve, reject) => {
      outgoing.on('error', error => reject(proxyError(proxy, error)))
      outgoing.on('connect', ({ statusCode = 0 }, socket, head) => {
        if (statusCode >= 200 && statusCode < 300) {
          if (head.length > 0) socket.unshift(head)
          resolve(socket)
        } else {
          socket.destroy()
          reject(failure('PROXY_REFUSED', proxy.url, target, statusCode))
        }
      })
      outgoing.end()
    })
  } finally {
    clearTimeout(timer)
  }
}

/** An error of the connection to the proxy, naming the proxy. */
export function proxyError({ url }: HttpProxy, error: Error): Error {
  const isNamed =
    error instanceof InterdictError && (error as InterdictError).code.startsWith('PROXY_')
  return isNamed || error.name === 'AbortError'
    ? error
    : failure('PROXY_CONNECT', url, reasonOf(error))
}
