import { createSocket, type Socket } from 'node:dgram'
import { once } from 'node:events'
import { createServer, type Server, type Socket as Connection } from 'node:net'
import type { Endpoint } from '../../src/wire/sockets/datagram.js'
import { freePort } from '../udp/free-port.js'
import type { Dice } from './dice.js'
import { landmarksOf } from './landmarks.js'
import { mutate } from './mutate.js'
import type { Seed } from './seeds.js'

const LOOPBACK = '127.0.0.1'

/**
 * An upstream that answers with mutants: in place of the answer, or before it as a forger would who
 * is nearer. Now and then it answers as it should, or not at all.
 */
export class MutatingUpstream {
  /** Messages sent. */
  sent = 0
  endpoint: Endpoint = { address: LOOPBACK, port: 0 }
  private readonly known = new Map<string, Uint8Array>()
  private readonly connections = new Set<Connection>()

  private constructor(
    private readonly udp: Socket,
    private readonly tcp: Server,
    private readonly responses: readonly Seed[],
    private readonly dice: Dice
  ) {
    for (const { octets } of responses) this.known.set(questionOf(octets), octets)
    udp.on('message', (query, from) => {
      for (const octets of this.answersTo(query)) udp.send(octets, from.port, from.address)
    })
    tcp.on('connection', (connection: Connection) => this.accept(connection))
  }

  static async open(responses: readonly Seed[], dice: Dice): Promise<MutatingUpstream> {
    const port = await freePort()
    const udp = createSocket({ type: 'udp4', recvBufferSize: 4 << 20 }).bind(port, LOOPBACK)
    await once(udp, 'listening')
    const tcp = createServer({ noDelay: true })
    const upstream = new MutatingUpstream(udp, tcp, responses, dice)
    upstream.endpoint = { address: LOOPBACK, port }
    await once(tcp.listen(port, LOOPBACK), 'listening')
    return upstream
  }

  close(): void {
    this.udp.close()
    this.tcp.close()
    for (const connection of this.connections) connection.destroy()
  }

  private accept(connection: Connection): void {
    this.connections.add(connection)
    connection.on('close', () => this.connections.delete(connection))
    connection.on('error', () => undefined)
    let received = Buffer.alloc(0)
    connection.on('data', chunk => {
      received = Buffer.concat([received, chunk])
      while (received.length >= 2 && received.length >= 2 + received.readUInt16BE()) {
        const end = 2 + received.readUInt16BE()
        for (const octets of this.answersTo(received.subarray(2, end)))
          this.write(connection, octets)
        received = received.subarray(end)
      }
    })
  }

  /** Behind its length, or now and then behind another. */
  private write(connection: Connection, octets: Uint8Array): void {
    const length = this.dice.chance(95) ? octets.length : this.dice.below(0x10000)
    connection.write(Buffer.concat([Buffer.of(length >> 8, length & 255), octets]))
  }

  private answersTo(query: Uint8Array): Uint8Array[] {
    const { dice } = this
    const body = landmarksOf(query).body
    const known = this.known.get(questionOf(query)) ?? dice.pick(this.responses).octets
    const good = withQuestion(known, query, body)
    const mutant = mutate(good, dice.pick(this.responses).octets, dice).octets
    const answers = this.choose(good, mutant, withQuestion(mutant, query, body))
    this.sent += answers.length
    return answers
  }

  private choose(good: Uint8Array, mutant: Uint8Array, likely: Uint8Array): Uint8Array[] {
    const lot = this.dice.below(100)
    if (lot < 50) return [likely]
    if (lot < 85) return [mutant, good]
    return lot < 98 ? [good] : []
  }
}

/** QNAME in lower case, but for the letters of its first label, QTYPE and QCLASS. */
function questionOf(message: Uint8Array): string {
  const { body } = landmarksOf(message)
  const first = message[12] ?? 0
  const rest = Buffer.from(message.subarray(13 + first, body))
    .toString('latin1')
    .toLowerCase()
  return `${first} ${rest}`
}

/** The response with QR, ID and question of this query, where there is room for them. */
function withQuestion(response: Uint8Array, query: Uint8Array, end: number): Uint8Array {
  const copy = response.slice()
  if (copy.length < end) return copy
  copy.set(query.subarray(0, 2))
  copy.set(query.subarray(12, end), 12)
  copy[2] = (copy[2]! & 0x07) | 0x80
  copy[4] = 0
  copy[5] = 1
  return copy
}
