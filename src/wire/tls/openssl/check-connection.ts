import type { Octets } from '../../../base/units.js'
import { COMMAND } from './constants.js'
import { copyFrom, encode, pointerTo } from './encoding.js'
import { forgetKeyShare } from './forget-key-share.js'
import { InputBio, OutputBio, type Sender } from './memory-bio.js'
import { FAILED, OpenSslError, type OpenSsl } from './openssl.js'

/** What each side may send at once. */
const SIZE: Octets = 65_536
/** Flights of a handshake, and some more. */
const MAX_FLIGHTS = 10

/** @throws OpenSslError unless it is so. @param what should be so */
export function isTrue(isSo: boolean, what: string): asserts isSo {
  if (!isSo) throw new OpenSslError(`not as expected: ${what}`)
}

/** What the loop of a thread has for its connections. */
export class CheckMemory {
  readonly input: InputBio
  readonly output: OutputBio
  readonly plain: Buffer
  readonly address: number

  constructor(openSsl: OpenSsl) {
    this.input = new InputBio(openSsl, SIZE)
    this.output = new OutputBio(openSsl)
    const { buffer, address } = openSsl.system.map(SIZE)
    this.plain = Buffer.from(buffer)
    this.address = address
  }

  free(): void {
    this.input.free()
    this.output.free()
  }
}

/** One side of a connection in memory. What it sends waits until the other side takes it. */
export class CheckConnection implements Sender {
  readonly fd = -1
  /** So that the output is kept, not sent. */
  readonly unsent = 1
  private sent: Buffer = Buffer.alloc(0)
  private isSecure = false
  private readonly connection: number

  constructor(
    private readonly openSsl: OpenSsl,
    private readonly memory: CheckMemory,
    context: number
  ) {
    const { input, output } = memory
    this.connection = openSsl.newConnection(context)
    openSsl.keepBio(input.bio)
    openSsl.setInput(this.connection, input.bio)
    openSsl.keepBio(output.bio)
    openSsl.setOutput(this.connection, output.bio)
  }

  get isResumed(): boolean {
    return this.openSsl.isResumed(this.connection) === 1
  }

  get version(): number {
    return this.openSsl.protocolVersion(this.connection)
  }

  get serverName(): string | null {
    return this.openSsl.serverName(this.connection, 0)
  }

  get verifyResult(): number {
    return this.openSsl.verifyResult(this.connection)
  }

  /** In DER. */
  get peerCertificate(): Buffer | undefined {
    const { openSsl } = this
    const certificate = openSsl.peerCertificate(this.connection)
    if (certificate === 0) return undefined
    const der = encode(openSsl, openSsl.encodeCertificate, certificate)
    openSsl.freeCertificate(certificate)
    return der
  }

  get alpn(): string {
    const data = Buffer.alloc(8)
    const length = Buffer.alloc(4)
    this.openSsl.selectedAlpn(this.connection, data, length)
    const size = length.readUInt32LE()
    return copyFrom(this.openSsl, Number(data.readBigUInt64LE()), size).toString('latin1')
  }

  get session(): Buffer {
    const { openSsl } = this
    return encode(openSsl, openSsl.encodeSession, openSsl.session(this.connection))
  }

  beginAsServer(): void {
    this.openSsl.setServer(this.connection)
  }

  beginAsClient(name: string, protocols: Buffer, session: Buffer | undefined): void {
    const { openSsl, connection } = this
    openSsl.setClient(connection)
    openSsl.requestAlpn(connection, protocols, protocols.length)
    openSsl.setServerName(connection, COMMAND.serverName, 0, name)
    if (session === undefined) return
    const decoded = openSsl.decodeSession(0, pointerTo(openSsl, session), session.length)
    isTrue(decoded !== 0, 'a session is decoded')
    isTrue(openSsl.setSession(connection, decoded) === 1, 'a session is set')
    openSsl.freeSession(decoded)
  }

  /** Until both sides are secure. @param other the server */
  shakeWith(other: CheckConnection): void {
    for (let flight = 0; flight < MAX_FLIGHTS && !(this.isSecure && other.isSecure); flight++) {
      const [receiver, sender] = flight % 2 === 0 ? [this, other] : [other, this]
      receiver.shake(sender.take())
    }
    isTrue(this.isSecure && other.isSecure, 'a handshake ends')
  }

  write(octets: Buffer): void {
    const { openSsl, memory } = this
    octets.copy(memory.plain)
    const result = openSsl.write(this.connection, memory.address, octets.length)
    memory.output.add(this)
    isTrue(result === octets.length, 'all is written')
  }

  readFrom(other: CheckConnection): Buffer {
    this.provide(other.take())
    return this.read()
  }

  sendTicket(): void {
    this.openSsl.sendTicket(this.connection)
  }

  shutdown(): number {
    const result = this.openSsl.shutdown(this.connection)
    this.memory.output.add(this)
    return result
  }

  isClosedBy(other: CheckConnection): boolean {
    this.provide(other.take())
    return this.readOnce() === FAILED.closed
  }

  /** Takes all but the last octet. */
  hasPartOf(other: CheckConnection): boolean {
    const octets = other.take()
    this.provide(octets.subarray(0, -1))
    const isWaiting = this.readOnce() === FAILED.wantRead && this.memory.input.rest === 0
    other.sent = octets.subarray(-1)
    return isWaiting
  }

  rejectsBroken(other: CheckConnection): boolean {
    const octets = Buffer.from(other.take())
    octets[octets.length - 1]! ^= 1
    this.provide(octets)
    return this.readOnce() === FAILED.protocol
  }

  forgetKeyShare(): void {
    forgetKeyShare(this.openSsl, this.connection)
  }

  free(): void {
    this.openSsl.freeConnection(this.connection)
    this.memory.output.add(this)
  }

  keep(octets: Buffer): void {
    this.sent = Buffer.concat([this.sent, octets])
  }

  private take(): Buffer {
    const { sent } = this
    this.sent = Buffer.alloc(0)
    return sent
  }

  private provide(octets: Buffer): void {
    const { input } = this.memory
    octets.copy(input.octets)
    input.provide(octets.length)
  }

  private shake(octets: Buffer): void {
    if (this.isSecure) return
    this.provide(octets)
    const result = this.openSsl.handshake(this.connection)
    this.memory.output.add(this)
    this.isSecure = result === 1
    const text = this.openSsl.lastError() ?? String(result)
    isTrue(this.isSecure || result === FAILED.wantRead, `a handshake goes on (${text})`)
  }

  private readOnce(): number {
    const { openSsl, memory } = this
    const result = openSsl.read(this.connection, memory.address, SIZE)
    memory.output.add(this)
    return result
  }

  private read(): Buffer {
    const parts: Buffer[] = []
    let size
    while ((size = this.readOnce()) > 0)
      parts.push(Buffer.from(this.memory.plain.subarray(0, size)))
    isTrue(size === FAILED.wantRead, 'records are read to the end')
    return Buffer.concat(parts)
  }
}
