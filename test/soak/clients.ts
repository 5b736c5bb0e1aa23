import { createSocket, type Socket } from 'node:dgram'
import { once } from 'node:events'
import { connect, type Socket as Connection } from 'node:net'
import type { Milliseconds } from '../../src/base/units.js'
import type { Checker, Question } from './checker.js'

/** Longer than any query takes: those that wait for upstreams are given up after 4 s. */
const PATIENCE: Milliseconds = 8_000

/** Asks, and tells the checker what came of each query. */
export abstract class Client {
  protected readonly open = new Map<number, Question>()
  private id = 0

  constructor(
    private readonly checker: Checker,
    private readonly took: (time: Milliseconds) => void
  ) {}

  /** Sends a query with an ID of its own. */
  ask(kind: Question['kind'], number: number, message: Uint8Array, overTcp: boolean): void {
    do this.id = (this.id + 1) & 0xffff
    while (this.open.has(this.id))
    message[0] = this.id >> 8
    message[1] = this.id
    this.open.set(this.id, { kind, number, message, overTcp, sent: performance.now() })
    this.send(message)
  }

  /** Gives up on what has waited for too long. */
  sweep(now: Milliseconds): void {
    for (const [id, question] of this.open) {
      if (now - question.sent < PATIENCE) continue
      this.open.delete(id)
      this.checker.unanswered(question, `${PATIENCE} ms went by`)
    }
  }

  get waiting(): number {
    return this.open.size
  }

  abstract close(): void

  protected abstract send(message: Uint8Array): void

  protected hear(reply: Uint8Array): void {
    const id = (reply[0]! << 8) | reply[1]!
    const question = this.open.get(id)
    if (question === undefined) return // given up: it was counted as lost
    this.open.delete(id)
    const now = performance.now()
    this.took(now - question.sent)
    this.checker.answered(question, reply, now)
  }

  protected lose(why: string): void {
    for (const question of this.open.values()) this.checker.unanswered(question, why)
    this.open.clear()
  }
}

export class UdpClient extends Client {
  private socket: Socket | undefined

  async start(port: number): Promise<void> {
    const socket = createSocket({ type: 'udp4', recvBufferSize: 1 << 20 })
    socket.on('message', reply => this.hear(reply))
    socket.on('error', () => undefined)
    socket.bind(0, '127.0.0.1')
    await once(socket, 'listening')
    socket.connect(port, '127.0.0.1')
    await once(socket, 'connect')
    this.socket = socket
  }

  close(): void {
    this.socket?.close()
  }

  protected send(message: Uint8Array): void {
    this.socket!.send(message)
  }
}

/** Keeps one connection, and opens another when it is closed. */
export class TcpClient extends Client {
  private connection: Connection | undefined
  private closing = false

  start(port: number): void {
    const connection = connect({ host: '127.0.0.1', port, noDelay: true })
    let got = Buffer.alloc(0)
    connection.on('error', () => undefined)
    connection.on('data', chunk => {
      got = Buffer.concat([got, chunk])
      while (got.length >= 2 && got.length >= 2 + got.readUInt16BE()) {
        const end = 2 + got.readUInt16BE()
        this.hear(Uint8Array.from(got.subarray(2, end)))
        got = got.subarray(end)
      }
    })
    connection.on('close', () => {
      this.lose('the connection was closed')
      if (!this.closing) setTimeout(() => this.start(port), 20)
    })
    this.connection = connection
  }

  close(): void {
    this.closing = true
    this.connection?.destroy()
  }

  protected send(message: Uint8Array): void {
    this.connection!.write(Uint8Array.of(message.length >> 8, message.length & 255, ...message))
  }
}
