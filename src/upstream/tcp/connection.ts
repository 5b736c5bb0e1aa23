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

/** Queries in flight on one connection; beyond that, another one takes them. */
const MAX_PIPELINED = 128

export interface ConnectionDependencies {
  readonly random: Random
  readonly timers: Timers
  readonly now: () => Milliseconds
  readonly limits: UpstreamLimits
  readonly handler: AttemptHandler
}

/**
 * A TCP connection to an upstream: queries are sent without waiting for answers, which may come
 * in any order. RFC 7766 §6.2.1.1 and §7.
 */
export class Connection implements Channel {
  private readonly inFlight = new Map<number, Attempt>()
  private readonly reader: FrameReader
  private isEstablished = false
  /** No more queries on it. */
  private isRetired = false
  private lastResponseAt: Milliseconds = -Infinity
  private idleTimer: Timer | undefined

  /** @param onClosed called once, before the tries that were in flight are given back */
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
    // The upstream takes no more; what it still owes does not come either.
    socket.on('end', () => socket.destroy())
    // What went wrong does not matter; 'close' follows always.
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

  /** No answer came in time to what was sent at `sentAt`: perhaps nothing comes here any more. */
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
    // In any case: nobody forges this from afar, so there is nothing that the case could tell.
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
