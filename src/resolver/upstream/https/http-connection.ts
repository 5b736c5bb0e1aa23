import type { ClientHttp2Session, Settings } from 'node:http2'
import type { TLSSocket } from 'node:tls'
import { failure, type InterdictError } from '../../../base/errors/error.js'
import type { Milliseconds } from '../../../base/units.js'
import { answersQuestion } from '../../../wire/dns/message/answers-question.js'
import { MAX_UPSTREAM_QUERY_SIZE } from '../../../wire/dns/message/encode-query.js'
import type { Attempt } from '../query/upstream-query.js'
import {
  Connection,
  MAX_PIPELINED,
  type ConnectionDependencies,
  type ConnectionListener
} from '../tcp/upstream-connection.js'
import { PADDED_BLOCK, padQuery } from '../tcp/pad-query.js'
import type { TlsConnector } from '../tcp/tls-connector.js'
import { authorityOf } from '../upstream-server.js'
import { DohRequest, type DohListener } from './doh-request.js'
import { openHttpSession } from './http-session.js'

/** Every query over HTTPS has this message ID, so that HTTP caches can share responses. RFC 8484 §4.1. */
const MESSAGE_ID = 0

/** DNS over HTTPS: each query has a stream of its own in one HTTP/2 connection. RFC 8484 §5.2. */
export class HttpConnection extends Connection {
  private readonly tlsSocket: TLSSocket
  private session: ClientHttp2Session | undefined
  private readonly requests = new Map<number, DohRequest>()
  private readonly authority: string
  private readonly path: string
  private lastId = 0

  /** @param capacity how many streams the upstream accepts, until it says so */
  constructor(
    connector: TlsConnector,
    protected override capacity: number,
    idle: Milliseconds,
    dependencies: ConnectionDependencies,
    listener: ConnectionListener
  ) {
    const socket = connector.connect()
    super(socket, true, idle, dependencies, listener)
    this.tlsSocket = socket
    this.authority = authorityOf(connector.server)
    this.path = connector.server.tls!.path!
  }

  /** Node.js ends a session before it says so. */
  protected override get isUsable(): boolean {
    const { session } = this
    return super.isUsable && session?.closed !== true && session?.destroyed !== true
  }

  protected nextId(): number {
    return ++this.lastId
  }

  protected open(): void {
    const session = (this.session = openHttpSession(this.tlsSocket, this.authority, this.capacity))
    session.on('remoteSettings', ({ maxConcurrentStreams }: Settings) => {
      this.capacity = Math.min(MAX_PIPELINED, maxConcurrentStreams ?? MAX_PIPELINED)
      this.listener.onCapacity(this.capacity)
    })
    // The upstream answers the streams that it has accepted; Node.js ends the others. RFC 9113 §6.8.
    session.on('goaway', () => this.onPeerClose())
    session.on('error', (error: Error) => this.abort(error))
    session.on('close', () => {
      this.onPeerClose()
      this.close()
    })
  }

  /** With GOAWAY. RFC 9113 §5.4.1. */
  protected override destroy(): void {
    if (this.session === undefined) super.destroy()
    else this.session.destroy()
  }

  protected transmit(attempt: Attempt): void {
    const { edns } = attempt
    const octets = new Uint8Array(MAX_UPSTREAM_QUERY_SIZE + PADDED_BLOCK)
    let length = attempt.write(octets, 0)
    octets[0] = octets[1] = MESSAGE_ID
    if (edns) length = padQuery(octets, 0, length)
    const query = octets.subarray(0, length)
    const request = new DohRequest(
      this.session!,
      this.authority,
      this.path,
      query,
      this.listenerFor(attempt)
    )
    this.requests.set(attempt.id, request)
  }

  override release(id: number): void {
    this.requests.get(id)?.cancel()
    this.requests.delete(id)
    super.release(id)
  }

  private listenerFor(attempt: Attempt): DohListener {
    const { id } = attempt
    return {
      onMessage: message => {
        const now = this.dependencies.now()
        const { question } = attempt.query.forwarded
        if (answersQuestion(message, 0, message.length, MESSAGE_ID, question)) {
          this.markActive(now)
          this.dependencies.handler.onResponse(attempt, message, 0, message.length, now)
        } else this.refuse(attempt, failure('UPSTREAM_HTTP', 'it does not answer the query'))
      },
      onBadResponse: error => this.refuse(attempt, error),
      onLost: () => {
        if (this.inFlight.get(id) !== attempt) return
        // The query must not come back here.
        if (this.session!.closed || this.session!.destroyed) this.retire()
        this.lose(attempt, true)
      }
    }
  }

  private refuse(attempt: Attempt, error: InterdictError): void {
    this.listener.onBadResponse(error)
    this.lose(attempt, false)
  }
}
