import type { IncomingMessage } from 'node:http'
import { rootCertificates } from 'node:tls'
import type { CustomFetch } from 'openid-client'
import { reasonOf } from '../../base/errors/reason.js'
import type { Octets } from '../../base/units.js'
import { HttpClient } from '../../wire/http/http-client.js'
import type { HttpProxy } from '../../wire/http/http-proxy.js'

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
export function providerFetch(readCa: () => string | undefined, proxy?: HttpProxy): CustomFetch {
  const client = new HttpClient(proxy, { maxSockets: MAX_SOCKETS, maxTotalSockets: MAX_SOCKETS })
  return async (url, { method, headers, body, signal }) => {
    const ca = readCa()
    try {
      const { outgoing, response } = client.start(url, {
        ...{ method, headers },
        ...(signal && { signal }),
        ...(ca !== undefined && { ca: [...rootCertificates, ca] })
      })
      // `openid-client` sends forms, and nothing else.
      outgoing.end(
        body === null || body === undefined ? undefined : (body as URLSearchParams).toString()
      )
      const received = await response
      return responseOf(received, await bodyOf(received))
    } catch (error) {
      if (error instanceof ProviderUnreachable) throw error
      const why = signal?.aborted === true ? 'no response in time' : reasonOf(error)
      throw new ProviderUnreachable(why)
    }
  }
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
