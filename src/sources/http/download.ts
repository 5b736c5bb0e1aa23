import type { IncomingHttpHeaders, IncomingMessage } from 'node:http'
import type { LookupFunction } from 'node:net'
import { fileURLToPath } from 'node:url'
import { FileTooLarge, readBoundedFile } from '../../base/files/bounded-file.js'
import { failure, InterdictError } from '../../base/errors/error.js'
import type { Milliseconds, Octets } from '../../base/units.js'
import { packageVersion } from '../../base/package.js'
import { reasonOf } from '../../base/errors/reason.js'
import { decompress } from '../../policy/rules/lists/decompress.js'
import { RedirectGuard } from './redirect-guard.js'
import { HttpClient } from '../../wire/http/http-client.js'
import { proxyFor, type HttpProxy } from '../../wire/http/http-proxy.js'
import { contextTrusting } from '../../wire/tls/trusting-context.js'

const MAX_REDIRECTS = 5
const REDIRECTS = [301, 302, 303, 307, 308]

/** Validators for a conditional request. RFC 9110 §8.8. */
export interface Validators {
  readonly etag?: string | undefined
  readonly lastModified?: string | undefined
}

export interface DownloadOptions {
  readonly lookup: LookupFunction
  /** Additional trusted certificates (PEM); undefined: only those built into Node. */
  readonly ca: string | undefined
  readonly proxy?: HttpProxy | undefined
  /** Headers for a host as in a URL (`host:port`): other hosts, also after a redirect, do not get them. */
  readonly headersFor?: ((host: string) => Readonly<Record<string, string>>) | undefined
  /** For the whole download, including redirects. */
  readonly timeout: Milliseconds
  readonly maxSize: Octets
  /** JSON to send, by POST; undefined: GET. */
  readonly body?: Uint8Array
  /** Of the copy already present. */
  readonly known?: Validators
  /** Reports progress. @param total undefined if the server does not send it */
  readonly progress?: (octets: Octets, total: Octets | undefined) => void
  /** For tests: whether an address is not in the Internet. */
  readonly isInternal?: (address: string) => boolean
}

export type Download =
  | { readonly kind: 'unchanged' }
  | {
      readonly kind: 'file'
      readonly octets: Uint8Array
      readonly validators: Validators
      readonly headers: IncomingHttpHeaders
    }

/**
 * Downloads a file completely, within the time and size limits and over at most five redirects,
 * none of which may lead from https to http, or from the Internet to an internal address.
 *
 * @throws InterdictError REMOTE_FETCH, REMOTE_STATUS, REMOTE_REDIRECT, REMOTE_LARGE,
 *   REMOTE_TIMEOUT, REMOTE_NAME, PROXY_CONNECT, PROXY_REFUSED, PROXY_FILE
 */
export async function download(url: string, options: DownloadOptions): Promise<Download> {
  if (url.startsWith('file:')) return readLocalFile(url, options.maxSize)
  const signal = AbortSignal.timeout(options.timeout)
  try {
    return await follow(url, options, signal)
  } catch (error) {
    if (signal.aborted) throw failure('REMOTE_TIMEOUT', url, options.timeout)
    if (error instanceof InterdictError) throw error
    throw failure('REMOTE_FETCH', url, reasonOf(error))
  }
}

async function follow(
  first: string,
  options: DownloadOptions,
  signal: AbortSignal
): Promise<Download> {
  let url = first
  const guard = new RedirectGuard(
    options.lookup,
    why => failure('REMOTE_REDIRECT', first, why),
    options.isInternal
  )
  for (let hops = 0; ; hops++) {
    const isProxied = proxyFor(options.proxy, new URL(url).hostname) !== undefined
    if (isProxied) await guard.checkThroughProxy(url)
    else guard.check(url)
    const lookup = isProxied ? options.lookup : guard.lookup
    const response = await sendRequest(url, { ...options, lookup }, signal)
    if (!isProxied) guard.onResponse(response)
    const { statusCode = 0, headers } = response
    if (!REDIRECTS.includes(statusCode)) return readResponse(first, response, options)
    response.destroy()
    if (hops === MAX_REDIRECTS) {
      throw failure('REMOTE_REDIRECT', first, `more than ${MAX_REDIRECTS} redirects`)
    }
    url = redirectTarget(first, url, headers.location)
  }
}

