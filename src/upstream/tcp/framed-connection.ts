import type { Socket } from 'node:net'
import type { Milliseconds } from '../../base/units.js'
import { answersQuestion } from '../../dns/message/answers-question.js'
import { MAX_UPSTREAM_QUERY_SIZE } from '../../dns/message/encode-query.js'
import { HEADER_SIZE } from '../../dns/registry/sizes.js'
import { messageId } from '../query/response-header.js'
import type { Attempt } from '../query/upstream-query.js'
import { PADDED_BLOCK, padQuery } from '../tls/pad-query.js'
import { Connection, type ConnectionDependencies, type ConnectionListener } from './connection.js'
import { FRAME_HEAD, FrameReader, writeFrameHead } from './frame-reader.js'

/**
 * DNS over TCP or TLS: each message has its length before it. Queries are pipelined, and responses may come
 * in any order. RFC 7766 §6.2.1.1 and §7.
 */
export class FramedConnection extends Connection {
  private readonly reader = new FrameReader(message => this.receive(message))
  private isCorked = false

  constructor(
    socket: Socket,
    isEncrypted: boolean,
    idle: Milliseconds,
    dependencies: ConnectionDependencies,
    listener: ConnectionListener
  ) {
    super(socket, isEncrypted, idle, dependencies, listener)
    socket.on('data', chunk => this.reader.take(chunk))
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

  /** All queries of one turn of the event loop leave together. */
  protected transmit(attempt: Attempt): void {
    const frame = new Uint8Array(FRAME_HEAD + MAX_UPSTREAM_QUERY_SIZE + PADDED_BLOCK)
    let length = attempt.write(frame, FRAME_HEAD)
    if (this.isEncrypted && attempt.edns) length = padQuery(frame, FRAME_HEAD, length)
    writeFrameHead(frame, length)
    if (!this.isCorked) {
      this.isCorked = true
      this.socket.cork()
      queueMicrotask(() => {
        this.isCorked = false
        this.socket.uncork()
      })
    }
    this.socket.write(frame.subarray(0, FRAME_HEAD + length))
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
