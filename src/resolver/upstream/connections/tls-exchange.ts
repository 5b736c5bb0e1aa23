import type { TLSSocket } from 'node:tls'
import type { Milliseconds } from '../../../base/units.js'
import { DohRequest } from '../https/doh-request.js'
import { openHttpSession } from '../https/http-session.js'
import { FRAME_HEAD, TcpMessageReader, writeFrameHead } from '../tcp/tcp-message-reader.js'
import {
  authorityOf,
  type UpstreamServer,
  type UpstreamTls
} from '../../../wire/sockets/upstream-server.js'
import { TlsConnector } from '../tcp/tls-connector.js'

/** The connection is closed after so long without an octet. */
const TIMEOUT: Milliseconds = 5_000

/** One query over a TLS or HTTPS connection of its own, which closes with the response. */
export class TlsExchange {
  /** Once the connection is closed. */
  readonly ended: Promise<void>
  /** Whether the handshake has succeeded. */
  isEncrypted = false
  private readonly socket: TLSSocket

  /** @param query over HTTPS with message ID 0 */
  constructor(
    server: UpstreamServer,
    tls: UpstreamTls,
    query: Uint8Array,
    onResponse: (message: Uint8Array) => void
  ) {
    const socket = (this.socket = new TlsConnector(server, tls).connect())
    const { path } = tls
    const finish = (message: Uint8Array): void => {
      onResponse(message)
      this.close()
    }
    this.ended = new Promise(resolve => socket.once('close', () => resolve()))
    socket.once('secureConnect', () => {
      if (socket.destroyed) return
      this.isEncrypted = true
      if (path === undefined) exchangeFrames(socket, query, finish)
      else exchangeHttp(socket, authorityOf(server), path, query, finish, () => this.close())
    })
    // 'close' follows.
    socket.on('error', () => undefined)
    socket.setTimeout(TIMEOUT, () => this.close())
  }

  close(): void {
    this.socket.destroy()
  }
}

function exchangeFrames(
  socket: TLSSocket,
  query: Uint8Array,
  onMessage: (message: Uint8Array) => void
): void {
  const reader = new TcpMessageReader(onMessage)
  socket.on('data', (chunk: Buffer) => reader.take(chunk))
  const frame = new Uint8Array(FRAME_HEAD + query.length)
  writeFrameHead(frame, query.length)
  frame.set(query, FRAME_HEAD)
  socket.write(frame)
}

function exchangeHttp(
  socket: TLSSocket,
  authority: string,
  path: string,
  query: Uint8Array,
  onMessage: (message: Uint8Array) => void,
  onFailed: () => void
): void {
  const session = openHttpSession(socket, authority, 1)
  session.on('error', () => undefined)
  new DohRequest(session, authority, path, query, {
    onMessage,
    onBadResponse: onFailed,
    onLost: onFailed
  })
}
