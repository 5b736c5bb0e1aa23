import type { EventEmitter } from 'node:events'
import { failure } from '../../../base/errors/error.js'
import type { Milliseconds } from '../../../base/units.js'
import type { UpstreamLimits } from '../upstream-limits.js'
import type { Channel, AttemptHandler, Attempt } from '../query/upstream-query.js'
import type { Random } from '../../../base/bytes/random.js'
import type { Timer, Timers } from '../../../base/time/timers.js'

/** Most queries in flight on one connection; further ones use another. */
export const MAX_PIPELINED = 128
/** A connection that is not open by then will not be. */
const MAX_HANDSHAKE: Milliseconds = 5_000

/** Node's socket, or one with the same events and OpenSSL itself behind it. */
export interface ConnectionSocket extends EventEmitter {
  readonly destroyed: boolean
  /** Octets of several messages at once. */
  write(octets: Uint8Array): unknown
  destroy(): unknown
}

export interface ConnectionDependencies {
  readonly random: Random
  readonly timers: Timers
  readonly now: () => Milliseconds
  readonly limits: UpstreamLimits
  /** Whether OpenSSL is to be used directly, where it is possible. */
  readonly isDirect: boolean
  readonly handler: AttemptHandler
}

/** What a connection reports. */
export interface ConnectionListener {
  /** Queries can be sent. */
  onOpen(connection: Connection): void
  /** The idle timeout has passed. */
  onIdle(connection: Connection): void
  /** It takes no more queries; those in flight may still be answered. */
  onRetired(connection: Connection): void
  /** Once, before the attempts in flight are reported lost. */
  onClosed(connection: Connection): void
  /** The upstream accepts so many queries in flight on each connection. */
  onCapacity(capacity: number): void
  /** A response was no DNS message. */
  onBadResponse(error: Error): void
}

/**
 * A TCP connection to an upstream, perhaps with TLS, with several queries in flight. Queries wait until it
 * is open: over TLS, until the server is known to be the right one.
 */
export abstract class Connection implements Channel {
  /** Why it was closed; undefined: there was no error. */
  error: Error | undefined
  /** The upstream closed it while it was idle. */
  isClosedByPeer = false
  /** When it was opened, or its last response came. */
  lastActiveAt: Milliseconds = -Infinity
  /** A response has come. */
  hasAnswered = false
  /** Its idle timeout has passed: it is used until another one is open. */
  isExpiring = false
  protected readonly inFlight = new Map<number, Attempt>()
  /** How many queries the upstream accepts in flight. */
  protected capacity = MAX_PIPELINED
  private isEstablished = false
  private lastResponseAt: Milliseconds = -Infinity
  /** Takes no more queries. */
  private isRetired = false
  private isClosed = false
  private idleTimer: Timer | undefined

  /** @param idle idle timeout */
  constructor(
    protected readonly socket: ConnectionSocket,
    protected readonly isEncrypted: boolean,
    private readonly idle: Milliseconds,
    protected readonly dependencies: ConnectionDependencies,
    protected readonly listener: ConnectionListener
  ) {
    socket.on(isEncrypted ? 'secureConnect' : 'connect', () => this.onConnect())
    // 'close' always follows, whatever the error.
    socket.on('error', (error: Error) => this.abort(error))
    socket.on('close', () => this.onSocketClosed())
    this.idleTimer = dependencies.timers.after(MAX_HANDSHAKE, () => {
      this.abort(failure('UPSTREAM_HANDSHAKE', MAX_HANDSHAKE))
    })
  }

  /** Prepares the socket, which is connected, for queries. */
  protected abstract open(): void
  /** Sends an attempt that is in `inFlight` by its ID. */
  protected abstract transmit(attempt: Attempt): void
  /** A new key in `inFlight`. */
  protected abstract nextId(): number

  /** A further query can be sent at once. */
  get hasRoom(): boolean {
    return this.isUsable && this.inFlight.size < this.capacity
  }

  /** It will soon be full. */
  get isBusy(): boolean {
    return this.inFlight.size > this.capacity / 2
  }

  /** A further query can wait here until the upstream accepts it. */
  get canQueue(): boolean {
    return this.isUsable && this.inFlight.size < MAX_PIPELINED
  }

  protected get isUsable(): boolean {
    return !this.isRetired
  }

  send(attempt: Attempt): void {
    if (this.isEstablished) this.idleTimer?.cancel()
    attempt.channel = this
    attempt.id = this.nextId()
    this.inFlight.set(attempt.id, attempt)
    if (this.isEstablished) this.transmit(attempt)
  }

  release(id: number): void {
    this.inFlight.delete(id)
    if (this.inFlight.size > 0) return
    if (this.isRetired) this.close()
    else if (this.isEstablished) this.startIdleTimer()
  }

  /** A query sent at `sentAt` timed out: if no response has come since, the connection is dead. */
  onTimeout(sentAt: Milliseconds): void {
    if (this.lastResponseAt <= sentAt) this.retire()
  }

  /** Takes no more queries, and closes once those in flight have ended. */
  retire(): void {
    if (this.isRetired) return
    this.isRetired = true
    this.listener.onRetired(this)
    if (this.inFlight.size === 0) this.close()
  }

  close(): void {
    this.isRetired = true
    this.idleTimer?.cancel()
    this.destroy()
  }

  protected destroy(): void {
    this.socket.destroy()
  }

  /** Closes it because of an error; the first one counts. */
  protected abort(error: Error): void {
    this.error ??= error
    this.close()
  }

  /** The upstream accepts no more queries. */
  protected onPeerClose(): void {
    if (!this.isRetired) this.isClosedByPeer = this.inFlight.size === 0
    this.retire()
  }

  /** A response came. */
  protected markActive(now: Milliseconds): void {
    this.lastResponseAt = this.lastActiveAt = now
    this.hasAnswered = true
  }

  /** @param mayRetry the upstream is not at fault, so that the same one may be queried again */
  protected lose(attempt: Attempt, mayRetry: boolean): void {
    attempt.release()
    this.dependencies.handler.onConnectionLost(attempt, mayRetry)
  }

  private onConnect(): void {
    // The server turned out to be another one.
    if (this.socket.destroyed) return
    this.isEstablished = true
    this.idleTimer?.cancel()
    this.lastActiveAt = this.dependencies.now()
    this.open()
    for (const attempt of this.inFlight.values()) this.transmit(attempt)
    if (this.inFlight.size === 0) this.startIdleTimer()
    this.listener.onOpen(this)
  }

  private startIdleTimer(): void {
    this.idleTimer?.cancel()
    this.idleTimer = this.dependencies.timers.after(this.idle, () => this.listener.onIdle(this))
  }

  private onSocketClosed(): void {
    if (this.isClosed) return
    this.isClosed = true
    this.isRetired = true
    this.idleTimer?.cancel()
    this.listener.onClosed(this)
    const lost = [...this.inFlight.values()]
    this.inFlight.clear()
    for (const attempt of lost) {
      attempt.channel = undefined
      this.dependencies.handler.onConnectionLost(attempt, this.isEstablished)
    }
  }
}
