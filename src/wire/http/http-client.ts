import {
  Agent,
  request as requestOverHttp,
  type AgentOptions,
  type ClientRequest,
  type IncomingMessage,
  type OutgoingHttpHeaders
} from 'node:http'
import { request as requestOverTls, type RequestOptions } from 'node:https'
import { urlToHttpOptions } from 'node:url'
import { failure } from '../../base/errors/error.js'
import { proxyFor, requestToProxy, type HttpProxy } from './http-proxy.js'
import { proxyError, TunnelAgent } from './tunnel-agent.js'

/** RFC 9110 §15.5.8. */
const PROXY_AUTHENTICATION_REQUIRED = 407

/** A request that was started. */
export interface HttpExchange {
  readonly outgoing: ClientRequest
  /** Rejects if the request fails; an error of the proxy names it. */
  readonly response: Promise<IncomingMessage>
}

/** HTTP requests of the gateway itself, through the proxy where the settings have one for the host. */
export class HttpClient {
  private readonly plain: Agent
  private readonly tunnels: TunnelAgent

  /** @param options by default, each request has its own connection */
  constructor(
    private readonly proxy: HttpProxy | undefined,
    options: AgentOptions = {}
  ) {
    this.plain = new Agent(options)
    this.tunnels = new TunnelAgent(proxy, options)
  }

  /** Starts a request; the caller ends it. @throws InterdictError PROXY_FILE */
  start(url: string | URL, options: RequestOptions): HttpExchange {
    const target = new URL(url)
    if (target.protocol === 'https:')
      return exchange(requestOverTls(target, { ...options, agent: this.tunnels }), error => error)
    const proxy = proxyFor(this.proxy, target.hostname)
    if (proxy === undefined)
      return exchange(requestOverHttp(target, { ...options, agent: this.plain }), error => error)
    return this.startAtProxy(proxy, target, options)
  }

  /** Closes idle connections. */
  close(): void {
    this.plain.destroy()
    this.tunnels.destroy()
  }

  /** Over http:, the request itself goes to the proxy, with the whole URL: RFC 9112 §3.2.2. */
  private startAtProxy(proxy: HttpProxy, target: URL, options: RequestOptions): HttpExchange {
    const { host, pathname, search } = target
    const { auth } = urlToHttpOptions(target)
    const outgoing = requestToProxy(proxy, {
      ...options,
      ...(auth && { auth }),
      path: `http://${host}${pathname}${search}`,
      headers: { ...(options.headers as OutgoingHttpHeaders | undefined), host }
    })
    const { outgoing: started, response } = exchange(outgoing, error => proxyError(proxy, error))
    const checked = response.then(one => {
      if (one.statusCode !== PROXY_AUTHENTICATION_REQUIRED) return one
      one.destroy()
      throw failure('PROXY_REFUSED', proxy.url, host, PROXY_AUTHENTICATION_REQUIRED)
    })
    checked.catch(() => undefined)
    return { outgoing: started, response: checked }
  }
}

function exchange(outgoing: ClientRequest, errorOf: (error: Error) => Error): HttpExchange {
  const response = new Promise<IncomingMessage>((resolve, reject) => {
    outgoing.on('response', resolve)
    outgoing.on('error', error => reject(errorOf(error)))
  })
  // A caller that is still sending the body awaits it later.
  response.catch(() => undefined)
  return { outgoing, response }
}
