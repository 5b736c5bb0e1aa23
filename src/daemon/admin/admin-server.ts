import type { Socket } from 'node:net'
import { failure } from '../../base/error.js'
import type { Milliseconds, Octets } from '../../base/units.js'
import { MAX_REQUEST_SIZE, readRequest, errorReply, type AdminRequest } from './admin-protocol.js'

/** What an admin client may take of us; it can ask again. */
export interface AdminLimits {
  readonly connections: number
  /** For the request to come, and again for the reply to be read. */
  readonly timeout: Milliseconds
}

const LIMITS: AdminLimits = { connections: 8, timeout: 5_000 }

/**
 * Admin clients, one request for each connection. All of it is bounded, since it happens on the
 * thread that keeps the gateway going: octets of a request, connections, and the time that each
 * takes. A client that hangs is hung up on.
 */
export class AdminServer {
  private readonly connections = new Set<AdminConnection>()

  /** @param handle does what is asked, and never takes for ever; what it throws is told */
  constructor(
    private readonly handle: (request: AdminRequest) => Promise<unknown>,
    private readonly limits = LIMITS
  ) {}

  readonly accept = (socket: Socket): void => {
    const { connections, timeout: patience } = this.limits
    const visit = new AdminConnection(socket, patience, this.handle)
    socket.once('close', () => this.connections.delete(visit))
    if (this.connections.size < connections) this.connections.add(visit)
    else visit.reply(errorReply(failure('ADMIN_BUSY', connections)))
  }

  /** Hangs up on everybody. */
  close(): void {
    for (const visit of this.connections) visit.destroy()
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

  /** The last that is said. */
  reply(value: unknown): void {
    const { socket } = this
    clearTimeout(this.timer)
    if (socket.destroyed) return
    this.timer = setTimeout(() => this.destroy(), this.timeout)
    socket.end(`${JSON.stringify(value)}\n`)
    // What was not read when we hang up would be an error for the client: unix(7), ECONNRESET.
    this.stopReading()
    socket.resume()
  }

  private readonly onData = (piece: Buffer): void => {
    const at = piece.indexOf(0x0a)
    const end = at === -1 ? piece.length : at
    this.chunks.push(piece.subarray(0, end))
    this.length += end
    if (this.length > MAX_REQUEST_SIZE) {
      this.stopReading()
      this.reply(errorReply(failure('ADMIN_REQUEST', `it is over ${MAX_REQUEST_SIZE} octets`)))
    } else if (at !== -1) this.onRequestComplete()
  }

  /** The request is here, by the end of its line or of what the client sends. */
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
      this.reply({ ok: true, result })
    } catch (error) {
      this.reply(errorReply(error))
    }
  }
}
