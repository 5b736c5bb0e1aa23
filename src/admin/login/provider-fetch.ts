import { Agent as HttpAgent, request as requestOverHttp, type IncomingMessage } from 'node:http'
import { Agent as TlsAgent, request as requestOverTls } from 'node:https'
import { rootCertificates } from 'node:tls'
import type { CustomFetch } from 'openid-client'
import { reasonOf } from '../../base/errors/reason.js'
import type { Octets } from '../../base/units.js'

/** Documents of providers have a few KB. */
const MAX_RESPONSE: Octets = 1024 * 1024
/** Connections to the provider at once; other requests wait. */
const MAX_SOCKETS = 8

/** The provider does not respond, or says itself that it cannot. */
export class ProviderUnreachable extends Error {}

/**
 * Requests to the provider, in place of the global `fetch`: with CA certificates of its own, of bounded size and
 * number, and without following redirects, so that codes and secrets go to the provider's own addresses only.
 */
export function providerFetch(readCa: () => string | undefined): CustomFetch {
  const agents = { http: newAgent(HttpAgent), tls: newAgent(TlsAgent) }
  return (url, { method, headers, body, signal }) =>
    new Promise((resolve, reject) => {
      const fail = (error: unknown): void => {
        const why = signal?.aborted === true ? 'no response in time' : reasonOf(error)
        reject(new ProviderUnreachable(why))
      }
      const options = { method, headers, ...(signal && { signal }) }
      const ca = readCa()
      const outgoing = url.startsWith('https:')
        ? requestOverTls(url, {
            ...options,
            agent: agents.tls,
            ...(ca !== undefined && { ca: [...rootCertificates, ca] })
          })
        : requestOverHttp(url, { ...options, agent: agents.http })
      outgoing.on('error', fail)
      outgoing.on('response', response => {
        bodyOf(response)
          .then(octets => resolve(responseOf(response, octets)))
          .catch(fail)
      })
      // `openid-client` sends forms, and nothing else.
      outgoing.end(
        body === null || body === undefined ? undefined : (body as URLSearchParams).toString()
      )
    })
}

function newAgent<A>(Agent: new (options: object) => A): A {
  return new Agent({ maxSockets: MAX_SOCKETS, maxTotalSockets: MAX_SOCKETS })
}

async function bodyOf(response: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = []
  let length: Octets = 0
  for await (const chunk of response as AsyncIterable<Buffer>) {
    length += chunk.length
    if (length > MAX_RESPONSE) throw new Error(`response larger than ${MAX_RESPONSE} bytes`)
    chunks.push(chunk)
  }
  return Buffer.concat(chunks)
}

/** @throws ProviderUnreachable */
function responseOf({ statusCode = 0, headers }: IncomingMessage, octets: Buffer): Response {
  if (statusCode >= 500 || statusCode === 429)
    throw new ProviderUnreachable(`HTTP status ${statusCode}`)
  const pairs = Object.entries(headers).map(([name, value]) => [name, String(value)] as const)
  const body = octets.length === 0 ? null : new Uint8Array(octets)
  return new Response(body, { status: statusCode, headers: Object.fromEntries(pairs) })
}
