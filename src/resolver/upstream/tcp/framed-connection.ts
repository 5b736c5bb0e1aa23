import { setUint16 } from '../../../base/bytes/octets.js'
import type { Milliseconds, Octets } from '../../../base/units.js'
import { answersQuestion } from '../../../wire/dns/message/answers-question.js'
import { MAX_UPSTREAM_QUERY_SIZE } from '../../../wire/dns/message/encode-query.js'
import { HEADER_SIZE } from '../../../wire/dns/registry/sizes.js'
import { messageId } from '../query/response-header.js'
import type { Attempt } from '../query/upstream-query.js'
import { PADDED_BLOCK, padQuery } from './pad-query.js'
import {
  Connection,
  type ConnectionDependencies,
  type ConnectionListener,
  type ConnectionSocket
} from './upstream-connection.js'
import { FRAME_HEAD, TcpMessageReader } from './tcp-message-reader.js'

/** Longest query with its frame. */
const MAX_FRAME: Octets = FRAME_HEAD + MAX_UPSTREAM_QUERY_SIZE + PADDED_BLOCK
/** Room for some thirty queries with padding. */
const BATCH_SIZE: Octets = 4096 + MAX_FRAME

/**
 * DNS over TCP or TLS: each message has its length before it. Queries are pipelined, and responses may come
 * in any order. RFC 7766 §6.2.1.1 and §7.
 */
export class FramedConnection extends Connection {
  private readonly reader = new TcpMessageReader(message => this.receive(message))
  /** Queries of this turn, not yet written. */
  private readonly batch = new Uint8Array(BATCH_SIZE)
  private batchEnd: Octets = 0

  constructor(
    socket: ConnectionSocket,
    isEncrypted: boolean,
    idle: Milliseconds,
    dependencies: ConnectionDependencies,
    listener: ConnectionListener
  ) {
    super(socket, isEncrypted, idle, dependencies, listener)
    socket.on('data', (chunk: Uint8Array) => this.reader.take(chunk))
    // No more responses will come.
    socket.on('end', () => {
      this.onPeerClose()
      this.close()
    })
  }

  protected open(): void {
    // Nothing to prepare.
  }

  protected nextId(): number {
    const { random } = this.dependencies
    let id = random.word() & 0xffff
    while (this.inFlight.has(id)) id = random.word() & 0xffff
    return id
  }

  /** All queries of one turn of the event loop leave together: in one TLS record. */
  protected transmit(attempt: Attempt): void {
    if (this.batchEnd > BATCH_SIZE - MAX_FRAME) this.flush()
    if (this.batchEnd === 0) queueMicrotask(this.flush)
    const { batch, batchEnd: head } = this
    const start = head + FRAME_HEAD
    let length = attempt.write(batch, start)
    if (this.isEncrypted && attempt.edns) length = padQuery(batch, start, length)
    setUint16(batch, head, length)
    this.batchEnd = start + length
  }

  private readonly flush = (): void => {
    if (this.batchEnd > 0) this.socket.write(this.batch.slice(0, this.batchEnd))
    this.batchEnd = 0
  }

  private receive(message: Uint8Array): void {
    const now = this.dependencies.now()
    this.markActive(now)
    const { length } = message
    const id = length < HEADER_SIZE ? -1 : messageId(message, 0)
    const attempt = this.inFlight.get(id)
    // Letter case is ignored: TCP cannot be spoofed off-path.
    if (
      attempt !== undefined &&
      answersQuestion(message, 0, length, id, attempt.query.forwarded.question)
    ) {
      this.dependencies.handler.onResponse(attempt, message, 0, length, now)
    } else {
      this.dependencies.handler.onMismatch(undefined, now)
    }
  }
}
