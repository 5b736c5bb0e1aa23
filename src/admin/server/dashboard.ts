import type { IncomingMessage, ServerResponse } from 'node:http'
import { brotliDecompressSync } from 'node:zlib'
import { isUnchanged, SECURITY_HEADERS } from '../http/headers.js'

/** A file of the dashboard, compressed when it was built. */
export interface Asset {
  /** Where it is served: one path with a hash of the content, or the paths of all pages. */
  readonly paths: readonly string[]
  readonly type: string
  /** Base64 of the content with each coding. RFC 7932, RFC 1952 */
  readonly br: string
  readonly gzip: string
  /** An entity tag, without quotes. RFC 9110 §8.8.3 */
  readonly etag: string
}

/**
 * Nothing from elsewhere, nothing inline, no string as a script: CSP Level 3, Trusted Types. `data:` is the icon of
 * a select box. One policy may parse strings: that for stored reports, in a document that runs nothing.
 */
const POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "connect-src 'self'",
  "img-src 'self' data:",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
  "require-trusted-types-for 'script'",
  'trusted-types stored-report'
].join('; ')

const HEADERS = {
  ...SECURITY_HEADERS,
  'content-security-policy': POLICY,
  'cross-origin-opener-policy': 'same-origin',
  'permissions-policy': 'camera=(), geolocation=(), microphone=()'
}
/** RFC 8246: the path changes with the content. */
const IMMUTABLE = 'public, max-age=31536000, immutable'
/** Pages are asked for each time, and usually answered 304. */
const REVALIDATE = 'no-cache'

type Coding = 'br' | 'gzip' | 'identity'

/** Serves the files of the dashboard from memory, so that a replaced package does not change them while this version runs. */
export class Dashboard {
  private readonly assets: ReadonlyMap<string, Asset>
  /** By coding and entity tag. */
  private readonly octets = new Map<string, Buffer>()

  /** @param headers of every response, in addition to the headers of the dashboard */
  constructor(
    assets: readonly Asset[],
    private readonly headers: Readonly<Record<string, string>> = {}
  ) {
    this.assets = new Map(assets.flatMap(asset => asset.paths.map(path => [path, asset])))
  }

  /** Whether there is a file or page at this path. */
  has(path: string): boolean {
    return this.assets.has(path)
  }

  /** @param path one that it has */
  serve(path: string, request: IncomingMessage, response: ServerResponse): void {
    const asset = this.assets.get(path)!
    const coding = codingFor(request.headers['accept-encoding'] ?? '')
    const octets = this.octetsOf(asset, coding)
    // One tag for each coding: RFC 9110 §8.8.3.3.
    const etag = `"${asset.etag}-${coding}"`
    const isKnown = isUnchanged(request, etag)
    // A body that nobody reads would keep the connection busy.
    request.resume()
    response.writeHead(isKnown ? 304 : 200, {
      ...HEADERS,
      ...this.headers,
      'cache-control': asset.paths.length === 1 ? IMMUTABLE : REVALIDATE,
      'content-type': asset.type,
      etag,
      vary: 'accept-encoding',
      ...(coding !== 'identity' && { 'content-encoding': coding }),
      ...(!isKnown && { 'content-length': octets.length })
    })
    response.end(isKnown || request.method === 'HEAD' ? undefined : octets)
  }

  private octetsOf({ br, gzip, etag }: Asset, coding: Coding): Buffer {
    const key = `${coding} ${etag}`
    const known = this.octets.get(key)
    if (known !== undefined) return known
    const packed = Buffer.from(coding === 'gzip' ? gzip : br, 'base64')
    const octets = coding === 'identity' ? brotliDecompressSync(packed) : packed
    this.octets.set(key, octets)
    return octets
  }
}

/** The best coding that the client accepts. RFC 9110 §12.5.3 */
function codingFor(accepted: string): Coding {
  const wanted = accepted
    .toLowerCase()
    .split(',')
    .map(part => part.trim())
    .filter(part => !/;\s*q=0(\.0*)?$/.test(part))
    .map(part => part.split(';', 1)[0]!.trim())
  return (['br', 'gzip'] as const).find(coding => wanted.includes(coding)) ?? 'identity'
}
