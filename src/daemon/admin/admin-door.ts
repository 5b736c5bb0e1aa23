import type { Socket } from 'node:net'
import { failure } from '../../base/error.js'
import type { Milliseconds, Octets } from '../../base/units.js'
import { LONGEST_REQUEST, readRequest, refusalOf, type Request } from './admin-protocol.js'

/** What an admin client may take of us; it can ask again. */
export interface DoorLimits {
  readonly connections: number
  /** For the request to come, and again for the reply to be read. */
  readonly patience: Milliseconds
}

const LIMITS: DoorLimits = { connections: 8, patience: 5_000 }

/**
 * Admin clients, one request for each connection. All of it is bounded, since it happens on the
 * thread that keeps the gateway going: octets of a request, connections, and the time that each
 * takes. A client that hangs is hung up on.
 */
export class AdminDoor {
  private readonly visits = new Set<Visit>()

  /** @param serve does what is asked, and never takes for ever; what it throws is told */
  constructor(
    private readonly serve: (request: Request) => Promise<unknown>,
    private readonly limits = LIMITS
  ) {}

  readonly accept = (socket: Socket): void => {
    const { connections, patience } = this.limits
    const visit = new Visit(socket, patience, this.serve)
    socket.once('close', () => this.visits.delete(visit))
    if (this.visits.size < connections) this.visits.add(visit)
    else visit.reply(refusalOf(failure('ADMIN_BUSY', connections)))
  }

  /** Hangs up on everybody. */
  close(): void {
    for (const visit of this.visits) visit.leave()
  }
}

class Visit {
  private readonly pieces: Buffer[] = []
  private length: Octets = 0
  private timer: NodeJS.Timeout

  constructor(
    private readonly socket: Socket,
    private readonly patience: Milliseconds,
    private readonly serve: (request: Request) => Promise<unknown>
  ) {
    this.timer = setTimeout(() => this.leave(), patience)
    socket.on('error', () => this.leave())
    socket.on('close', () => clearTimeout(this.timer))
    socket.on('data', this.take)
    socket.on('end', this.end)
  }

  leave(): void {
    this.socket.destroy()
  }

  /** The last that is said. */
  reply(value: unknown): void {
    const { socket } = this
    clearTimeout(this.timer)
    if (socket.destroyed) return
    this.timer = setTimeout(() => this.leave(), this.patience)
    socket.end(`${JSON.stringify(value)}\n`)
    // What was not read when we hang up would be an error for the client: unix(7), ECONNRESET.
    this.stopReading()
    socket.resume()
  }

  private readonly take = (piece: Buffer): void => {
    const at = piece.indexOf(0x0a)
    const end = at === -1 ? piece.length : at
    this.pieces.push(piece.subarray(0, end))
    this.length += end
    if (this.length > LONGEST_REQUEST) {
      this.stopReading()
      this.reply(refusalOf(failure('ADMIN_REQUEST', `it is over ${LONGEST_REQUEST} octets`)))
    } else if (at !== -1) this.end()
  }

  /** The request is here, by the end of its line or of what the client sends. */
  private readonly end = (): void => {
    this.stopReading()
    clearTimeout(this.timer)
    void this.answer(Buffer.concat(this.pieces).toString())
  }

  private stopReading(): void {
    const { socket } = this
    socket.off('data', this.take)
    socket.off('end', this.end)
    socket.pause()
  }

  private async answer(line: string): Promise<void> {
    try {
      const result = await this.serve(readRequest(line))
      this.reply({ ok: true, result })
    } catch (error) {
      this.reply(refusalOf(error))
    }
  }
}
