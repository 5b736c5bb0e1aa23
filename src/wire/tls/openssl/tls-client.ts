import { EventEmitter } from 'node:events'
import type { X509Certificate } from 'node:crypto'
import type { StreamHandler } from '../../../base/bytes/byte-stream.js'
import type { Octets } from '../../../base/units.js'
import { COMMAND } from './constants.js'
import type { DirectClient } from './direct-client.js'
import { certificateOf, encode, pointerTo } from './encoding.js'
import { descriptorOf, type NodeSocket } from './node-socket.js'
import type { OpenSsl } from './openssl.js'
import { TlsStream } from './tls-stream.js'

/** What a client asks of a server. */
export interface ClientRequest {
  /** RFC 6066 §3; undefined: none. */
  readonly serverName: string | undefined
  /** By ALPN: RFC 7301. */
  readonly protocol: string
  /** To resume: from `session`. */
  readonly session: Buffer | undefined
}

/**
 * The client's side of one TLS connection with OpenSSL, with the events of Node's `TLSSocket`: `secureConnect`,
 * `session`, `data`, `end`, `error` and `close`. The octets of `data` are there only during the call.
 */
export class TlsClient extends EventEmitter implements StreamHandler {
  private stream: TlsStream | undefined
  private connection = 0
  private hasReceived = false
  private error: Error | undefined

  /**
   * @param socket of Node, not yet connected
   * @param check called when the handshake has ended: why this is not the server wanted
   */
  constructor(
    private readonly direct: DirectClient,
    private readonly socket: NodeSocket,
    request: ClientRequest,
    private readonly check: (client: TlsClient) => Error | undefined
  ) {
    super()
    // OpenSSL is to be the first that reads.
    socket.pause()
    socket.once('connect', () => {
      try {
        this.begin(request)
      } catch (error) {
        this.destroy(error as Error)
      }
    })
    socket.once('error', (error: Error) => (this.error ??= error))
    socket.once('close', () => {
      const error = this.error ?? this.stream?.error
      if (error !== undefined) this.emit('error', error)
      this.emit('close')
    })
  }

  get destroyed(): boolean {
    return this.socket.destroyed
  }

  get isResumed(): boolean {
    return this.stream!.isResumed
  }

  /** Whether the server has accepted HTTP/2 by ALPN. */
  get isHttp2(): boolean {
    return this.stream!.isHttp2
  }

  /** Why the server's certificate is not trusted, whatever its name. */
  get verifyError(): string | undefined {
    const { openSsl } = this.direct.loop
    const result = openSsl.verifyResult(this.connection)
    return result === 0 ? undefined : openSsl.describeVerification(result)
  }

  /** The certificates that the server has sent, its own first. */
  get peerChain(): X509Certificate[] {
    const { openSsl } = this.direct.loop
    const chain = openSsl.peerChain(this.connection)
    const length = Math.max(0, openSsl.sizeOfStack(chain))
    return Array.from({ length }, (_, i) => certificateOf(openSsl, openSsl.itemOfStack(chain, i)))
  }

  write(octets: Uint8Array): void {
    this.stream?.write(octets, 0, octets.length)
  }

  destroy(error?: Error): void {
    this.error ??= error
    this.stream?.destroy()
    this.socket.destroy()
  }

  receive(octets: Buffer, start: Octets, end: Octets): void {
    if (!this.hasReceived) this.emitSession()
    this.emit('data', octets.subarray(start, end))
  }

  onEnd(): void {
    this.emit('end')
  }

  onDrain(): void {
    // What is written meanwhile waits in the stream.
  }

  /** With the first data: the tickets of TLS 1.3 are in front of it. */
  private emitSession(): void {
    this.hasReceived = true
    const { openSsl } = this.direct.loop
    const session = openSsl.session(this.connection)
    if (session !== 0) this.emit('session', encode(openSsl, openSsl.encodeSession, session))
  }

  private begin(request: ClientRequest): void {
    const { loop, context } = this.direct
    const { openSsl } = loop
    const connection = (this.connection = openSsl.newConnection(context))
    try {
      this.offer(openSsl, connection, request)
    } catch (error) {
      openSsl.freeConnection(connection)
      throw error
    }
    // Without a descriptor the handshake fails.
    const fd = descriptorOf(this.socket) ?? -1
    this.stream = new TlsStream(loop, this.socket, fd, connection, isSecure => {
      if (isSecure) this.onSecure()
    })
    loop.readLater(this.stream)
  }

  private offer(
    openSsl: OpenSsl,
    connection: number,
    { serverName, protocol, session }: ClientRequest
  ): void {
    openSsl.setClient(connection)
    // With its length in front: RFC 7301 §3.1.
    const protocols = Buffer.from(String.fromCharCode(protocol.length) + protocol)
    openSsl.requestAlpn(connection, protocols, protocols.length)
    if (serverName !== undefined)
      openSsl.setServerName(connection, COMMAND.serverName, 0, serverName)
    if (session !== undefined) {
      const decoded = openSsl.decodeSession(0, pointerTo(openSsl, session), session.length)
      if (decoded !== 0) openSsl.setSession(connection, decoded)
      openSsl.freeSession(decoded)
    }
  }

  private onSecure(): void {
    const error = this.check(this)
    if (error !== undefined) this.destroy(error)
    else {
      this.stream!.start(this)
      this.emit('secureConnect')
    }
  }
}
