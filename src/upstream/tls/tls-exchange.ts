import { FRAME_HEAD, FrameReader, writeFrameHead } from '../tcp/frame-reader.js'
import type { UpstreamServer, UpstreamTls } from '../upstream-server.js'
import type { Milliseconds } from '../../base/units.js'
import { TlsConnector } from './tls-connector.js'

/** The connection is closed after so long without an octet. */
const TIMEOUT: Milliseconds = 5_000

/** One query over a TLS connection of its own, which closes with the response. */
export class TlsExchange {
  /** Once the connection is closed. */
  readonly ended: Promise<void>
  private readonly socket

  constructor(
    server: UpstreamServer,
    tls: UpstreamTls,
    query: Uint8Array,
    onResponse: (message: Uint8Array) => void
  ) {
    const socket = (this.socket = new TlsConnector(server, tls).connect())
    const reader = new FrameReader(message => {
      onResponse(message)
      this.close()
    })
    this.ended = new Promise(resolve => socket.once('close', () => resolve()))
    socket.once('secureConnect', () => {
      if (socket.destroyed) return
      const frame = new Uint8Array(FRAME_HEAD + query.length)
      writeFrameHead(frame, query.length)
      frame.set(query, FRAME_HEAD)
      socket.write(frame)
    })
    socket.on('data', (chunk: Buffer) => {
      reader.take(chunk)
    })
    // 'close' follows.
    socket.on('error', () => undefined)
    socket.setTimeout(TIMEOUT, () => this.close())
  }

  close(): void {
    this.socket.destroy()
  }
}
