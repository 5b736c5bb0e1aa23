import type { ByteStream, StreamHandler } from '../../base/byte-stream.js'
import { copyOctets } from '../../base/octets.js'
import type { Octets } from '../../base/units.js'
import { encode } from './encoding.js'
import type { SocketOwner } from './node-socket.js'
import {
  EPOLLERR,
  EPOLLHUP,
  EPOLLIN,
  EPOLLOUT,
  READ_SIZE,
  WRITE_SIZE,
  type Polled,
  type TlsLoop
} from './tls-loop.js'

/** openssl/ssl.h: results of SSL_get_error. */
const WANT_READ = 2
const ZERO_RETURN = 6
/** Room for the text of an error: ERR_error_string_n. */
const ERROR_SIZE: Octets = 256
/** bits/socket.h: MSG_DONTWAIT | MSG_NOSIGNAL. */
const SOCKET_FLAGS = 0x4040
/** sys/socket.h: SHUT_WR. */
const SHUT_WRITE = 1
/** As Node has it. */
const DISCONNECTED =
  'Client network socket disconnected before secure TLS connection was established'
/** Nothing should be added while more waits to be sent: as in Node. */
const HIGH_WATER: Octets = 16_384
/** By its length: of those that we offer, only `h2` has two octets. */
const H2_LENGTH = 2

/** Called at the end of a handshake, however it ended. */
export type OnHandshake = (isSecure: boolean) => void

/** One side of a TLS connection. OpenSSL reads from the socket itself. */
export class TlsStream implements ByteStream, Polled {
  isEnded = false
  /** Why it was destroyed; undefined: for no error. */
  error: Error | undefined
  private handler: StreamHandler | undefined
  private isPaused = true
  private hasWritten = false
  /** The other end has closed its side. */
  private hasEnded = false
  private waiting: Buffer | undefined
  private events = EPOLLIN
  private onHandshake: OnHandshake | undefined

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
    const { openSsl, output } = loop
    this.onHandshake = onHandshake
    openSsl.setInput(this.connection, openSsl.newSocketBio(fd, 0))
    openSsl.keepBio(output)
    openSsl.setOutput(this.connection, output)
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

