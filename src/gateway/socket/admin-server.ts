import type { Socket } from 'node:net'
import { failure } from '../../base/errors/error.js'
import type { Milliseconds, Octets } from '../../base/units.js'
import { OctetReply } from '../status/rules-in-force.js'
import { MAX_REQUEST_SIZE, readRequest, errorReply, type AdminRequest } from './admin-protocol.js'

/** Limits for admin clients, which may retry. */
export interface AdminLimits {
  readonly connections: number
  /** For receiving the request, and again for sending the reply. */
  readonly timeout: Milliseconds
}

/** What a client has to read within the timeout. */
const CHUNK: Octets = 2 ** 20

const LIMITS: AdminLimits = { connections: 8, timeout: 5_000 }

/**
 * Serves admin clients, one request per connection. Request size, connections and time are limited, since
 * this runs on the control thread. A client that hangs is disconnected.
 */
export class AdminServer {
  private readonly connections = new Set<AdminConnection>()

  /** @param handle runs a request in bounded time; the client gets what it returns or throws */
  constructor(
    private readonly handle: (request: AdminRequest) => Promise<unknown>,
    private readonly limits = LIMITS
  ) {}

  readonly accept = (socket: Socket): void => {
    const { connections, timeout } = this.limits
    const connection = new AdminConnection(socket, timeout, this.handle)
    socket.once('close', () => this.connections.delete(connection))
    if (this.connections.size < connections) this.connections.add(connection)
    else connection.reply(errorReply(failure('ADMIN_BUSY', connections)))
  }

  /** Disconnects all clients. */
  close(): void {
    for (const connection of this.connections) connection.destroy()
  }
}

class AdminConnection {
  private readonly chunks: Buffer[] = []
  private length: Octets = 0
  private timer: NodeJS.Timeout

  constructor(
    private readonly socket: Socket,
    private readonly timeout: Milliseconds,
    private readonly handle: (request: AdminRequest) => Promise<unknown>
  ) {
    this.timer = setTimeout(() => this.destroy(), timeout)
    socket.on('error', () => this.destroy())
    socket.on('close', () => clearTimeout(this.timer))
    socket.on('data', this.onData)
    socket.on('end', this.onRequestComplete)
  }

  destroy(): void {
    this.socket.destroy()
  }

  /** Sends the reply, and closes the connection once the client has read it. */
  reply(value: unknown): void {
    const { socket } = this
    clearTimeout(this.timer)
    if (socket.destroyed) return
    this.timer = setTimeout(() => this.destroy(), this.timeout)
    socket.end(`${JSON.stringify(value)}\n`)
    // Closing with unread data would give the client ECONNRESET (unix(7)).
    this.stopReading()
    socket.resume()
  }

  /** Sends a reply whose line octets follow, as fast as the client reads them. */
  private async send({ facts, parts }: OctetReply): Promise<void> {
    const { socket } = this
    socket.resume()
    socket.write(`${JSON.stringify({ ok: true, result: facts })}\n`)
    for (const part of parts) {
      for (let at = 0; at < part.length; at += CHUNK) {
        if (socket.destroyed) return
        this.timer = setTimeout(() => this.destroy(), this.timeout)
        await new Promise(done => socket.write(part.subarray(at, at + CHUNK), done))
        clearTimeout(this.timer)
      }
    }
    socket.end()
  }

  private readonly onData = (chunk: Buffer): void => {
    const at = chunk.indexOf(0x0a)
    const end = at === -1 ? chunk.length : at
    this.chunks.push(chunk.subarray(0, end))
    this.length += end
    if (this.length > MAX_REQUEST_SIZE) {
      this.stopReading()
      this.reply(errorReply(failure('ADMIN_REQUEST', `larger than ${MAX_REQUEST_SIZE} bytes`)))
    } else if (at !== -1) this.onRequestComplete()
  }

  /** The request ends with its line, or with the client's side of the connection. */
  private readonly onRequestComplete = (): void => {
    this.stopReading()
    clearTimeout(this.timer)
    void this.answer(Buffer.concat(this.chunks).toString())
  }

  private stopReading(): void {
    const { socket } = this
    socket.off('data', this.onData)
    socket.off('end', this.onRequestComplete)
    socket.pause()
  }

  private async answer(line: string): Promise<void> {
    try {
      const result = await this.handle(readRequest(line))
      if (result instanceof OctetReply) await this.send(result)
      else this.reply({ ok: true, result })
    } catch (error) {
      this.reply(errorReply(error))
    }
  }
}
