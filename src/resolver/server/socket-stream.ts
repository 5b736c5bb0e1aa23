import type { Socket } from 'node:net'
import { TLSSocket } from 'node:tls'
import type { ByteStream, StreamHandler } from '../../base/bytes/byte-stream.js'
import type { Octets } from '../../base/units.js'
import type { ClientTlsStream } from './client-recognizer.js'

/** A connection by Node: of TCP, or with TLS where OpenSSL cannot be used directly. */
export class SocketStream implements ByteStream {
  private queued: Octets = 0

  constructor(private readonly socket: Socket) {}

  get destroyed(): boolean {
    return this.socket.destroyed
  }

  get isEnded(): boolean {
    return this.socket.writableEnded
  }

  get unsent(): Octets {
    return this.socket.writableLength
  }

  get needsDrain(): boolean {
    return this.socket.writableNeedDrain
  }

  get backlog(): Octets {
    return this.unsent > 0 ? this.queued : -1
  }

  start(handler: StreamHandler): void {
    const { socket } = this
    socket.on('data', (chunk: Buffer) => handler.receive(chunk, 0, chunk.length)).resume()
    socket.on('end', () => handler.onEnd())
    socket.on('drain', () => handler.onDrain())
    // A reset, for example: 'close' follows.
    socket.on('error', () => socket.destroy())
  }

  write(octets: Uint8Array, start: Octets, end: Octets): void {
    // What waits while this is written follows in one piece.
    this.queued = this.unsent > 0 ? this.queued + end - start : 0
    this.socket.write(Buffer.from(octets.subarray(start, end)))
  }

  pause(): void {
    this.socket.pause()
  }

  resume(): void {
    this.socket.resume()
  }

  end(): void {
    this.socket.end()
  }

  destroy(): void {
    this.socket.destroy()
  }
}

/** What a record with data has besides the data, and the length of a KeyUpdate: RFC 8446 §5.2 and §4.6.3. */
const RECORD_OVERHEAD: Octets = 22
const KEY_UPDATE: Octets = 27

/** A connection with TLS by Node. */
export class TlsSocketStream extends SocketStream implements ClientTlsStream {
  /** Octets received that are accounted for. */
  private explained: Octets

  /** @param raw the connection below TLS */
  constructor(
    private readonly secure: TLSSocket,
    private readonly raw: Socket
  ) {
    super(secure)
    this.explained = raw.bytesRead
  }

  override start(handler: StreamHandler): void {
    // Node reads one record at a time.
    this.secure.on('data', (chunk: Buffer) => (this.explained += RECORD_OVERHEAD + chunk.length))
    super.start(handler)
  }

  /** Node does not report records: what is neither data nor the rest of its records counts as KeyUpdates. */
  emptyRecords(): number {
    const count = Math.max(0, Math.floor((this.raw.bytesRead - this.explained) / KEY_UPDATE))
    this.explained += count * KEY_UPDATE
    return count
  }

  get servername(): string | false {
    return this.secure.servername ?? false
  }

  get isHttp2(): boolean {
    return this.secure.alpnProtocol === 'h2'
  }

  peerCertificate(): Buffer | undefined {
    return this.secure.getPeerX509Certificate()?.raw
  }
}
