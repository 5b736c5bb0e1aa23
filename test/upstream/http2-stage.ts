import { Http2Client, type StreamLimits } from '../../src/resolver/upstream/https/http2-client.js'
import {
  FLAG,
  FRAME,
  FRAME_HEADER,
  PREFACE,
  settingsFrame,
  wordsFrame
} from '../../src/wire/http2/frame.js'
import { HpackDecoder } from '../../src/wire/http2/hpack-decoder.js'
import { blockOf, frame } from '../server/doh-client.js'
import { questionFor, responseTo } from './messages.js'

/** A frame that the client has sent. */
export interface SentFrame {
  readonly type: number
  readonly flags: number
  readonly stream: number
  readonly payload: Buffer
}

export const QUERY = Uint8Array.from([
  ...[0, 0, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0],
  ...questionFor('www.example').question
])
export const ANSWER = Buffer.from(responseTo(QUERY))

/** Its number and value. */
type Setting = readonly [number, number]
type Fields = readonly (readonly [string, string])[]
export const TYPE: Fields[number] = ['content-type', 'application/dns-message']
export const GOOD: Fields = [[':status', '200'], TYPE]

export const head = (stream: number, fields: Fields = GOOD, flags = 0): Buffer =>
  frame(FRAME.HEADERS, FLAG.END_HEADERS | flags, stream, blockOf(fields))
export const data = (
  stream: number,
  body: Uint8Array = ANSWER,
  flags: number = FLAG.END_STREAM
): Buffer => frame(FRAME.DATA, flags, stream, body)
export const answer = (stream: number, fields: Fields = GOOD): Buffer =>
  Buffer.concat([head(stream, fields), data(stream)])
export const words = (...of: Parameters<typeof wordsFrame>): Buffer =>
  Buffer.from(wordsFrame(...of))
export const settings = (...of: readonly Setting[]): Buffer => Buffer.from(settingsFrame(...of))

/** The client's side of an HTTP/2 connection in memory. The upstream is the test, which sends frames. */
export class Http2Stage {
  /** What was reported: `answer 1`, `bad 1 status 404`, `lost 1`, `limit 5`, `goaway`, `violation PROTOCOL_ERROR`. */
  readonly events: string[] = []
  readonly frames: SentFrame[] = []
  readonly client: Http2Client
  private readonly decoder = new HpackDecoder()
  private rest: Buffer = Buffer.alloc(0)
  private hasPreface = false

  constructor(limits: StreamLimits = { streams: 100, most: 128 }) {
    const target = { authority: 'dns.example:8443', path: '/dns-query' }
    const { events } = this
    this.client = new Http2Client(
      target,
      limits,
      {
        onMessage: (id, message) => {
          events.push(Buffer.from(message).equals(ANSWER) ? `answer ${id}` : `other ${id}`)
        },
        onBadResponse: (id, { message }) =>
          void events.push(`bad ${id} ${message.replace(/^.*DNS message: /, '')}`),
        onLost: id => void events.push(`lost ${id}`),
        onStreamLimit: limit => void events.push(`limit ${limit}`),
        onGoAway: () => void events.push('goaway'),
        onViolation: ({ message }) =>
          void events.push(`violation ${/\((\w+)\)/.exec(message)?.[1]}`)
      },
      octets => this.take(octets)
    )
  }

  /** A connection whose settings the upstream has sent, with requests on streams 1, 3 and so on. */
  static async open(requests = 1, ...own: readonly Setting[]): Promise<Http2Stage> {
    const stage = new Http2Stage()
    stage.client.begin()
    await stage.receive(settings(...own))
    stage.events.length = 0
    for (let i = 0; i < requests; i++) stage.ask(2 * i + 1)
    await stage.turn()
    return stage
  }

  ask(id: number, query: Uint8Array = QUERY): void {
    this.client.request(id, query, query.length)
  }

  /** The upstream sends octets. */
  async receive(...octets: readonly Uint8Array[]): Promise<void> {
    this.client.receive(Buffer.concat(octets))
    await this.turn()
  }

  /** What the client has collected is written afterwards. */
  turn(): Promise<void> {
    return new Promise(resolve => void setImmediate(resolve))
  }

  /** The codes of RST_STREAM for a stream. */
  resetsOf(id: number): number[] {
    return this.of(FRAME.RST_STREAM)
      .filter(({ stream }) => stream === id)
      .map(({ payload }) => payload.readUInt32BE())
  }

  /** The codes of GOAWAY. */
  get goAways(): number[] {
    return this.of(FRAME.GOAWAY).map(({ payload }) => payload.readUInt32BE(4))
  }

  of(type: number): SentFrame[] {
    return this.frames.filter(each => each.type === type)
  }

  /** Header fields of each request. */
  fields(): Record<string, string>[] {
    return this.of(FRAME.HEADERS).map(({ payload }) => {
      const fields: Record<string, string> = {}
      this.decoder.decode(payload, 0, payload.length, ({ name, value }) => (fields[name] = value))
      return fields
    })
  }

  private take(octets: Uint8Array): void {
    this.rest = Buffer.concat([this.rest, octets])
    if (!this.hasPreface) {
      if (!this.rest.subarray(0, PREFACE.length).equals(PREFACE)) throw new Error('no preface')
      this.hasPreface = true
      this.rest = this.rest.subarray(PREFACE.length)
    }
    while (this.rest.length >= FRAME_HEADER) {
      const end = FRAME_HEADER + this.rest.readUIntBE(0, 3)
      const [type, flags] = [this.rest[3]!, this.rest[4]!]
      const payload = this.rest.subarray(FRAME_HEADER, end)
      this.frames.push({ type, flags, stream: this.rest.readUInt32BE(5), payload })
      this.rest = this.rest.subarray(end)
    }
  }
}
