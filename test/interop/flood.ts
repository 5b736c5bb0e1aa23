import { createSocket, type Socket } from 'node:dgram'
import { readName } from '../../src/wire/dns/name/name.js'

/** One query and what came back, in the order of sending. */
export interface Exchange {
  readonly name: string
  readonly sentAt: number
  reply: Buffer | undefined
}

/** A client of its own: sends at a steady rate and keeps every answer, so that none goes unnoticed. */
export class Flood {
  readonly exchanges: Exchange[] = []
  private readonly open = new Map<number, Exchange>()
  private timer: NodeJS.Timeout | undefined
  private id = 0

  private constructor(
    private readonly socket: Socket,
    private readonly port: number
  ) {
    socket.on('message', reply => {
      const exchange = this.open.get(reply.readUInt16BE(0))
      if (exchange === undefined) return
      exchange.reply = Buffer.from(reply)
      this.open.delete(reply.readUInt16BE(0))
    })
  }

  /** @param address of the client: 127.0.0.2 for another network than 127.0.0.1 */
  static async from(address: string, port: number): Promise<Flood> {
    const socket = createSocket({ type: 'udp4', recvBufferSize: 4 << 20 })
    await new Promise<void>(resolve => socket.bind(0, address, resolve))
    return new Flood(socket, port)
  }

  /** Sends `perTick` queries every 5 ms for names in turn, until stopped. */
  start(names: readonly string[], perTick: number): void {
    let turn = 0
    this.timer = setInterval(() => {
      for (let i = 0; i < perTick; i++) this.send(names[turn++ % names.length]!)
    }, 5)
  }

  stop(): void {
    clearInterval(this.timer)
  }

  send(name: string): void {
    this.id = (this.id + 1) & 0xffff
    const message = encodeQuery(this.id, name)
    const exchange = { name, sentAt: performance.now(), reply: undefined }
    this.exchanges.push(exchange)
    this.open.set(this.id, exchange)
    this.socket.send(message, this.port, '127.0.0.1')
  }

  /** Waits until all are answered, at most `ms`. */
  async settle(ms: number): Promise<void> {
    const end = performance.now() + ms
    while (this.open.size > 0 && performance.now() < end) {
      await new Promise(resolve => setTimeout(resolve, 10))
    }
  }

  get unanswered(): Exchange[] {
    return this.exchanges.filter(exchange => exchange.reply === undefined)
  }

  close(): void {
    this.stop()
    this.socket.close()
  }
}

export const rcodeOf = (reply: Buffer): number => reply[3]! & 15

/** A query for A with EDNS. */
function encodeQuery(id: number, name: string): Buffer {
  const head = Buffer.from([id >> 8, id & 255, 1, 0, 0, 1, 0, 0, 0, 0, 0, 1])
  const tail = Buffer.from([0, 1, 0, 1, 0, 0, 41, 4, 0xd0, 0, 0, 0, 0, 0, 0])
  return Buffer.concat([head, readName(name), tail])
}