function redirectTarget(first: string, url: string, location: string | undefined): string {
  const refuse = (why: string): never => {
    throw failure('REMOTE_REDIRECT', first, why)
  }
  if (location === undefined || !URL.canParse(location, url))
    return refuse('redirect without a valid location')
  const { protocol, href } = new URL(location, url)
  if (protocol === 'https:') return href
  if (protocol !== 'http:') return refuse(`redirect to ${protocol}`)
  return url.startsWith('https:') ? refuse('redirect from https to http') : href
}

function sendRequest(
  url: string,
  { lookup, ca, proxy, headersFor, body, known = {} }: DownloadOptions,
  signal: AbortSignal
): Promise<IncomingMessage> {
  const { protocol, host } = new URL(url)
  const headers = {
    // In clear text, everybody on the way could read them.
    ...(protocol === 'https:' && headersFor?.(host)),
    'user-agent': `interdict/${packageVersion()}`,
    accept: body === undefined ? '*/*' : 'application/json',
    'accept-encoding': 'gzip',
    ...(body !== undefined && { 'content-type': 'application/json' }),
    ...(known.etag !== undefined && { 'if-none-match': known.etag }),
    ...(known.lastModified !== undefined && { 'if-modified-since': known.lastModified })
  }
  const method = body === undefined ? 'GET' : 'POST'
  const trust = ca === undefined ? {} : { secureContext: contextTrusting(ca) }
  const { outgoing, response } = new HttpClient(proxy).start(url, {
    ...{ method, headers, lookup, signal },
    ...trust
  })
  outgoing.end(body)
  return response
}

async function readResponse(
  url: string,
  response: IncomingMessage,
  { maxSize: maxSize, known, progress }: DownloadOptions
): Promise<Download> {
  const { statusCode = 0, headers } = response
  const isConditional = known?.etag !== undefined || known?.lastModified !== undefined
  if (statusCode === 304 && isConditional) {
    response.destroy()
    return { kind: 'unchanged' }
  }
  if (statusCode !== 200) {
    response.destroy()
    throw failure('REMOTE_STATUS', url, statusCode)
  }
  const body = await readBody(url, response, maxSize, progress)
  const octets = await decodeBody(url, body, headers['content-encoding'], maxSize)
  const { etag, 'last-modified': lastModified } = headers
  return { kind: 'file', octets, validators: { etag, lastModified }, headers }
}

/** Node reports a body shorter than announced as an error. */
async function readBody(
  url: string,
  response: IncomingMessage,
  maxSize: Octets,
  progress: DownloadOptions['progress']
): Promise<Uint8Array> {
  const said = response.headers['content-length']
  const total = said === undefined ? undefined : Number(said)
  const pieces: Buffer[] = []
  let length: Octets = 0
  if ((total ?? 0) > maxSize) {
    response.destroy()
    throw failure('REMOTE_LARGE', url, maxSize)
  }
  for await (const piece of response as AsyncIterable<Buffer>) {
    length += piece.length
    // Leaving the loop closes the connection.
    if (length > maxSize) throw failure('REMOTE_LARGE', url, maxSize)
    pieces.push(piece)
    progress?.(length, total)
  }
  if (!response.complete) throw failure('REMOTE_FETCH', url, 'file is truncated')
  return Buffer.concat(pieces)
}

/** Only undoes the content encoding of the transfer: a compressed file stays compressed. */
async function decodeBody(
  url: string,
  body: Uint8Array,
  encoding: string | undefined,
  maxSize: Octets
): Promise<Uint8Array> {
  if (encoding === undefined || encoding === 'identity') return body
  if (encoding !== 'gzip' && encoding !== 'x-gzip') {
    throw failure('REMOTE_FETCH', url, `unsupported content encoding ${encoding}`)
  }
  const { octets, why } = await decompress(body, maxSize)
  if (octets !== undefined) return octets
  if (why === undefined) throw failure('REMOTE_LARGE', url, maxSize)
  throw failure('REMOTE_FETCH', url, `cannot decompress: ${why}`)
}

async function readLocalFile(url: string, maxSize: Octets): Promise<Download> {
  try {
    const octets = await readBoundedFile(fileURLToPath(url), maxSize)
    return { kind: 'file', octets, validators: {}, headers: {} }
  } catch (error) {
    if (error instanceof FileTooLarge) throw failure('REMOTE_LARGE', url, maxSize)
    throw failure('REMOTE_FETCH', url, reasonOf(error))
  }
}
