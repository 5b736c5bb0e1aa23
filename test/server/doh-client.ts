import { connect, type Socket } from 'node:net'
import { connect as connectTls, type ConnectionOptions, type TLSSocket } from 'node:tls'
import {
  FLAG,
  FRAME,
  FRAME_HEADER,
  PREFACE,
  settingsFrame,
  writeFrameHeader
} from '../../src/wire/http2/frame.js'
import { HpackDecoder } from '../../src/wire/http2/hpack-decoder.js'
import { appendLiteral } from '../../src/wire/http2/hpack-encoder.js'

export type Fields = Readonly<Record<string, string>>

/** What came back for one request. */
export interface Response {
  readonly fields: Fields
  body: Buffer
  /** The error code of RST_STREAM; undefined: none. */
  reset: number | undefined
  /** All is there. */
  ended: boolean
}

/** A frame of any type. */
export function frame(type: number, flags: number, stream: number, payload: Uint8Array): Buffer {
  const octets = Buffer.alloc(FRAME_HEADER + payload.length)
  octets.set(payload, writeFrameHeader(octets, 0, payload.length, type, flags, stream))
  return octets
}

/** A header block without compression. */
export function block(fields: Fields): Buffer {
  return blockOf(Object.entries(fields))
}

/** A header block of fields that may be repeated. */
export function blockOf(fields: readonly (readonly [string, string])[]): Buffer {
  const octets = Buffer.alloc(100_000)
  let end = 0
  for (const [name, value] of fields) end = appendLiteral(octets, end, name, value)
  return octets.subarray(0, end)
}

export const POST: Fields = {
  ':method': 'POST',
  ':scheme': 'https',
  ':authority': 'dns.example',
  ':path': '/dns-query',
  'content-type': 'application/dns-message'
}
export const getOf = (query: Uint8Array): Fields => ({
  ':method': 'GET',
  ':scheme': 'https',
  ':authority': 'dns.example',
  ':path': `/dns-query?dns=${Buffer.from(query).toString('base64url')}`
})

/** A client that writes frames as the test says, and collects what comes back. */
export class DohClient {
  readonly responses = new Map<number, Response>()
  /** Frames received: type, flags, stream, payload. */
  readonly frames: { type: number; flags: number; stream: number; payload: Buffer }[] = []
  /** Octets of each TLS record, where they arrive one by one. */
  readonly records: number[] = []
  /** The error code of GOAWAY; undefined: none. */
  goAway: number | undefined
  ended = false
  closed = false
  readonly socket: TLSSocket
  private readonly raw: Socket
  private readonly decoder = new HpackDecoder()
  private rest: Buffer = Buffer.alloc(0)
  private next = 1

  constructor(port: number, tls: ConnectionOptions = {}, preamble?: Uint8Array) {
    this.raw = connect({ port, host: '127.0.0.1', noDelay: true, allowHalfOpen: true })
    this.raw.on('error', () => undefined)
    if (preamble !== undefined) this.raw.write(preamble)
    const terms = { socket: this.raw, rejectUnauthorized: false, ALPNProtocols: ['h2'], ...tls }
    this.socket = connectTls(terms)
    this.socket.on('data', (chunk: Buffer) => this.take(chunk))
    this.socket.on('end', () => (this.ended = true))
    this.socket.on('close', () => (this.closed = true))
    this.socket.on('error', () => undefined)
  }

  /** Sends what a connection begins with. */
  begin(...settings: readonly (readonly [number, number])[]): this {
    this.write(PREFACE, settingsFrame(...settings))
    return this
  }

  write(...octets: readonly Uint8Array[]): void {
    this.socket.write(Buffer.concat(octets))
  }

  /** The frames of a request. */
  request(fields: Fields, body?: Uint8Array): { readonly stream: number; readonly octets: Buffer } {
    const stream = this.next
    this.next += 2
    const flags = FLAG.END_HEADERS | (body === undefined ? FLAG.END_STREAM : 0)
    const head = frame(FRAME.HEADERS, flags, stream, block(fields))
    const data = body === undefined ? [] : [frame(FRAME.DATA, FLAG.END_STREAM, stream, body)]
    return { stream, octets: Buffer.concat([head, ...data]) }
  }

  /** Sends a request. @returns its stream */
  send(fields: Fields, body?: Uint8Array): number {
    const { stream, octets } = this.request(fields, body)
    this.write(octets)
    return stream
  }

  post(query: Uint8Array): number {
    return this.send(POST, query)
  }

  /** Whether all of a response, or a reset, or the end of the connection has come. */
  isDone(stream: number): boolean {
    return this.responses.get(stream)?.ended === true || this.ended || this.closed
  }

  /** A status, or `reset N`. */
  outcome(stream: number): string | undefined {
    const { fields, reset } = this.responses.get(stream) ?? {}
    return fields?.[':status'] ?? (reset === undefined ? undefined : `reset ${reset}`)
  }

  private take(chunk: Buffer): void {
    this.records.push(chunk.length)
    this.rest = Buffer.concat([this.rest, chunk])
    while (this.rest.length >= FRAME_HEADER) {
      const end = FRAME_HEADER + this.rest.readUIntBE(0, 3)
      if (this.rest.length < end) return
      const [type, flags] = [this.rest[3]!, this.rest[4]!]
      this.onFrame(type, flags, this.rest.readUInt32BE(5), this.rest.subarray(FRAME_HEADER, end))
      this.rest = this.rest.subarray(end)
    }
  }

  private onFrame(type: number, flags: number, stream: number, octets: Buffer): void {
    this.frames.push({ type, flags, stream, payload: octets })
    const isPadded = (flags & FLAG.PADDED) !== 0 && (type === FRAME.DATA || type === FRAME.HEADERS)
    const payload = isPadded ? octets.subarray(1, octets.length - octets[0]!) : octets
    const isLast = (flags & FLAG.END_STREAM) !== 0
    if (type === FRAME.HEADERS) {
      const fields: Record<string, string> = {}
      this.decoder.decode(payload, 0, payload.length, ({ name, value }) => (fields[name] = value))
      this.responses.set(stream, { fields, body: Buffer.alloc(0), reset: undefined, ended: isLast })
    } else if (type === FRAME.DATA) {
      const response = this.responses.get(stream)!
      response.body = Buffer.concat([response.body, payload])
      response.ended = isLast
    } else if (type === FRAME.RST_STREAM) {
      const none: Response = { fields: {}, body: Buffer.alloc(0), reset: undefined, ended: true }
      const response = this.responses.get(stream) ?? none
      response.reset = payload.readUInt32BE()
      response.ended = true
      this.responses.set(stream, response)
    } else if (type === FRAME.GOAWAY) this.goAway = payload.readUInt32BE(4)
  }
}
