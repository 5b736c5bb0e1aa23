import type { ByteStream, StreamHandler } from '../../../base/bytes/byte-stream.js'
import { copyOctets } from '../../../base/bytes/octets.js'
import type { Octets } from '../../../base/units.js'
import { SOCKET_FLAGS } from './constants.js'
import { encode } from './encoding.js'
import type { Sender } from './memory-bio.js'
import type { SocketOwner } from './node-socket.js'
import { FAILED, OpenSslError } from './openssl.js'
import { RecordCounter } from './record-counter.js'
import {
  EPOLLERR,
  EPOLLET,
  EPOLLHUP,
  EPOLLIN,
  EPOLLOUT,
  EPOLLRDHUP,
  WRITE_SIZE,
  type Polled,
  type TlsLoop
} from './tls-loop.js'

/** sys/socket.h: SHUT_WR. */
const SHUT_WRITE = 1
/** As Node has it. */
const DISCONNECTED =
  'Client network socket disconnected before secure TLS connection was established'
/** Nothing should be added while more waits to be sent: as in Node. */
const HIGH_WATER: Octets = 16_384
/** By its length: of those that we offer, only `h2` has two octets. */
const H2_LENGTH = 2

/** Events of a connection after which there is an end or an error to read. */
const ENDS = EPOLLRDHUP | EPOLLHUP | EPOLLERR
/** What a connection that is read waits for while it has nothing to send. */
const READS_ONLY = EPOLLIN | EPOLLRDHUP | EPOLLET

/** Called at the end of a handshake, however it ended. */
export type OnHandshake = (isSecure: boolean) => void

/** One side of a TLS connection. OpenSSL reads and writes memory that the loop has for all of them. */
export class TlsStream implements ByteStream, Polled, Sender {
  isEnded = false
  /** Why it was destroyed; undefined: for no error. */
  error: Error | undefined
  private handler: StreamHandler | undefined
  private isPaused = true
  private hasWritten = false
  /** The other end has closed its side. */
  private hasEnded = false
  private waiting: Buffer | undefined
  /** What came with the end of the handshake. */
  private early: Buffer | undefined
  private events = EPOLLIN
  private onHandshake: OnHandshake | undefined
  private readonly records = new RecordCounter()

  /**
   * The handshake goes on when something has come.
   *
   * @param connection of OpenSSL, which is this stream's from now on
   */
  constructor(
    private readonly loop: TlsLoop,
    private readonly socket: SocketOwner,
    readonly fd: number,
    private connection: number,
    onHandshake: OnHandshake
  ) {
    const { openSsl, input, output } = loop
    this.onHandshake = onHandshake
    openSsl.keepBio(input.bio)
    openSsl.setInput(this.connection, input.bio)
    openSsl.keepBio(output.bio)
    openSsl.setOutput(this.connection, output.bio)
    loop.add(this, this.events)
    socket.once('close', () => this.destroy())
  }

  get destroyed(): boolean {
    return this.connection === 0
  }

  get unsent(): Octets {
    return this.waiting?.length ?? 0
  }

  get needsDrain(): boolean {
    return this.unsent > HIGH_WATER
  }

  /** What is written is encrypted at once. */
  get backlog(): Octets {
    return -1
  }

  get isResumed(): boolean {
    return this.loop.openSsl.isResumed(this.connection) === 1
  }

  /** As in `TLSSocket`. */
  get servername(): string | false {
    if (this.destroyed) return false
    return this.loop.openSsl.serverName(this.connection, 0) ?? false
  }

  /** Whether HTTP/2 was negotiated by ALPN. */
  get isHttp2(): boolean {
    if (this.destroyed) return false
    const data = Buffer.alloc(8)
    const length = Buffer.alloc(4)
    this.loop.openSsl.selectedAlpn(this.connection, data, length)
    return length.readUInt32LE() === H2_LENGTH
  }

  /** In DER; undefined: none. */
  peerCertificate(): Buffer | undefined {
    if (this.destroyed) return undefined
    const { openSsl } = this.loop
    const certificate = openSsl.peerCertificate(this.connection)
    if (certificate === 0) return undefined
    const der = encode(openSsl, openSsl.encodeCertificate, certificate)
    openSsl.freeCertificate(certificate)
    return der
  }

  start(handler: StreamHandler): void {
    this.handler = handler
    this.resume()
  }

  pause(): void {
    if (this.isPaused) return
    this.isPaused = true
    this.watch()
  }

  resume(): void {
    if (!this.isPaused || this.destroyed) return
    this.isPaused = false
    this.watch()
    if (this.early !== undefined) this.loop.readLater(this)
  }

  write(octets: Uint8Array, start: Octets, end: Octets): void {
    const { plain, plainAddress, openSsl, output } = this.loop
    if (!this.hasWritten && !this.destroyed) {
      this.hasWritten = true
      // A server's ticket (RFC 8446 §4.6.1) leaves with what it writes first. By itself it would cost a system call.
      openSsl.sendTicket(this.connection)
    }
    for (let at = start; at < end && !this.destroyed; at += WRITE_SIZE) {
      const size = Math.min(end - at, WRITE_SIZE)
      copyOctets(octets, at, at + size, plain, 0)
      if (openSsl.write(this.connection, plainAddress, size) === size) output.add(this)
      else this.destroy()
    }
  }

  end(): void {
    if (this.isEnded || this.destroyed) return
    this.isEnded = true
    const { openSsl, output } = this.loop
    // It fails in the middle of a message of TLS itself: then the connection ends without an alert.
    openSsl.shutdown(this.connection)
    output.add(this)
    output.send()
    if (this.waiting === undefined) this.closeSide()
  }

