import type { Socket } from 'node:net'
import type { Milliseconds } from '../../base/units.js'
import { answersQuestion } from '../../dns/message/answers-question.js'
import { MAX_UPSTREAM_QUERY_SIZE } from '../../dns/message/encode-query.js'
import { HEADER_SIZE } from '../../dns/registry/sizes.js'
import type { UpstreamLimits } from '../limits.js'
import { messageId } from '../query/response-header.js'
import type { Channel, AttemptHandler, Attempt } from '../query/upstream-query.js'
import type { Random } from '../random.js'
import type { Timer, Timers } from '../timers.js'
import { FRAME_HEAD, FrameReader, writeFrameHead } from './frame-reader.js'

/** Most queries in flight on one connection; further ones use another. */
const MAX_PIPELINED = 128

export interface ConnectionDependencies {
  readonly random: Random
  readonly timers: Timers
  readonly now: () => Milliseconds
  readonly limits: UpstreamLimits
  readonly handler: AttemptHandler
}

/**
 * A TCP connection to an upstream. Queries are pipelined, and responses may come in any order. RFC
 * 7766 §6.2.1.1 and §7.
 */
export class Connection implements Channel {
  private readonly inFlight = new Map<number, Attempt>()
  private readonly reader: FrameReader
  private isEstablished = false
  /** Takes no more queries. */
  private isRetired = false
  private lastResponseAt: Milliseconds = -Infinity
  private idleTimer: Timer | undefined

  /** @param onClosed called once, before the attempts in flight are reported lost */
  constructor(
    private readonly socket: Socket,
    private readonly dependencies: ConnectionDependencies,
    private readonly onClosed: (connection: Connection) => void
  ) {
    this.reader = new FrameReader(message => {
      this.receive(message)
    })
    socket.setNoDelay(true)
    socket.on('connect', () => (this.isEstablished = true))
    socket.on('data', chunk => {
      this.reader.take(chunk)
    })
    // The upstream has closed its side: no more responses will come.
    socket.on('end', () => socket.destroy())
    // 'close' always follows, whatever the error.
    socket.on('error', () => socket.destroy())
    socket.on('close', () => {
      this.onSocketClosed()
    })
  }

  get hasRoom(): boolean {
    return !this.isRetired && this.inFlight.size < MAX_PIPELINED
  }

  send(attempt: Attempt): void {
    const { random } = this.dependencies
    this.idleTimer?.cancel()
    let id = random.word() & 0xffff
    while (this.inFlight.has(id)) id = random.word() & 0xffff
    attempt.channel = this
    attempt.id = id
    this.inFlight.set(id, attempt)
    const frame = new Uint8Array(FRAME_HEAD + MAX_UPSTREAM_QUERY_SIZE)
    const length = attempt.write(frame, FRAME_HEAD)
    writeFrameHead(frame, length)
    this.socket.write(frame.subarray(0, FRAME_HEAD + length))
  }

  release(id: number): void {
    this.inFlight.delete(id)
    if (this.inFlight.size > 0) return
    if (this.isRetired) {
      this.close()
    } else {
      this.idleTimer = this.dependencies.timers.after(
        this.dependencies.limits.connectionIdle,
        () => {
          this.close()
        }
      )
    }
  }

  /** A query sent at `sentAt` timed out: if no response has come since, the connection is dead. */
  onTimeout(sentAt: Milliseconds): void {
    if (this.lastResponseAt <= sentAt) this.isRetired = true
  }

  close(): void {
    this.isRetired = true
    this.idleTimer?.cancel()
    this.socket.destroy()
  }

  private receive(message: Uint8Array): void {
    const now = this.dependencies.now()
    this.lastResponseAt = now
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

  private onSocketClosed(): void {
    this.isRetired = true
    this.idleTimer?.cancel()
    this.onClosed(this)
    const lost = [...this.inFlight.values()]
    this.inFlight.clear()
    for (const attempt of lost) {
      attempt.channel = undefined
      this.dependencies.handler.onConnectionLost(attempt, this.isEstablished)
    }
  }
}