  /** Whether the client has asked for HTTP/2 by ALPN. */
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
    if (this.loop.openSsl.hasPending(this.connection) === 1) this.loop.readLater(this)
  }

  write(octets: Uint8Array, start: Octets, end: Octets): void {
    const { plain, plainAddress, openSsl } = this.loop
    if (!this.hasWritten && !this.destroyed) {
      this.hasWritten = true
      // A server's ticket (RFC 8446 §4.6.1) leaves with what it writes first. By itself it would cost a system call.
      openSsl.sendTicket(this.connection)
    }
    for (let at = start; at < end && !this.destroyed; at += WRITE_SIZE) {
      const size = Math.min(end - at, WRITE_SIZE)
      copyOctets(octets, at, at + size, plain, 0)
      if (openSsl.write(this.connection, plainAddress, size) === size) this.send()
      else this.destroy()
    }
  }

  end(): void {
    if (this.isEnded || this.destroyed) return
    this.isEnded = true
    this.loop.openSsl.shutdown(this.connection)
    this.send()
    if (this.waiting === undefined) this.closeSide()
  }

  destroy(): void {
    if (this.destroyed) return
    const { openSsl } = this.loop
    this.loop.remove(this)
    openSsl.freeConnection(this.connection)
    this.loop.discardOutput()
    openSsl.clearErrors()
    this.connection = 0
    this.waiting = undefined
    this.socket.destroy()
    this.finishHandshake(false)
  }

  ready(events: number): void {
    if ((events & EPOLLOUT) !== 0) this.sendWaiting()
    if (this.destroyed) return
    if (this.onHandshake !== undefined) this.shake()
    else if (!this.isPaused && !this.hasEnded) this.read()
    // Nothing can be sent any more.
    else if ((events & (EPOLLERR | EPOLLHUP)) !== 0) this.destroy()
  }

  private shake(): void {
    const { openSsl } = this.loop
    const result = openSsl.handshake(this.connection)
    if (result === 1) {
      this.send()
      this.finishHandshake(true)
      this.watch()
      return
    }
    const failure = openSsl.error(this.connection, result)
    if (failure !== WANT_READ) this.setError(failure)
    // Perhaps an alert.
    this.send()
    if (failure !== WANT_READ) this.fail()
  }

  private finishHandshake(isSecure: boolean): void {
    const { onHandshake } = this
    this.onHandshake = undefined
    onHandshake?.(isSecure)
  }

  private read(): void {
    const { openSsl, readAddress, octets, output } = this.loop
    const { connection } = this
    let filled = 0
    let failure = WANT_READ
    do {
      const size = openSsl.read(connection, readAddress + filled, octets.length - filled)
      if (size <= 0) {
        failure = openSsl.error(connection, size)
        if (failure !== WANT_READ) this.setError(failure)
        break
      }
      filled += size
    } while (filled <= READ_SIZE && openSsl.hasPending(connection) === 1)
    // Alerts, and answers to messages of TLS itself.
    if (openSsl.pendingInBio(output) > 0) this.send()
    if (filled > READ_SIZE) this.loop.readLater(this)
    if (filled > 0) this.handler!.receive(octets, 0, filled)
    if (failure === WANT_READ || this.destroyed) return
    if (failure === ZERO_RETURN) this.onOtherEnd()
    else this.fail()
  }

  /** Keeps why something failed: in OpenSSL's words, or the system's. */
  private setError(failure: number): void {
    const { openSsl } = this.loop
    const { system } = openSsl
    const code = openSsl.firstError()
    if (code !== 0) {
      const text = Buffer.alloc(ERROR_SIZE)
      openSsl.describeError(code, text, text.length)
      this.error = new Error(text.toString('latin1', 0, text.indexOf(0)))
    } else if (failure !== ZERO_RETURN) this.error = new Error(system.errorText(system.errno()))
    else if (this.onHandshake !== undefined) this.error = new Error(DISCONNECTED)
  }

  /** Reads the rest away: a close with something unread would be a reset, and the alert be lost. */
  private fail(): void {
    const { openSsl, readAddress, octets } = this.loop
    openSsl.receive(this.fd, readAddress, octets.length, SOCKET_FLAGS)
    this.destroy()
  }

  private onOtherEnd(): void {
    this.hasEnded = true
    this.watch()
    this.handler!.onEnd()
    if (this.isEnded && this.waiting === undefined) this.destroy()
  }

  /** Sends what OpenSSL has written for this connection. */
  private send(): void {
    const { openSsl, output, out, outAddress, outSize } = this.loop
    // Put behind what waits in one go: a long answer has hundreds of such parts.
    let rest: Buffer[] | undefined
    for (;;) {
      const size = openSsl.readBio(output, outAddress, outSize)
      if (size <= 0) break
      if (this.waiting !== undefined) {
        rest ??= []
        rest.push(Buffer.from(out.subarray(0, size)))
      } else if (!this.destroyed) {
        const sent = Math.max(openSsl.sendAt(this.fd, outAddress, size, SOCKET_FLAGS), 0)
        if (sent < size) {
          this.waiting = Buffer.from(out.subarray(sent, size))
          this.watch()
        }
      }
      if (size < outSize) break
    }
    if (rest !== undefined) this.waiting = Buffer.concat([this.waiting!, ...rest])
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
    const reads = this.onHandshake !== undefined || (!this.isPaused && !this.hasEnded)
    const events = (reads ? EPOLLIN : 0) | (this.waiting === undefined ? 0 : EPOLLOUT)
    if (events === this.events) return
    this.events = events
    this.loop.change(this, events)
  }
}
