import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { directClient } from '../../src/wire/tls/openssl/direct-client.js'
import { requestKeyUpdate } from './key-updates.js'

const ROOM = 65_536

/** A client of TLS 1.3 of which the test decides when each octet is sent. */
export class RecordClient {
  /** What the server has sent, decrypted. */
  received = Buffer.alloc(0)
  closed = false
  /** The last error of OpenSSL, in its words: an alert of the server, for example. */
  problem = ''
  private readonly direct = clientContext()
  private readonly connection: number
  private readonly input: number
  private readonly output: number
  private readonly memory = this.direct.loop.openSsl.system.map(ROOM)
  private isSecure = false

  /** @param first sent together with the end of the handshake */
  constructor(
    readonly socket: Socket,
    private readonly first: Uint8Array
  ) {
    const { openSsl } = this.direct.loop
    this.connection = openSsl.newConnection(this.direct.context)
    openSsl.setClient(this.connection)
    this.input = openSsl.newBio(openSsl.memory())
    this.output = openSsl.newBio(openSsl.memory())
    openSsl.setInput(this.connection, this.input)
    openSsl.setOutput(this.connection, this.output)
    socket.on('data', (octets: Buffer) => this.take(octets))
    socket.on('error', () => undefined)
    socket.on('close', () => {
      this.closed = true
      openSsl.freeConnection(this.connection)
    })
    this.shake()
  }

  /** A connection that has ended its handshake. */
  static async open(
    port: number,
    first: Uint8Array = new Uint8Array(),
    localAddress = '127.0.0.1'
  ): Promise<RecordClient> {
    const manners = { noDelay: true, allowHalfOpen: true }
    const socket = connect({ port, host: '127.0.0.1', localAddress, ...manners })
    await once(socket, 'connect')
    const client = new RecordClient(socket, first)
    while (!client.isSecure && !client.closed) await new Promise(resolve => setImmediate(resolve))
    return client
  }

  /** A record with this content. */
  record(content: Uint8Array): Buffer {
    const { openSsl } = this.direct.loop
    new Uint8Array(this.memory.buffer).set(content)
    openSsl.write(this.connection, this.memory.address, content.length)
    return this.sent()
  }

  /** So many messages that change the keys and ask the server to do the same: RFC 8446 §4.6.3. */
  keyUpdates(count: number): Buffer {
    const { openSsl } = this.direct.loop
    for (let i = 0; i < count; i++) requestKeyUpdate(openSsl, this.connection)
    return this.sent()
  }

  private take(octets: Buffer): void {
    const { openSsl } = this.direct.loop
    openSsl.writeBio(this.input, octets, octets.length)
    if (!this.isSecure) this.shake()
    const { address, buffer } = this.memory
    for (let size; this.isSecure && (size = openSsl.read(this.connection, address, ROOM)) > 0;)
      this.received = Buffer.concat([this.received, Buffer.from(buffer, 0, size)])
    this.problem = openSsl.lastError() ?? this.problem
  }

  private shake(): void {
    this.isSecure = this.direct.loop.openSsl.handshake(this.connection) === 1
    const end = this.sent()
    const first = this.isSecure && this.first.length > 0 ? this.record(this.first) : Buffer.alloc(0)
    this.socket.write(Buffer.concat([end, first]))
  }

  /** What OpenSSL wants to send. */
  private sent(): Buffer {
    const { openSsl } = this.direct.loop
    const octets = Buffer.alloc(ROOM)
    return octets.subarray(0, Math.max(0, openSsl.readBio(this.output, octets, ROOM)))
  }
}

function clientContext() {
  const direct = directClient('', undefined)
  if (typeof direct === 'string') throw new Error(direct)
  return direct
}
