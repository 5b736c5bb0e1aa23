import type { Socket } from 'node:net'
import { failure } from '../../base/error.js'
import { setUint16 } from '../../base/octets.js'
import type { Milliseconds, Octets } from '../../base/units.js'
import { answersQuestion } from '../../dns/message/answers-question.js'
import { MAX_UPSTREAM_QUERY_SIZE } from '../../dns/message/encode-query.js'
import { HEADER_SIZE, OPTION_HEADER_SIZE } from '../../dns/registry/sizes.js'
import type { UpstreamLimits } from '../limits.js'
import { messageId } from '../query/response-header.js'
import type { Channel, AttemptHandler, Attempt } from '../query/upstream-query.js'
import type { Random } from '../random.js'
import type { Timer, Timers } from '../timers.js'
import { FRAME_HEAD, FrameReader, writeFrameHead } from './frame-reader.js'

/** Most queries in flight on one connection; further ones use another. */
const MAX_PIPELINED = 128
/** OPTION-CODE of padding. RFC 7830 §3. */
const OPTION_PADDING = 12
/** Encrypted queries are padded to a multiple of this. RFC 8467 §4.1. */
const PADDED_BLOCK: Octets = 128
/** A connection that is not open by then will not be. */
const MAX_HANDSHAKE: Milliseconds = 5_000

export interface ConnectionDependencies {
  readonly random: Random
  readonly timers: Timers
  readonly now: () => Milliseconds
  readonly limits: UpstreamLimits
  readonly handler: AttemptHandler
}

/**
 * A TCP or TLS connection to an upstream. Queries are pipelined, and responses may come in any order. RFC
 * 7766 §6.2.1.1 and §7. Queries wait until it is open: over TLS, until the server is known to be the right
 * one.
 */
export class Connection implements Channel {
  /** Why it was closed; undefined: there was no error. */
  error: Error | undefined
  /** The upstream closed it while it was idle. */
  isClosedByPeer = false
  /** When it was opened, or its last response came. */
  lastActiveAt: Milliseconds = -Infinity
  /** A response has come. */
  hasAnswered = false
  private readonly inFlight = new Map<number, Attempt>()
  private readonly reader: FrameReader
  private lastResponseAt: Milliseconds = -Infinity
  private isEstablished = false
  /** Takes no more queries. */
  private isRetired = false
  private idleTimer: Timer | undefined
  private waiting: Uint8Array[] = []
  private isCorked = false

  /**
   * @param isEncrypted the socket is a TLSSocket; queries are padded
   * @param idle idle timeout
   * @param onClosed called once, before the attempts in flight are reported lost
   */
  constructor(
    private readonly socket: Socket,
    private readonly isEncrypted: boolean,
    private readonly idle: Milliseconds,
    private readonly dependencies: ConnectionDependencies,
    private readonly onClosed: (connection: Connection) => void
  ) {
    this.reader = new FrameReader(message => {
      this.receive(message)
    })
    socket.setNoDelay(true)
    socket.on(isEncrypted ? 'secureConnect' : 'connect', () => this.onOpen())
    socket.on('data', chunk => {
      this.reader.take(chunk)
    })
    // The upstream has closed its side: no more responses will come.
    socket.on('end', () => {
      this.isClosedByPeer = this.inFlight.size === 0
      socket.destroy()
    })
    // 'close' always follows, whatever the error.
    socket.on('error', error => {
      this.error = error
      socket.destroy()
    })
    socket.on('close', () => {
      this.onSocketClosed()
    })
    this.idleTimer = dependencies.timers.after(MAX_HANDSHAKE, () => {
      this.error = failure('UPSTREAM_HANDSHAKE', MAX_HANDSHAKE)
      this.close()
    })
  }

  get hasRoom(): boolean {
    return !this.isRetired && this.inFlight.size < MAX_PIPELINED
  }

  /** It will soon be full. */
  get isBusy(): boolean {
    return this.inFlight.size > MAX_PIPELINED / 2
  }

  send(attempt: Attempt): void {
    const { random } = this.dependencies
    if (this.isEstablished) this.idleTimer?.cancel()
    let id = random.word() & 0xffff
    while (this.inFlight.has(id)) id = random.word() & 0xffff
    attempt.channel = this
    attempt.id = id
    this.inFlight.set(id, attempt)
    const frame = new Uint8Array(FRAME_HEAD + MAX_UPSTREAM_QUERY_SIZE + PADDED_BLOCK)
    let length = attempt.write(frame, FRAME_HEAD)
    if (this.isEncrypted && attempt.edns) length = pad(frame, FRAME_HEAD, length)
    writeFrameHead(frame, length)
    const octets = frame.subarray(0, FRAME_HEAD + length)
    if (this.isEstablished) this.write(octets)
    else this.waiting.push(octets)
  }

  release(id: number): void {
    this.inFlight.delete(id)
    if (this.inFlight.size > 0) return
    if (this.isRetired) this.close()
    else if (this.isEstablished) this.startIdleTimer()
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

  private onOpen(): void {
    // The server turned out to be another one.
    if (this.socket.destroyed) return
    this.isEstablished = true
    this.idleTimer?.cancel()
    this.lastActiveAt = this.dependencies.now()
    for (const octets of this.waiting) this.write(octets)
    this.waiting = []
    if (this.inFlight.size === 0) this.startIdleTimer()
  }

  /** All queries of one turn of the event loop leave together. */
  private write(octets: Uint8Array): void {
    if (!this.isCorked) {
      this.isCorked = true
      this.socket.cork()
      queueMicrotask(() => {
        this.isCorked = false
        this.socket.uncork()
      })
    }
    this.socket.write(octets)
  }

  private startIdleTimer(): void {
    this.idleTimer?.cancel()
    this.idleTimer = this.dependencies.timers.after(this.idle, () => {
      this.close()
    })
  }

  private receive(message: Uint8Array): void {
    const now = this.dependencies.now()
    this.lastResponseAt = this.lastActiveAt = now
    this.hasAnswered = true
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

/**
 * Pads the query in `octets[at, at + length)`, whose last record is an OPT without options. RFC 7830 §3.
 *
 * @returns its new length
 */
function pad(octets: Uint8Array, at: Octets, length: Octets): Octets {
  const bare = length + OPTION_HEADER_SIZE
  const padded = Math.ceil(bare / PADDED_BLOCK) * PADDED_BLOCK
  const option = at + length
  setUint16(octets, option - 2, OPTION_HEADER_SIZE + padded - bare)
  setUint16(octets, option, OPTION_PADDING)
  setUint16(octets, option + 2, padded - bare)
  return padded
}