  destroy(): void {
    if (this.destroyed) return
    const { openSsl, output } = this.loop
    this.loop.remove(this)
    openSsl.freeConnection(this.connection)
    // While there is a socket to send by.
    output.send()
    this.connection = 0
    this.waiting = undefined
    this.socket.destroy()
    this.finishHandshake(false)
  }

  keep(octets: Buffer): void {
    this.waiting = this.waiting === undefined ? octets : Buffer.concat([this.waiting, octets])
    this.watch()
  }

  ready(events: number): void {
    try {
      this.proceed(events)
    } catch (error) {
      if (!(error instanceof OpenSslError)) throw error
      this.lose(error)
    }
  }

  private proceed(events: number): void {
    if ((events & EPOLLOUT) !== 0) this.sendWaiting()
    if (this.destroyed) return
    if (this.onHandshake !== undefined) this.shake()
    else if (!this.isPaused && !this.hasEnded) this.read(events)
    // Nothing can be sent any more.
    else if ((events & (EPOLLERR | EPOLLHUP)) !== 0) this.destroy()
  }

  private shake(): void {
    const { openSsl, input, output } = this.loop
    const came = this.take()
    if (this.destroyed) return
    const result = openSsl.handshake(this.connection)
    if (result === 1) {
      if (input.rest > 0) this.early = input.copyRest(came)
      output.add(this)
      this.finishHandshake(true)
      this.watch()
      return
    }
    if (result !== FAILED.wantRead) this.setError()
    // Perhaps an alert.
    output.add(this)
    if (result !== FAILED.wantRead) this.fail()
    else if (came === 0) this.lose(new Error(DISCONNECTED))
  }

  private finishHandshake(isSecure: boolean): void {
    const { onHandshake } = this
    this.onHandshake = undefined
    onHandshake?.(isSecure)
  }

  private read(events: number): void {
    const { openSsl, input, output, readAddress, octets } = this.loop
    const { connection } = this
    const came = this.take()
    if (came < 0) return
    let filled = 0
    let result: number = came === 0 ? FAILED.closed : FAILED.wantRead
    // OpenSSL returns the data of one record at a time.
    let empty = this.records.count(input.octets, came)
    while (input.rest > 0) {
      result = openSsl.read(connection, readAddress + filled, octets.length - filled)
      if (result < 0) break
      filled += result
      empty--
    }
    const isOver = result < 0 && result !== FAILED.wantRead
    if (isOver && result !== FAILED.closed) this.setError()
    // Alerts, and answers to messages of TLS itself.
    output.add(this)
    // Reported once: there may be more, or the end.
    if (came === input.size || (came > 0 && (events & ENDS) !== 0)) this.loop.readLater(this)
    if (empty > 0) this.handler!.onEmptyRecords?.(empty)
    if (filled > 0 && !this.destroyed) this.handler!.receive(octets, 0, filled)
    if (!isOver || this.destroyed) return
    if (result === FAILED.closed) this.onOtherEnd()
    else this.fail()
  }

  /** Reads received data for OpenSSL. @returns its octets; 0: the other end has closed its side; negative: none */
  private take(): Octets {
    const { openSsl, input } = this.loop
    const { early } = this
    let size: Octets
    if (early === undefined)
      size = openSsl.receive(this.fd, input.address, input.size, SOCKET_FLAGS)
    else {
      this.early = undefined
      size = early.copy(input.octets)
    }
    input.provide(Math.max(size, 0))
    if (size < 0) {
      const { system } = openSsl
      const errno = system.errno()
      if (errno !== system.eagain) this.lose(new Error(system.errorText(errno)))
    }
    return size
  }

  private lose(error: Error): void {
    this.error = error
    this.destroy()
  }

  /** Keeps why something failed, in OpenSSL's words. */
  private setError(): void {
    const text = this.loop.openSsl.lastError()
    if (text !== undefined) this.error = new Error(text)
    else if (this.onHandshake !== undefined) this.error = new Error(DISCONNECTED)
  }

  /** Drains unread input: to close with unread data would send a reset, and lose the alert. */
  private fail(): void {
    const { openSsl, readAddress, octets } = this.loop
    openSsl.receive(this.fd, readAddress, octets.length, SOCKET_FLAGS)
    this.destroy()
  }

  private onOtherEnd(): void {
    this.hasEnded = true
    this.handler!.onEnd()
    if (this.isEnded && this.waiting === undefined) this.destroy()
    else this.watch()
  }

  private sendWaiting(): void {
    const { waiting } = this
    if (waiting === undefined) return
    const { openSsl } = this.loop
    const sent = openSsl.send(this.fd, waiting, waiting.length, SOCKET_FLAGS)
    if (sent < 0) {
      if (openSsl.system.errno() !== openSsl.system.eagain) this.destroy()
      return
    }
    if (sent < waiting.length) {
      this.waiting = waiting.subarray(sent)
      return
    }
    this.waiting = undefined
    this.watch()
    if (this.isEnded) this.closeSide()
    else this.handler?.onDrain()
  }

  private closeSide(): void {
    if (this.hasEnded) this.destroy()
    else this.loop.openSsl.shutdownSocket(this.fd, SHUT_WRITE)
  }

  /** Tells the loop what to wait for. */
  private watch(): void {
    if (this.destroyed) return
    let events = this.waiting === undefined ? 0 : EPOLLOUT
    if (this.onHandshake !== undefined) events |= EPOLLIN
    else if (!this.isPaused && !this.hasEnded) events |= events === 0 ? READS_ONLY : EPOLLIN
    if (events === this.events) return
    this.events = events
    this.loop.change(this, events)
  }
}
