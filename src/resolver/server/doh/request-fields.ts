import type { Octets } from '../../../base/units.js'
import { fieldSize, type HeaderField } from '../../../wire/http2/header-field.js'

/** Media type of queries and replies: RFC 8484 §6. */
export const MEDIA_TYPE = 'application/dns-message'
/** Longest list of fields, each counted as in RFC 9113 §6.5.2. */
export const MAX_FIELDS: Octets = 16_384
/** Longest path with its query: queries in GET are shorter, and larger ones can use POST. */
const MAX_TARGET: Octets = 8192
/** Of HTTP/1.1, or of the connection: RFC 9113 §8.2.2. */
const FORBIDDEN = new Set([
  'connection',
  'proxy-connection',
  'keep-alive',
  'transfer-encoding',
  'upgrade'
])

/** Of a client: see `interdict client-token`. */
const TOKEN = /^[\w-]{43}$/

/** HTTP status codes, RFC 9110 §15, of requests that are not answered with a DNS message. */
export const STATUS = {
  badRequest: 400,
  forbidden: 403,
  notFound: 404,
  methodNotAllowed: 405,
  contentTooLarge: 413,
  uriTooLong: 414,
  unsupportedMediaType: 415,
  fieldsTooLarge: 431
} as const

/** The request is malformed, and its stream is to be reset: RFC 9113 §8.1.1. */
export const MALFORMED = -1
/** The query is in `RequestFields.query`. */
export const GET = 0
/** The query is in the body. */
export const POST = 1

/** The fields of one request at a time: which query it has, or why it has none. */
export class RequestFields {
  /** Of GET: the query in base64url. */
  query = ''
  /** Behind the path, as one more segment; empty: none. */
  token = ''
  /** As the client has announced it; -1: not at all. */
  contentLength = -1
  private method = ''
  private scheme = ''
  private target = ''
  private contentType = ''
  private size: Octets = 0
  private isMalformed = false
  private hasRegular = false
  private hasPseudo = false

  private readonly tokenPrefix: string

  /** @param path of DNS queries */
  constructor(private readonly path: string) {
    this.tokenPrefix = path.endsWith('/') ? path : `${path}/`
  }

  clear(): void {
    this.token = this.query = this.method = this.scheme = this.target = this.contentType = ''
    this.contentLength = -1
    this.size = 0
    this.isMalformed = this.hasRegular = this.hasPseudo = false
  }

  /** Adds a field. A function rather than a method, since it is passed on. */
  readonly add = (field: HeaderField): void => {
    const { name, value } = field
    this.size += fieldSize(field)
    if (this.size > MAX_FIELDS) return
    if (!field.isValid) this.isMalformed = true
    if (name.charCodeAt(0) === 0x3a) this.addPseudo(name, value)
    else this.addRegular(name, value)
  }

  /** True if fields behind a body are as they must be: RFC 9113 §8.1. */
  get areTrailers(): boolean {
    return !this.isMalformed && !this.hasPseudo
  }

  /** GET, POST, MALFORMED, or one of STATUS. */
  evaluate(): number {
    if (this.size > MAX_FIELDS) return STATUS.fieldsTooLarge
    const { method, scheme, target } = this
    if (this.isMalformed || method === '' || scheme === '' || target === '') return MALFORMED
    if (target.length > MAX_TARGET) return STATUS.uriTooLong
    const end = target.indexOf('?')
    const path = end < 0 ? target : target.slice(0, end)
    if (path !== this.path && !this.readToken(path)) return STATUS.notFound
    if (method === 'GET') return this.readQuery(end < 0 ? '' : target.slice(end + 1))
    if (method !== 'POST') return STATUS.methodNotAllowed
    return this.contentType === MEDIA_TYPE ? POST : STATUS.unsupportedMediaType
  }

  private readToken(path: string): boolean {
    const token = path.startsWith(this.tokenPrefix) ? path.slice(this.tokenPrefix.length) : ''
    if (!TOKEN.test(token)) return false
    this.token = token
    return true
  }

  /** Each pseudo-header field at most once, and before all others: RFC 9113 §8.3. */
  private addPseudo(name: string, value: string): void {
    this.hasPseudo = true
    if (this.hasRegular) this.isMalformed = true
    if (name === ':method') this.method = this.once(this.method, value)
    else if (name === ':path') this.target = this.once(this.target, value)
    else if (name === ':scheme') this.scheme = this.once(this.scheme, value)
    else if (name !== ':authority') this.isMalformed = true
  }

  private once(before: string, value: string): string {
    if (before !== '') this.isMalformed = true
    return value
  }

  private addRegular(name: string, value: string): void {
    this.hasRegular = true
    if (name === 'content-type') {
      // Without parameters, of which this type has none.
      this.contentType = value === MEDIA_TYPE ? value : value.split(';', 1)[0]!.trim().toLowerCase()
    } else if (name === 'content-length') {
      if (!/^\d{1,9}$/.test(value) || this.contentLength >= 0) this.isMalformed = true
      this.contentLength = Number(value)
    } else if (FORBIDDEN.has(name) || (name === 'te' && value !== 'trailers')) {
      this.isMalformed = true
    }
  }

  /** The variable `dns` of the URI template, base64url without padding: RFC 8484 §4.1, §6. */
  private readQuery(parameters: string): number {
    const parameter = parameters.startsWith('dns=')
      ? parameters.split('&', 1)[0]
      : parameters.split('&').find(one => one.startsWith('dns='))
    const text = parameter?.slice(4) ?? ''
    if (!/^[\w-]+$/.test(text) || text.length % 4 === 1) return STATUS.badRequest
    this.query = text
    return GET
  }
}
