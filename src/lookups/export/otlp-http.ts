import type { IncomingMessage } from 'node:http'
import { promisify } from 'node:util'
import { constants, gzip } from 'node:zlib'
import { MAX_SECRET_FILE, readBoundedFileSync } from '../../base/files/bounded-file.js'
import type { Milliseconds, Octets } from '../../base/units.js'
import { HttpClient } from '../../wire/http/http-client.js'
import type { OutputConfig } from '../settings/output-config.js'
import {
  readCredentials,
  RejectedLookups,
  SEND_TIMEOUT,
  RetryLater,
  withTimeout,
  type Connection
} from './output-connection.js'
import { exportRequest } from './otlp.js'

/**
 * Retryable status codes; after other errors, the request must not be sent again: OTLP 1.5,
 * "Failures".
 */
const RETRYABLE = [429, 502, 503, 504]
/** Upper limit for Retry-After. */
const MAX_RETRY_AFTER: Milliseconds = 600_000
/** Limit for the response body; rejections are described in a few words. */
const MAX_RESPONSE: Octets = 64 * 1024

interface Response {
  readonly status: number
  readonly retryAfter: string | undefined
  readonly body: string
}

/**
 * OTLP over HTTP/1.1 with JSON. Each block of lookups is one request; only one is in flight at a
 * time. It is done when the receiver has confirmed it.
 */
export function openOtlp({ to, tls, headers, compression, proxy }: OutputConfig): Connection {
  const isSecure = to.kind === 'https'
  const secure = isSecure ? { ...readCredentials(tls), servername: tls.serverName } : {}
  const client = new HttpClient(proxy, { keepAlive: true, maxSockets: 1 })
  const host = to.host.includes(':') ? `[${to.host}]` : to.host
  const url = `${to.kind}://${host}:${to.port}${to.path}`
  const options = {
    ...{ method: 'POST', ...secure },
    headers: {
      ...{ ...readHeaders(headers), 'content-type': 'application/json' },
      ...(compression === 'gzip' && { 'content-encoding': 'gzip' })
    }
  }
  const post = async (body: Buffer): Promise<Response> => {
    const { outgoing, response } = client.start(url, options)
    outgoing.end(body)
    try {
      return await withTimeout(SEND_TIMEOUT, 'sending', response.then(readResponse))
    } catch (error) {
      outgoing.destroy()
      // The receiver closed an idle connection at this very moment; it has not seen the request.
      if (outgoing.reusedSocket && isReset(error)) return post(body)
      throw error
    }
  }
  return {
    send: async messages => {
      if (messages.length === 0) return
      const body = exportRequest(messages)
      checkResponse(
        await post(compression === 'gzip' ? await compress(body) : body),
        messages.length
      )
    },
    close: () => {
      client.close()
      return Promise.resolve()
    }
  }
}

/** Runs in Node's thread pool. */
function compress(body: Buffer): Promise<Buffer> {
  return promisify(gzip)(body, { level: constants.Z_BEST_SPEED })
}

function isReset(error: unknown): boolean {
  return (error as NodeJS.ErrnoException).code === 'ECONNRESET'
}

async function readResponse(response: IncomingMessage): Promise<Response> {
  let body = Buffer.alloc(0)
  for await (const chunk of response as AsyncIterable<Buffer>) {
    if (body.length < MAX_RESPONSE) body = Buffer.concat([body, chunk])
  }
  const { statusCode = 0, headers } = response
  return { status: statusCode, retryAfter: headers['retry-after'], body: body.toString() }
}

/** @throws RetryLater, RejectedLookups; any other error if the receiver does not speak OTLP */
function checkResponse({ status, retryAfter, body }: Response, lookups: number): void {
  const why = `HTTP status ${status} ${messageOf(body)}`.trim()
  if (status >= 200 && status < 300) return checkPartialSuccess(body)
  if (RETRYABLE.includes(status)) throw new RetryLater(why, retryDelay(retryAfter))
  if (status >= 400) throw new RejectedLookups(why, lookups)
  throw new Error(why)
}

/** The request was accepted, but some records may be rejected, which must not be sent again. */
function checkPartialSuccess(body: string): void {
  const { partialSuccess } = parseBody(body)
  const { rejectedLogRecords = 0, errorMessage = '' } = partialSuccess ?? {}
  const rejected = Number(rejectedLogRecords)
  if (rejected > 0) throw new RejectedLookups(`some records rejected: ${errorMessage}`, rejected)
}

interface OtlpResponse {
  /** Of the Status in error responses. */
  readonly message?: unknown
  readonly partialSuccess?: { rejectedLogRecords?: string | number; errorMessage?: string } | null
}

function parseBody(body: string): OtlpResponse {
  try {
    return (JSON.parse(body) as OtlpResponse | null) ?? {}
  } catch {
    return {}
  }
}

function messageOf(body: string): string {
  const { message } = parseBody(body)
  return typeof message === 'string' ? message.slice(0, 200) : ''
}

/** Seconds or a date. RFC 9110 §10.2.3. */
function retryDelay(retryAfter: string | undefined): Milliseconds {
  if (retryAfter === undefined) return 0
  const seconds = Number(retryAfter)
  const wait = Number.isNaN(seconds) ? Date.parse(retryAfter) - Date.now() : 1000 * seconds
  return wait > 0 ? Math.min(wait, MAX_RETRY_AFTER) : 0
}

/** Reads lines of `Name: value`; ignores other lines. */
function readHeaders(file: string): Readonly<Record<string, string>> {
  if (file === '') return {}
  const lines = readBoundedFileSync(file, MAX_SECRET_FILE).toString().split(/\r?\n/)
  const matches = lines.map(line => /^([!#$%&'*+.^_`|~\w-]+):[ \t]*(.*?)[ \t]*$/.exec(line))
  return Object.fromEntries(matches.flatMap(match => (match ? [[match[1]!, match[2]!]] : [])))
}
