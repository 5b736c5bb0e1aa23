import { failure, type InterdictError } from '../../../base/errors/error.js'
import type { Milliseconds } from '../../../base/units.js'
import { answersQuestion } from '../../../wire/dns/message/answers-question.js'
import { MAX_UPSTREAM_QUERY_SIZE } from '../../../wire/dns/message/encode-query.js'
import { MAX_STREAM } from '../../../wire/http2/frame.js'
import type { Attempt } from '../query/upstream-query.js'
import {
  Connection,
  MAX_PIPELINED,
  type ConnectionDependencies,
  type ConnectionListener
} from '../tcp/upstream-connection.js'
import { PADDED_BLOCK, padQuery } from '../tcp/pad-query.js'
import type { TlsConnector } from '../tcp/tls-connector.js'
import { authorityOf } from '../../../wire/sockets/upstream-server.js'
import { Http2Client, type ResponseHandler } from './http2-client.js'

/** Every query over HTTPS has this message ID, so that HTTP caches can share responses. RFC 8484 §4.1. */
const MESSAGE_ID = 0

/** The query that is being sent: each is copied at once. */
const query = new Uint8Array(MAX_UPSTREAM_QUERY_SIZE + PADDED_BLOCK)

/**
 * DNS over HTTPS: each query has a stream of its own in one HTTP/2 connection, RFC 8484 §5.2. The number of the stream
 * is the ID of the attempt.
 */
export class HttpConnection extends Connection implements ResponseHandler {
  private readonly session: Http2Client
  private nextStream = 1

  /**
   * @param capacity how many streams the upstream accepts, until it says so
   * @param lastStream the highest number of a stream: RFC 9113 §5.1.1
   */
  constructor(
    connector: TlsConnector,
    protected override capacity: number,
    idle: Milliseconds,
    dependencies: ConnectionDependencies,
    listener: ConnectionListener,
    private readonly lastStream = MAX_STREAM
  ) {
    super(connector.open(), true, idle, dependencies, listener)
    const { socket } = this
    const { server } = connector
    const target = { authority: authorityOf(server), path: server.tls!.path! }
    const limits = { streams: capacity, most: MAX_PIPELINED }
    this.session = new Http2Client(target, limits, this, octets => {
      if (!socket.destroyed) socket.write(octets)
    })
    socket.on('data', (octets: Buffer) => this.session.receive(octets))
    // No more responses will come.
    socket.on('end', () => {
      this.onPeerClose()
      this.close()
    })
  }

  protected nextId(): number {
    const id = this.nextStream
    this.nextStream += 2
    return id
  }

  protected open(): void {
    this.session.begin()
  }

  protected override destroy(): void {
    this.session.close()
    super.destroy()
  }

  protected transmit(attempt: Attempt): void {
    let length = attempt.write(query, 0)
    query[0] = query[1] = MESSAGE_ID
    if (attempt.edns) length = padQuery(query, 0, length)
    this.session.request(attempt.id, query, length)
    if (this.nextStream > this.lastStream) this.retire()
  }

  override release(id: number): void {
    this.session.cancel(id)
    super.release(id)
  }

  onMessage(id: number, message: Uint8Array): void {
    const attempt = this.inFlight.get(id)!
    const now = this.dependencies.now()
    const { question } = attempt.query.forwarded
    if (answersQuestion(message, 0, message.length, MESSAGE_ID, question)) {
      this.markActive(now)
      this.dependencies.handler.onResponse(attempt, message, 0, message.length, now)
    } else this.onBadResponse(id, failure('UPSTREAM_HTTP', 'it does not answer the query'))
  }

  onBadResponse(id: number, error: InterdictError): void {
    this.listener.onBadResponse(error)
    this.lose(this.inFlight.get(id)!, false)
  }

  onLost(id: number): void {
    this.lose(this.inFlight.get(id)!, true)
  }

  onStreamLimit(streams: number): void {
    this.capacity = streams
    this.listener.onCapacity(streams)
  }

  onGoAway(): void {
    this.onPeerClose()
  }

  onViolation(error: InterdictError): void {
    this.abort(error)
  }
}
