import type { Octets, Seconds } from '../../../base/units.js'
import { MAX_MESSAGE_SIZE } from '../../../wire/dns/registry/sizes.js'
import { fieldSize, type HeaderField } from '../../../wire/http2/header-field.js'
import { MAX_FIELDS, MEDIA_TYPE, TOO_LONG } from './doh-limits.js'

/** Of HTTP/1.1, or of the connection: RFC 9113 §8.2.2. */
const FORBIDDEN = new Set([
  'connection',
  'proxy-connection',
  'keep-alive',
  'transfer-encoding',
  'upgrade'
])
/** RFC 9110 §15. */
const STATUS = /^[1-9]\d\d$/
const COLON = 0x3a
/** RFC 9110 §15.3.1; no other successful status carries an answer. */
const OK = 200
/** RFC 9110 §15.2.2: HTTP/2 does not use it. RFC 9113 §8.6. */
const SWITCHING_PROTOCOLS = 101

/** The fields of one response at a time. */
export class ResponseFields {
  /** 0: none. */
  status = 0
  /** As sent; undefined: none. */
  contentType: string | undefined
  /** -1: not announced. */
  contentLength: Octets = -1
  /** The time that the response spent in caches. RFC 9111 §5.1. */
  age: Seconds = 0
  private size: Octets = 0
  private isMalformed = false
  private hasRegular = false

  clear(): void {
    this.status = this.age = this.size = 0
    this.contentType = undefined
    this.contentLength = -1
    this.isMalformed = this.hasRegular = false
  }

  /** Adds a field. A function rather than a method, since it is passed on. */
  readonly add = (field: HeaderField): void => {
    const { name, value } = field
    this.size += fieldSize(field)
    if (!field.isValid) this.isMalformed = true
    if (name.charCodeAt(0) === COLON) this.addStatus(name, value)
    else this.addRegular(name, value)
  }

  /** Interim responses come before the response itself, and do not end the stream. RFC 9110 §15.2. */
  get isInterim(): boolean {
    return this.status < 200
  }

  /** Why these cannot be the fields of a response, RFC 9113 §8.1.1 and §8.3.2; undefined: they are. */
  malformation(isLast: boolean): string | undefined {
    if (this.size > MAX_FIELDS) return `header fields of more than ${MAX_FIELDS} octets`
    if (this.isMalformed || this.status === 0 || this.status === SWITCHING_PROTOCOLS)
      return 'malformed header fields'
    return this.isInterim && isLast ? 'only an interim response' : undefined
  }

  /** Why the response is not a DNS message, RFC 8484 §4.2.1; undefined: it may be one. */
  get refusal(): string | undefined {
    const { status, contentType, contentLength } = this
    if (status !== OK) return `status ${status}`
    if (contentType !== MEDIA_TYPE && mediaTypeOf(contentType) !== MEDIA_TYPE)
      return `content type ${contentType ?? 'missing'}`
    return contentLength > MAX_MESSAGE_SIZE ? TOO_LONG : undefined
  }

  /** True if these are as fields behind a body must be: RFC 9113 §8.1. */
  get areTrailers(): boolean {
    return !this.isMalformed && this.status === 0 && this.size <= MAX_FIELDS
  }

  /** Only `:status`, once, and before all others. */
  private addStatus(name: string, value: string): void {
    if (name !== ':status' || this.hasRegular || this.status !== 0 || !STATUS.test(value))
      this.isMalformed = true
    this.status = Number(value) || 0
  }

  private addRegular(name: string, value: string): void {
    this.hasRegular = true
    if (name === 'content-type') this.contentType ??= value
    else if (name === 'content-length') this.setContentLength(value)
    else if (name === 'age') this.age = Number(value) || 0
    else if (FORBIDDEN.has(name)) this.isMalformed = true
  }

  private setContentLength(value: string): void {
    const length = /^\d{1,15}$/.test(value) ? Number(value) : -1
    if (length < 0 || (this.contentLength >= 0 && this.contentLength !== length))
      this.isMalformed = true
    this.contentLength = length
  }
}

/** Without parameters, of which the media type of DNS messages has none. */
function mediaTypeOf(contentType: string | undefined): string | undefined {
  return contentType?.split(';', 1)[0]!.trim().toLowerCase()
}
