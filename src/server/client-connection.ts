import type { ByteStream, StreamHandler } from '../base/byte-stream.js'
import type { Clock } from '../base/clock.js'
import type { Milliseconds, Octets } from '../base/units.js'
import type { ConnectionIdentity } from './client-recognizer.js'
import { ReceiveBuffer } from './tcp-receive-buffer.js'

/** The other end of a connection. */
export interface Peer {
  /** The peer's address, or the one in its PROXY header: four words. */
  readonly client: Uint32Array
  /** One of `CLIENT_ADDRESS`. */
  readonly addressSource: number
  /** Undefined: the client is identified by its address. */
  readonly identity: ConnectionIdentity | undefined
}

/**
 * One connection of a client: receive buffer, queries in flight, idle time. Reading pauses while the client does not
 * read its replies or has too many queries in flight.
 */
export abstract class ClientConnection implements StreamHandler {
  protected readonly received = new ReceiveBuffer()
  protected inFlight = 0
  protected advancing = false
  private lastUse: Milliseconds
  private isAdvancingLater = false

  constructor(
    protected readonly stream: ByteStream,
    protected readonly peer: Peer,
    private readonly clock: Clock
  ) {
    this.lastUse = clock.now()
  }

  /** Accepts no further queries, and ends when those received are answered. */
  abstract finish(): void
  /** Ends the connection at once if the rules know an identity that it had no more. */
  abstract checkIdentity(): void
  /** Answers what can be answered now. */
  protected abstract answerAll(): void
  /** Writes replies that became ready since the last read. */
  protected abstract writeLate(): void
  protected abstract isFull(): boolean
  /** Accepts no further queries, and has answered those received. */
  protected abstract isDone(): boolean

  /** As `finish`, if no query came and no reply went out for so long. */
  finishIfQuiet(quiet: Milliseconds): void {
    if (this.inFlight === 0 && this.clock.now() - this.lastUse >= quiet) this.finish()
  }

  /**
   * Ends the connection if it was idle for so long. Destroys it if the client does not close its side
   * within the same time again, or does not read.
   *
   * @returns whether the connection was ended by this call
   */
  closeIfIdle(idle: Milliseconds): boolean {
    if (this.inFlight > 0 || this.clock.now() - this.lastUse < idle) return false
    const { isEnded, unsent } = this.stream
    if (isEnded || unsent > 0) this.stream.destroy()
    else this.finish()
    this.touch()
    return !isEnded
  }

  destroy(): void {
    this.stream.destroy()
  }

  /** Ends the connection if the certificate of its client has expired. */
  closeIfExpired(): void {
    const { identity } = this.peer
    if (identity !== undefined && this.clock.wall() > identity.expires) this.checkIdentity()
  }

  receive(octets: Buffer, start: Octets, end: Octets): void {
    this.received.append(octets, start, end)
    this.advance()
    this.received.keep()
  }

  onEnd(): void {
    this.finish()
  }

  onDrain(): void {
    this.advance()
  }

  /** Answers what can be answered now, then reads on, waits, or ends. */
  protected advance(): void {
    const { stream } = this
    if (this.advancing || stream.destroyed) return
    this.advancing = true
    this.answerAll()
    this.advancing = false
    if (this.isFull()) stream.pause()
    else stream.resume()
    if (this.isDone() && !this.isAdvancingLater && !stream.isEnded) stream.end()
  }

  /** Writes all replies that become ready in the same tick at once, and reads on. */
  protected advanceLater(): void {
    if (this.isAdvancingLater) return
    this.isAdvancingLater = true
    process.nextTick(() => {
      this.isAdvancingLater = false
      if (this.stream.destroyed) return
      this.touch()
      this.writeLate()
      this.advance()
    })
  }

  protected touch(): void {
    this.lastUse = this.clock.now()
  }
}
