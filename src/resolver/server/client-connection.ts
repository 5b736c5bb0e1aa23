import type { ByteStream, StreamHandler } from '../../base/bytes/byte-stream.js'
import { ReceiveBuffer } from '../../base/bytes/receive-buffer.js'
import type { Clock } from '../../base/time/clock.js'
import type { Microseconds, Milliseconds, Octets } from '../../base/units.js'
import type { ConnectionIdentity } from './client-recognizer.js'
import { COST, type CpuBudget } from './cpu-budget.js'
import type { AddressSource } from './trusted-proxies.js'

/** The other end of a connection. */
export interface Peer {
  /** The peer's address, or the one in its PROXY header: four words. */
  readonly client: Uint32Array
  readonly addressSource: AddressSource
  /** Undefined: the client is identified by its address. */
  readonly identity: ConnectionIdentity | undefined
  /** Undefined: nobody is charged, since the connection belongs to a front end. */
  readonly budget: CpuBudget | undefined
}

/** The words of `ClientConnection.client`. */
const client = new Uint32Array(4)

/**
 * One connection of a client: receive buffer, queries in flight, idle time. Reading pauses while the client does not
 * read its replies or has too many queries in flight.
 */
export abstract class ClientConnection implements StreamHandler {
  protected readonly received = new ReceiveBuffer()
  protected inFlight = 0
  protected advancing = false
  protected readonly addressSource: AddressSource
  protected readonly identity: ConnectionIdentity | undefined
  private readonly budget: CpuBudget | undefined
  private readonly word0: number
  private readonly word1: number
  private readonly word2: number
  private readonly word3: number
  private lastUse: Milliseconds
  private isAdvancingLater = false

  constructor(
    protected readonly stream: ByteStream,
    peer: Peer,
    private readonly clock: Clock
  ) {
    this.addressSource = peer.addressSource
    this.identity = peer.identity
    this.budget = peer.budget
    // Not the array: of thousands of connections, it would be in no cache of the CPU when a query comes.
    const [word0, word1, word2, word3] = Int32Array.from(peer.client)
    this.word0 = word0!
    this.word1 = word1!
    this.word2 = word2!
    this.word3 = word3!
    this.lastUse = clock.now()
  }

  /** The client's address: four words. Valid until another connection's is read. */
  protected get client(): Uint32Array {
    client[0] = this.word0
    client[1] = this.word1
    client[2] = this.word2
    client[3] = this.word3
    return client
  }

  /** Accepts no further queries, and ends when those received are answered. */
  abstract finish(): void
  /** Ends the connection at once if an identity that it used is no longer valid. */
  abstract checkIdentity(): void
  /** Answers what can be answered now. */
  protected abstract answerAll(): void
  /** Writes replies that became ready since the last read. */
  protected abstract writeLate(): void
  protected abstract isFull(): boolean
  /** Accepts no further queries, and has answered those received. */
  protected abstract isDone(): boolean

  /** How long ago the last query came or the last reply went out; -1: a query is in flight. */
  get quietFor(): Milliseconds {
    return this.inFlight > 0 ? -1 : this.clock.now() - this.lastUse
  }

  /** As `finish`, if no query came and no reply went out for so long. */
  finishIfQuiet(quiet: Milliseconds): void {
    if (this.quietFor >= quiet) this.finish()
  }

  /**
   * Ends the connection if it was idle for so long. Destroys it if the client does not close its side
   * within the same time again, or does not read.
   *
   * @returns whether the connection was ended by this call
   */
  closeIfIdle(idle: Milliseconds): boolean {
    const empty = this.stream.emptyRecords?.() ?? 0
    if (empty > 0) this.onEmptyRecords(empty)
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
    const { identity } = this
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

  onEmptyRecords(count: number): void {
    this.charge(count * COST.emptyRecord)
  }

  /** Charges the client with work that was not for a query, and closes the connection if it is above its limit. */
  protected charge(cost: Microseconds): void {
    if (this.budget?.charge(this.client, cost) === false) this.destroy()
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
