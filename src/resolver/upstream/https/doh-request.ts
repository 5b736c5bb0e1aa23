import { constants, type ClientHttp2Session, type ClientHttp2Stream } from 'node:http2'
import { failure, type InterdictError } from '../../../base/errors/error.js'
import { reduceTtls } from '../../../wire/dns/message/reduce-ttls.js'
import { HEADER_SIZE, MAX_MESSAGE_SIZE } from '../../../wire/dns/registry/sizes.js'

/** RFC 8484 §6. */
const MEDIA_TYPE = 'application/dns-message'
/** RFC 9110 §15.3.1; of the other successful ones, none carries an answer. */
const OK = 200

/** Exactly one of these is called, unless the request is cancelled. */
export interface DohListener {
  /** @param message at least a header, and complete records; its TTLs are of now */
  onMessage(message: Uint8Array): void
  /** The response is not a DNS message. */
  onBadResponse(error: InterdictError): void
  /** The stream ended without a response. */
  onLost(): void
}

/** One DNS query over HTTP: a POST request. RFC 8484 §4.1. */
export class DohRequest {
  private readonly stream: ClientHttp2Stream
  private readonly chunks: Buffer[] = []
  private size = 0
  /** In seconds. RFC 9111 §5.1. */
  private age = 0
  private isDone = false

  constructor(
    session: ClientHttp2Session,
    authority: string,
    path: string,
    query: Uint8Array,
    private readonly listener: DohListener
  ) {
    const stream = (this.stream = session.request({
      [constants.HTTP2_HEADER_METHOD]: 'POST',
      [constants.HTTP2_HEADER_SCHEME]: 'https',
      [constants.HTTP2_HEADER_AUTHORITY]: authority,
      [constants.HTTP2_HEADER_PATH]: path,
      accept: MEDIA_TYPE,
      'content-type': MEDIA_TYPE,
      'content-length': query.length
    }))
    stream.on('response', headers => {
      const status = headers[':status']
      const type = headers['content-type']
      this.age = Number(headers.age ?? 0) || 0
      if (status !== OK) this.refuse(`status ${status}`)
      else if (type?.split(';')[0]!.trim().toLowerCase() !== MEDIA_TYPE)
        this.refuse(`content type ${type ?? 'missing'}`)
    })
    stream.on('data', (chunk: Buffer) => this.take(chunk))
    stream.on('end', () => this.finish())
    // 'close' follows.
    stream.on('error', () => undefined)
    stream.on('close', () => {
      if (this.end()) listener.onLost()
    })
    stream.end(query)
  }

  /** Frees the stream; the listener is not called. */
  cancel(): void {
    if (this.end()) this.stream.close(constants.NGHTTP2_CANCEL)
  }

  private take(chunk: Buffer): void {
    this.size += chunk.length
    if (this.size > MAX_MESSAGE_SIZE) this.refuse(`more than ${MAX_MESSAGE_SIZE} octets`)
    else this.chunks.push(chunk)
  }

  private finish(): void {
    // A stream that is reset ends, too.
    if (this.isDone || this.stream.rstCode !== constants.NGHTTP2_NO_ERROR) return
    const message = this.chunks.length === 1 ? this.chunks[0]! : Buffer.concat(this.chunks)
    if (message.length < HEADER_SIZE || !reduceTtls(message, this.age)) {
      this.refuse(`a truncated message of ${message.length} octets`)
    } else if (this.end()) this.listener.onMessage(message)
  }

  private refuse(what: string): void {
    if (!this.end()) return
    this.stream.close(constants.NGHTTP2_CANCEL)
    this.listener.onBadResponse(failure('UPSTREAM_HTTP', what))
  }

  /** False if it has ended before. */
  private end(): boolean {
    const isFirst = !this.isDone
    this.isDone = true
    return isFirst
  }
}
