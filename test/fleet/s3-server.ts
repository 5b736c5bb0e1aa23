import { createHash, createHmac, randomBytes } from 'node:crypto'
import { createServer, type IncomingHttpHeaders, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Test } from 'tap'

export const ACCESS = {
  id: 'AKIAIOSFODNN7EXAMPLE',
  secret: 'wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY'
}

const sha256 = (octets: Uint8Array | string): string =>
  createHash('sha256').update(octets).digest('hex')

/** A signed request, as it arrived. */
export interface SignedRequest {
  readonly method: string
  /** Path and query. */
  readonly url: string
  readonly headers: IncomingHttpHeaders
  readonly body: Uint8Array
}

/** RFC 3986 §2.3: all but unreserved characters are encoded. */
const encode = (text: string): string =>
  encodeURIComponent(text).replaceAll(
    /[!'()*]/g,
    c => `%${c.charCodeAt(0).toString(16).toUpperCase()}`
  )

/**
 * The signature that a request must have, from the description of AWS alone ("Authenticating Requests: Using the
 * Authorization Header (AWS Signature Version 4)"), without code of the client.
 */
export function signatureOf({ method, url, headers, body }: SignedRequest): string {
  const { authorization = '' } = headers
  const scope = /Credential=[^/]+\/([^,]+)/.exec(authorization)?.[1] ?? ''
  const signed = /SignedHeaders=([^,]+)/.exec(authorization)?.[1] ?? ''
  const [path = '', query = ''] = url.split('?')
  const parameters = query === '' ? [] : query.split('&').map(one => one.split('='))
  const canonical = [
    method,
    decodeURIComponent(path).split('/').map(encode).join('/'),
    parameters
      .map(
        ([name = '', value = '']) =>
          `${encode(decodeURIComponent(name))}=${encode(decodeURIComponent(value))}`
      )
      .sort()
      .join('&'),
    ...signed.split(';').map(name => `${name}:${String(headers[name]).trim()}`),
    '',
    signed,
    sha256(body)
  ]
  const text = ['AWS4-HMAC-SHA256', headers['x-amz-date'], scope, sha256(canonical.join('\n'))]
  const hmac = (key: Uint8Array | string, data: string): Buffer =>
    createHmac('sha256', key).update(data).digest()
  const key = scope.split('/').reduce<Buffer | string>(hmac, `AWS4${ACCESS.secret}`)
  return hmac(key, text.join('\n')).toString('hex')
}

/** The part of an S3 service that is used, with one bucket. It checks every signature and digest. */
export class S3Server {
  readonly objects = new Map<string, Buffer>()
  readonly uploads = new Map<string, { key: string; parts: Map<number, Buffer> }>()
  /** Requests with a body that arrived as a whole. */
  readonly puts: string[] = []
  refused = 0
  /** Called before each request; true: the connection is cut. */
  cut: (method: string, url: string) => boolean = () => false
  private readonly server = createServer((request, response) => {
    void bodyOf(request).then(
      body => {
        const { method = '', url = '', headers } = request
        if (this.cut(method, url)) {
          request.socket.destroy()
          return
        }
        const signature = /Signature=([0-9a-f]{64})/.exec(headers.authorization ?? '')?.[1]
        const isGood = signature === signatureOf({ method, url, headers, body })
        if (!isGood || headers['x-amz-content-sha256'] !== sha256(body)) {
          this.refused++
          response
            .writeHead(403)
            .end('<Error><Code>SignatureDoesNotMatch</Code><Message>no &amp; no</Message></Error>')
          return
        }
        const { status, text = '', etag } = this.answer(method, new URL(url, 'http://x'), body)
        const size = method === 'HEAD' && status === 200 ? text : String(Buffer.byteLength(text))
        const own = { 'content-length': size, ...(etag !== undefined && { etag }) }
        response.writeHead(status, own).end(method === 'HEAD' ? undefined : text)
      },
      () => undefined
    )
  })

  async start(t: Test): Promise<string> {
    await new Promise<void>(resolve => this.server.listen(0, '127.0.0.1', resolve))
    t.teardown(() => {
      this.server.closeAllConnections()
      this.server.close()
    })
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`
  }

  private answer(
    method: string,
    url: URL,
    body: Buffer
  ): { status: number; text?: string; etag?: string } {
    const [, bucket, ...rest] = url.pathname.split('/').map(decodeURIComponent)
    const key = rest.join('/')
    const { searchParams: query } = url
    if (bucket !== 'logs') return { status: 404, text: '<Error><Code>NoSuchBucket</Code></Error>' }
    const uploadId = query.get('uploadId') ?? ''
    const upload = this.uploads.get(uploadId)
    if (body.length > 0) this.puts.push(`${method} ${key} ${query.get('partNumber') ?? ''}`.trim())
    if (query.has('uploads'))
      return method === 'POST' ? this.begin(key) : this.listUploads(query.get('prefix') ?? '')
    if (query.has('list-type')) {
      const keys = [...this.objects.keys()].filter(one => one.startsWith(query.get('prefix') ?? ''))
      return {
        status: 200,
        text: keys.map(one => `<Contents><Key>${one}</Key></Contents>`).join('')
      }
    }
    if (upload !== undefined) {
      if (method === 'POST') return this.complete(uploadId, body.toString())
      if (method === 'GET') {
        const parts = [...upload.parts].map(
          ([n, octets]) =>
            `<Part><PartNumber>${n}</PartNumber><ETag>&quot;${sha256(octets)}&quot;</ETag></Part>`
        )
        return { status: 200, text: parts.join('') }
      }
      upload.parts.set(Number(query.get('partNumber')), body)
      return { status: 200, etag: `"${sha256(body)}"` }
    }
    if (method === 'PUT') this.objects.set(key, body)
    if (method === 'DELETE') {
      this.objects.delete(key)
      return { status: 204 }
    }
    const object = this.objects.get(key)
    return object === undefined ? { status: 404 } : { status: 200, text: String(object.length) }
  }

  private begin(key: string) {
    const id = randomBytes(8).toString('hex')
    this.uploads.set(id, { key, parts: new Map() })
    return { status: 200, text: `<UploadId>${id}</UploadId>` }
  }

  private listUploads(prefix: string) {
    const all = [...this.uploads].filter(([, { key }]) => key.startsWith(prefix))
    const text = all.map(
      ([id, { key }]) => `<Upload><Key>${key}</Key><UploadId>${id}</UploadId></Upload>`
    )
    return { status: 200, text: text.join('') }
  }

  private complete(id: string, body: string) {
    const { key, parts } = this.uploads.get(id)!
    const named = [...body.matchAll(/<PartNumber>(\d+)<\/PartNumber><ETag>"([0-9a-f]+)"<\/ETag>/g)]
    const octets = named.map(([, n, etag]) => {
      const part = parts.get(Number(n))
      return part !== undefined && sha256(part) === etag ? part : undefined
    })
    if (octets.includes(undefined))
      return { status: 200, text: '<Error><Message>InvalidPart</Message></Error>' }
    this.objects.set(key, Buffer.concat(octets as Buffer[]))
    this.uploads.delete(id)
    return { status: 200 }
  }
}

async function bodyOf(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = []
  for await (const chunk of request) chunks.push(chunk as Buffer)
  return Buffer.concat(chunks)
}
