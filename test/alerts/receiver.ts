import { createHmac, timingSafeEqual } from 'node:crypto'
import {
  createServer,
  type IncomingHttpHeaders,
  type RequestListener,
  type ServerResponse
} from 'node:http'
import { createServer as createTlsServer, type ServerOptions } from 'node:https'
import type { AddressInfo } from 'node:net'
import type { Test } from 'tap'
import type { AlertBody } from '../../src/gateway/alerts/alert-schema.js'

/** An alert as its receiver got it. */
export interface Received {
  readonly headers: IncomingHttpHeaders
  readonly path: string
  readonly body: string
  readonly alert: AlertBody
}

/** A webhook on loopback. */
export interface Receiver {
  readonly port: number
  readonly received: readonly Received[]
  /** Replaces the answer, 204. */
  answer: (response: ServerResponse) => void
}

/** @param tls certificate and key; undefined: plain HTTP */
export async function startReceiver(t: Test, tls?: ServerOptions): Promise<Receiver> {
  const received: Received[] = []
  const receiver = {
    port: 0,
    received,
    answer: (response: ServerResponse): unknown => response.writeHead(204).end()
  }
  const onRequest: RequestListener = (request, response) => {
    let body = ''
    request.setEncoding('utf8').on('data', (chunk: string) => (body += chunk))
    request.on('end', () => {
      const { headers, url: path = '' } = request
      received.push({ headers, path, body, alert: JSON.parse(body) as AlertBody })
      receiver.answer(response)
    })
  }
  const server = tls === undefined ? createServer(onRequest) : createTlsServer(tls, onRequest)
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  receiver.port = (server.address() as AddressInfo).port
  t.teardown(() => {
    server.close()
    server.closeAllConnections()
  })
  return receiver
}

/**
 * What docs/reference/alerts.md tells receivers to do.
 *
 * @param now epoch seconds
 */
export function isGenuine(secret: string, header: string, body: string, now: number): boolean {
  const [, time, signature] = /^t=(\d+),v1=([0-9a-f]{64})$/.exec(header) ?? []
  if (signature === undefined || Math.abs(now - Number(time)) > 300) return false
  const expected = createHmac('sha256', secret).update(`${time}.${body}`).digest()
  return timingSafeEqual(expected, Buffer.from(signature, 'hex'))
}
