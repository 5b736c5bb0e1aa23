import type { Socket } from 'node:net'
import type { Milliseconds } from '../../base/units.js'
import { answersQuestion } from '../../dns/message/answers-question.js'
import { MAX_INQUIRY } from '../../dns/message/inquiry.js'
import { HEADER_SIZE } from '../../dns/registry/sizes.js'
import type { Limits } from '../limits.js'
import type { Channel, Receiver, Try } from '../query/asking.js'
import { messageId } from '../query/response-head.js'
import type { Random } from '../random.js'
import type { Timer, Timers } from '../timers.js'
import { FRAME_HEAD, FrameReader, writeFrameHead } from './frame-reader.js'

/** Queries in flight on one connection; beyond that, another one takes them. */
const PIPELINED = 128

export interface ConnectionParts {
  readonly random: Random
  readonly timers: Timers
  readonly now: () => Milliseconds
  readonly limits: Limits
  readonly receiver: Receiver
}

/**
 * A TCP connection to an upstream: queries are sent without waiting for answers, which may come
 * in any order. RFC 7766 §6.2.1.1 and §7.
 */
export class Connection implements Channel {
  private readonly flights = new Map<number, Try>()
  private readonly reader: FrameReader
  private established = false
  /** No more queries on it. */
  private retired = false
  private heardAt: Milliseconds = -Infinity
  private idle: Timer | undefined

  /** @param onClosed called once, before the tries that were in flight are given back */
  constructor(
    private readonly socket: Socket,
    private readonly parts: ConnectionParts,
    private readonly onClosed: (connection: Connection) => void
  ) {
    this.reader = new FrameReader(message => {
      this.receive(message)
    })
    socket.setNoDelay(true)
    socket.on('connect', () => (this.established = true))
    socket.on('data', chunk => {
      this.reader.take(chunk)
    })
    // The upstream takes no more; what it still owes does not come either.
    socket.on('end', () => socket.destroy())
    // What went wrong does not matter; 'close' follows always.
    socket.on('error', () => socket.destroy())
    socket.on('close', () => {
      this.lose()
    })
  }

  get hasRoom(): boolean {
    return !this.retired && this.flights.size < PIPELINED
  }

  send(attempt: Try): void {
    const { random } = this.parts
    this.idle?.cancel()
    let id = random.word() & 0xffff
    while (this.flights.has(id)) id = random.word() & 0xffff
    attempt.channel = this
    attempt.id = id
    this.flights.set(id, attempt)
    const frame = new Uint8Array(FRAME_HEAD + MAX_INQUIRY)
    const length = attempt.write(frame, FRAME_HEAD)
    writeFrameHead(frame, length)
    this.socket.write(frame.subarray(0, FRAME_HEAD + length))
  }

  release(id: number): void {
    this.flights.delete(id)
    if (this.flights.size > 0) return
    if (this.retired) {
      this.close()
    } else {
      this.idle = this.parts.timers.after(this.parts.limits.connectionIdle, () => {
        this.close()
      })
    }
  }

  /** No answer came in time to what was sent at `sentAt`: perhaps nothing comes here any more. */
  silent(sentAt: Milliseconds): void {
    if (this.heardAt <= sentAt) this.retired = true
  }

  close(): void {
    this.retired = true
    this.idle?.cancel()
    this.socket.destroy()
  }

  private receive(message: Uint8Array): void {
    const now = this.parts.now()
    this.heardAt = now
    const { length } = message
    const id = length < HEADER_SIZE ? -1 : messageId(message, 0)
    const attempt = this.flights.get(id)
    // In any case: nobody forges this from afar, so there is nothing that the case could tell.
    if (
      attempt !== undefined &&
      answersQuestion(message, 0, length, id, attempt.asking.inquiry.question)
    ) {
      this.parts.receiver.answered(attempt, message, 0, length, now)
    } else {
      this.parts.receiver.mismatched(undefined, now)
    }
  }

  private lose(): void {
    this.retired = true
    this.idle?.cancel()
    this.onClosed(this)
    const lost = [...this.flights.values()]
    this.flights.clear()
    for (const attempt of lost) {
      attempt.channel = undefined
      this.parts.receiver.lost(attempt, this.established)
    }
  }
}
