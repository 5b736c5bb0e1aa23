import { createSocket, type Socket } from 'node:dgram'
import { once } from 'node:events'
import type { Milliseconds } from '../../src/base/units.js'
import { header, octets, question } from '../dns/octets.js'
import { faultOf } from './fault.js'
import { word } from './landmarks.js'

const UDP_LIMIT = 1232
const PATIENCE: Milliseconds = 1000
/** How often a probe is sent again: the kernel may have lost it among the mutants. */
const TRIES = 8

/** Asks for missing.example, which is banned: it is answered without asking anybody. */
export const PROBE = octets(header(0, 0x0100, 1, 0, 0, 0), question('missing.example'))

/** A client that sends octets as queries, and looks at every reply that comes. */
export class Client {
  replies = 0
  readonly faults: string[] = []
  private readonly sent = new Map<number, Uint8Array>()
  private id = 0
  private heard: (() => void) | undefined
  private probe = -1

  private constructor(private readonly socket: Socket) {
    socket.on('message', reply => this.take(reply))
    // The gateway is gone: the next probe says so.
    socket.on('error', () => undefined)
  }

  /** @param address of the client, which decides about the network that it is in */
  static async open(address: string, port: number): Promise<Client> {
    const socket = createSocket({ type: 'udp4', recvBufferSize: 4 << 20 })
    socket.bind(0, address)
    await once(socket, 'listening')
    socket.connect(port, '127.0.0.1')
    await once(socket, 'connect')
    return new Client(socket)
  }

  /** Sends a message with an ID of ours in place of its own. */
  send(message: Uint8Array): void {
    const id = (this.id = (this.id + 1) & 0xffff)
    if (message.length > 1) {
      message[0] = id >> 8
      message[1] = id
      this.sent.set(id, message)
    }
    this.socket.send(message)
  }

  /** Sends a good query; what was sent before has been looked at when its answer is there. */
  async ask(query: Uint8Array): Promise<Milliseconds | undefined> {
    for (let tries = 0; tries < TRIES; tries++) {
      const started = performance.now()
      this.send(query.slice())
      this.probe = this.id
      const answered = await new Promise<boolean>(resolve => {
        const timer = setTimeout(resolve, PATIENCE, false)
        this.heard = () => {
          clearTimeout(timer)
          resolve(true)
        }
      })
      if (answered) return performance.now() - started
    }
    return undefined
  }

  close(): void {
    this.socket.close()
  }

  private take(reply: Uint8Array): void {
    this.replies++
    const id = word(reply, 0)
    const query = this.sent.get(id)
    const fault = query === undefined ? 'a reply to nothing' : faultOf(query, reply, UDP_LIMIT)
    if (fault !== undefined) this.note(fault, query, reply)
    if (id === this.probe) this.heard?.()
  }

  private note(fault: string, query: Uint8Array | undefined, reply: Uint8Array): void {
    const hex = (of: Uint8Array): string => Buffer.from(of).toString('hex')
    this.faults.push(`${fault}: ${query === undefined ? '' : hex(query)} answered ${hex(reply)}`)
  }
}
