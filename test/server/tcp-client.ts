import { connect, type Socket } from 'node:net'
import { connect as connectTls, type ConnectionOptions } from 'node:tls'
import { query, textOf } from './fake-responder.js'

/** Messages with their length in front. RFC 7766 §8 */
export function frames(...messages: Uint8Array[]): Buffer {
  return Buffer.concat(
    messages.flatMap(message => [Buffer.of(message.length >> 8, message.length & 0xff), message])
  )
}

export const queries = (...texts: string[]): Buffer => frames(...texts.map(query))

/** A TCP or TLS client that collects the messages that come back. */
export class TcpClient {
  readonly messages: Buffer[] = []
  /** Data events: on loopback, about one per write of the server. */
  reads = 0
  ended = false
  closed = false
  readonly socket: Socket
  /** Below TLS, if there is any. */
  readonly raw: Socket
  private rest: Buffer = Buffer.alloc(0)

  /**
   * @param from local address, where it matters
   * @param tls undefined: without TLS
   * @param preamble sent before anything else
   */
  constructor(
    port: number,
    address = '127.0.0.1',
    from?: string,
    tls?: ConnectionOptions,
    preamble?: Uint8Array
  ) {
    const manners = { allowHalfOpen: true, noDelay: true }
    const local = from === undefined ? {} : { localAddress: from }
    this.raw = connect({ port, host: address, ...local, ...manners })
    this.raw.on('error', () => undefined)
    if (preamble !== undefined) this.raw.write(preamble)
    const terms = { socket: this.raw, rejectUnauthorized: false, ...tls }
    this.socket = tls === undefined ? this.raw : connectTls(terms)
    this.socket.on('data', chunk => this.take(chunk))
    this.socket.on('end', () => (this.ended = true))
    this.socket.on('close', () => (this.closed = true))
    this.socket.on('error', () => undefined)
  }

  get texts(): string[] {
    return this.messages.map(textOf)
  }

  send(octets: Uint8Array): Promise<void> {
    return new Promise(resolve => this.socket.write(octets, () => resolve()))
  }

  private take(chunk: Buffer): void {
    this.reads++
    this.rest = Buffer.concat([this.rest, chunk])
    while (this.rest.length >= 2 && this.rest.length >= 2 + this.rest.readUInt16BE()) {
      const end = 2 + this.rest.readUInt16BE()
      this.messages.push(this.rest.subarray(2, end))
      this.rest = this.rest.subarray(end)
    }
  }
}
