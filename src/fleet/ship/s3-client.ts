import { createHash } from 'node:crypto'
import type { IncomingMessage } from 'node:http'
import type { RequestOptions } from 'node:https'
import type { LookupFunction } from 'node:net'
import { AwsV4Signer } from 'aws4fetch'
import { MAX_SECRET_FILE, readBoundedFile } from '../../base/files/bounded-file.js'
import type { Milliseconds, Octets } from '../../base/units.js'
import type { FleetS3Config } from '../../gateway/config/fleet-config.js'
import { HttpClient } from '../../wire/http/http-client.js'
import type { Pace } from './pace.js'

/** Without any octet for so long, a request has failed. */
const TIMEOUT: Milliseconds = 60_000
const MAX_REPLY: Octets = 4 * 1024 * 1024
const CHUNK: Octets = 128 * 1024

export interface S3Reply {
  readonly status: number
  readonly etag: string
  /** Content-Length. */
  readonly length: number
  readonly text: string
}

/** Requests to one bucket, signed with AWS Signature Version 4, which covers the digest of the body. */
export class S3Client {
  private readonly http: HttpClient

  constructor(
    private readonly config: FleetS3Config,
    private readonly pace: Pace,
    private readonly lookup: LookupFunction
  ) {
    this.http = new HttpClient(config.proxy, { keepAlive: true })
  }

  /** @param key of an object; empty: the bucket itself. Throws an error for any status but those expected. */
  async request(
    method: string,
    key: string,
    query: Readonly<Record<string, string>> = {},
    body: Buffer = Buffer.alloc(0),
    expected: readonly number[] = [200]
  ): Promise<S3Reply> {
    const { endpoint, bucket, region, credentials, caFile } = this.config
    const path = [bucket, ...(key === '' ? [] : key.split('/'))].map(encodeURIComponent).join('/')
    const url = new URL(`/${path}`, endpoint)
    for (const [name, value] of Object.entries(query)) url.searchParams.set(name, value)
    const keys = readKeys((await readBoundedFile(credentials, MAX_SECRET_FILE)).toString())
    const digest = createHash('sha256').update(body).digest('hex')
    const headers = { 'x-amz-content-sha256': digest }
    const signed = await new AwsV4Signer({
      ...{ method, headers, region, ...keys },
      ...{ url: url.href, service: 's3' }
    }).sign()
    const ca = caFile === undefined ? undefined : await readBoundedFile(caFile, MAX_SECRET_FILE)
    const reply = await this.send(
      signed.url,
      {
        method,
        headers: { ...Object.fromEntries(signed.headers), 'content-length': body.length },
        lookup: this.lookup,
        ...(ca !== undefined && { ca })
      },
      body
    )
    if (expected.includes(reply.status)) return reply
    const [code, message] = ['Code', 'Message'].map(tag => textOf(reply.text, tag))
    throw new Error(`${reply.status} ${code ?? ''}: ${message ?? `${method} ${url.pathname}`}`)
  }

  private async send(url: URL, options: RequestOptions, body: Buffer): Promise<S3Reply> {
    const { outgoing: request, response } = this.http.start(url, { ...options, timeout: TIMEOUT })
    request.on('timeout', () => request.destroy(new Error('timed out')))
    for (let at = 0; at < body.length && !request.destroyed; at += CHUNK) {
      const chunk = body.subarray(at, at + CHUNK)
      const begun = performance.now()
      await new Promise<void>(resolve => request.write(chunk, () => resolve()))
      await this.pace.after(chunk.length, performance.now() - begun)
    }
    request.end()
    return readReply(await response)
  }
}

async function readReply(response: IncomingMessage): Promise<S3Reply> {
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of response) {
    size += (chunk as Buffer).length
    if (size > MAX_REPLY) throw new Error('the reply is too large')
    chunks.push(chunk as Buffer)
  }
  return {
    status: response.statusCode ?? 0,
    etag: response.headers.etag ?? '',
    length: Number(response.headers['content-length'] ?? -1),
    text: Buffer.concat(chunks).toString()
  }
}

/** Reads a file as the tools of AWS write it: `aws_access_key_id = ...` in a line. */
function readKeys(text: string) {
  const value = (name: string): string | undefined =>
    new RegExp(String.raw`^\s*${name}\s*=\s*(\S+)\s*$`, 'm').exec(text)?.[1]
  const accessKeyId = value('aws_access_key_id')
  const secretAccessKey = value('aws_secret_access_key')
  const sessionToken = value('aws_session_token')
  if (accessKeyId === undefined || secretAccessKey === undefined)
    throw new Error('the credentials have no aws_access_key_id and aws_secret_access_key')
  return { accessKeyId, secretAccessKey, ...(sessionToken !== undefined && { sessionToken }) }
}

/** Text of the first element of this name in the XML of S3, which has no attributes there. */
export function textOf(xml: string, tag: string): string | undefined {
  const found = new RegExp(`<${tag}>([^<]*)</${tag}>`).exec(xml)?.[1]
  return found?.replaceAll('&quot;', '"').replaceAll('&lt;', '<').replaceAll('&amp;', '&')
}

/** The elements of this name, each with its content. */
export function elementsOf(xml: string, tag: string): string[] {
  return [...xml.matchAll(new RegExp(`<${tag}>(.*?)</${tag}>`, 'gs'))].map(([, inner]) => inner!)
}
