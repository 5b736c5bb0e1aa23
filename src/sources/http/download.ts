import { open } from 'node:fs/promises'
import { request as requestOverHttp, type ClientRequest, type IncomingMessage } from 'node:http'
import { request as requestOverTls } from 'node:https'
import type { LookupFunction } from 'node:net'
import { rootCertificates } from 'node:tls'
import { fileURLToPath } from 'node:url'
import { failure, InterdictError } from '../../base/error.js'
import type { Milliseconds, Octets } from '../../base/units.js'
import { packageVersion } from '../../base/version.js'
import { decompress } from '../../rules/lists/decompress.js'

const MAX_REDIRECTS = 5
const REDIRECTS = [301, 302, 303, 307, 308]

/** By what a server knows the state of a file that we have. RFC 9110 §8.8. */
export interface Validators {
  readonly etag?: string | undefined
  readonly lastModified?: string | undefined
}

export interface DownloadOptions {
  readonly lookup: LookupFunction
  /** Certificates (PEM) that are trusted beside those that Node knows; undefined: no others. */
  readonly ca: string | undefined
  /** For all of it, redirects and all. */
  readonly timeout: Milliseconds
  readonly maxSize: Octets
  /** Of the state that we have. */
  readonly known?: Validators
  /** Told how much is here. @param total undefined where the server does not say */
  readonly progress?: (octets: Octets, total: Octets | undefined) => void
}

export type Download =
  | { readonly kind: 'unchanged' }
  | { readonly kind: 'file'; readonly octets: Uint8Array; readonly validators: Validators }

/**
 * Gets a file, whole or not at all: within a time, no larger than it may be, and over no more than
 * five redirects, of which none leads from https to http.
 *
 * @throws InterdictError REMOTE_FETCH, REMOTE_STATUS, REMOTE_REDIRECT, REMOTE_LARGE, REMOTE_TIMEOUT,
 *   REMOTE_NAME
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
  for (let hops = 0; ; hops++) {
    const response = await sendRequest(url, options, signal)
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
  if (location === undefined || !URL.canParse(location, url)) return refuse('a redirect to nowhere')
  const { protocol, href } = new URL(location, url)
  if (protocol === 'https:') return href
  if (protocol !== 'http:') return refuse(`a redirect to ${protocol}`)
  return url.startsWith('https:') ? refuse('a redirect from https to http') : href
}

function sendRequest(
  url: string,
  { lookup, ca, known = {} }: DownloadOptions,
  signal: AbortSignal
): Promise<IncomingMessage> {
  const headers = {
    'user-agent': `interdict/${packageVersion()}`,
    accept: '*/*',
    'accept-encoding': 'gzip',
    ...(known.etag !== undefined && { 'if-none-match': known.etag }),
    ...(known.lastModified !== undefined && { 'if-modified-since': known.lastModified })
  }
  return new Promise((resolve, reject) => {
    const parts = { headers, lookup, signal, agent: false } as const
    const asked: ClientRequest = url.startsWith('https:')
      ? requestOverTls(url, {
          ...parts,
          ...(ca !== undefined && { ca: [...rootCertificates, ca] })
        })
      : requestOverHttp(url, parts)
    asked.on('response', resolve).on('error', reject).end()
  })
}

async function readResponse(
  url: string,
  response: IncomingMessage,
  { maxSize: most, known, progress }: DownloadOptions
): Promise<Download> {
  const { statusCode = 0, headers } = response
  const isAsked = known?.etag !== undefined || known?.lastModified !== undefined
  if (statusCode === 304 && isAsked) {
    response.destroy()
    return { kind: 'unchanged' }
  }
  if (statusCode !== 200) {
    response.destroy()
    throw failure('REMOTE_STATUS', url, statusCode)
  }
  const body = await readBody(url, response, most, progress)
  const octets = await decodeBody(url, body, headers['content-encoding'], most)
  const { etag, 'last-modified': lastModified } = headers
  return { kind: 'file', octets, validators: { etag, lastModified } }
}

/** Node says by itself where less comes than the server has said. */
async function readBody(
  url: string,
  response: IncomingMessage,
  most: Octets,
  progress: DownloadOptions['progress']
): Promise<Uint8Array> {
  const said = response.headers['content-length']
  const total = said === undefined ? undefined : Number(said)
  const pieces: Buffer[] = []
  let length: Octets = 0
  if ((total ?? 0) > most) {
    response.destroy()
    throw failure('REMOTE_LARGE', url, most)
  }
  for await (const piece of response as AsyncIterable<Buffer>) {
    length += piece.length
    // Leaving the loop closes the connection.
    if (length > most) throw failure('REMOTE_LARGE', url, most)
    pieces.push(piece)
    progress?.(length, total)
  }
  if (!response.complete) throw failure('REMOTE_FETCH', url, 'it ends too early')
  return Buffer.concat(pieces)
}

/** A file that is packed itself stays so: what is undone is what the server did for the way. */
async function decodeBody(
  url: string,
  body: Uint8Array,
  encoding: string | undefined,
  most: Octets
): Promise<Uint8Array> {
  if (encoding === undefined || encoding === 'identity') return body
  if (encoding !== 'gzip' && encoding !== 'x-gzip') {
    throw failure('REMOTE_FETCH', url, `it comes in the encoding ${encoding}`)
  }
  const { octets, why } = await decompress(body, most)
  if (octets !== undefined) return octets
  if (why === undefined) throw failure('REMOTE_LARGE', url, most)
  throw failure('REMOTE_FETCH', url, `it cannot be unpacked: ${why}`)
}

async function readLocalFile(url: string, most: Octets): Promise<Download> {
  let octets: Uint8Array
  try {
    const file = await open(fileURLToPath(url))
    try {
      const stat = await file.stat()
      if (!stat.isFile()) throw failure('REMOTE_FETCH', url, 'it is no regular file')
      if (stat.size > most) throw failure('REMOTE_LARGE', url, most)
      octets = await file.readFile()
    } finally {
      await file.close()
    }
  } catch (error) {
    if (error instanceof InterdictError) throw error
    throw failure('REMOTE_FETCH', url, reasonOf(error))
  }
  if (octets.length > most) throw failure('REMOTE_LARGE', url, most)
  return { kind: 'file', octets, validators: {} }
}

function reasonOf(error: unknown): string {
  if (error instanceof AggregateError && error.message === '') {
    return error.errors.map(reasonOf).join('; ')
  }
  return error instanceof Error ? error.message : String(error)
}
