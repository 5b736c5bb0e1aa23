import { createSocket } from 'node:dgram'
import { connect } from 'node:net'
import packet, { type DecodedPacket } from 'dns-packet'
import type { Milliseconds } from '../../src/base/units.js'
import { LOOPBACK } from './place.js'

/** What a checker needs to know of an answer. */
export interface Reply {
  readonly rcode: string
  /** Text of the A records in the answer section. */
  readonly addresses: readonly string[]
  /** AD. */
  readonly isAuthentic: boolean
}

export type Protocol = 'udp' | 'tcp'

/** Asks a server on loopback for the A records of a name; undefined where no answer comes. */
export async function ask(
  port: number,
  name: string,
  options: { protocol?: Protocol; timeout?: Milliseconds } = {}
): Promise<Reply | undefined> {
  const query = {
    type: 'query' as const,
    id: 1 + Math.floor(Math.random() * 0xfffe),
    flags: packet.RECURSION_DESIRED | packet.AUTHENTIC_DATA,
    questions: [{ type: 'A' as const, name }]
  }
  const exchange = options.protocol === 'tcp' ? overTcp : overUdp
  const answer = await exchange(port, query, options.timeout ?? 1000)
  if (answer?.id !== query.id) return undefined
  return {
    // The types of dns-packet do not know the RCODE that its decoder gives.
    rcode: (answer as unknown as { rcode: string }).rcode,
    addresses: (answer.answers ?? []).flatMap(record => (record.type === 'A' ? [record.data] : [])),
    isAuthentic: answer.flag_ad
  }
}

function overUdp(
  port: number,
  query: packet.Packet,
  timeout: Milliseconds
): Promise<DecodedPacket | undefined> {
  return new Promise(done => {
    const socket = createSocket('udp4')
    const finish = (answer?: DecodedPacket) => {
      clearTimeout(timer)
      socket.close()
      done(answer)
    }
    const timer = setTimeout(finish, timeout)
    socket.once('message', octets => finish(packet.decode(octets)))
    socket.once('error', () => finish()) // nobody listens there yet
    socket.connect(port, LOOPBACK, () => socket.send(packet.encode(query)))
  })
}

function overTcp(
  port: number,
  query: packet.Packet,
  timeout: Milliseconds
): Promise<DecodedPacket | undefined> {
  return new Promise(done => {
    const socket = connect(port, LOOPBACK, () => socket.write(packet.streamEncode(query)))
    const chunks: Buffer[] = []
    const finish = (answer?: DecodedPacket) => {
      clearTimeout(timer)
      socket.destroy()
      done(answer)
    }
    const timer = setTimeout(finish, timeout)
    socket.on('data', chunk => {
      chunks.push(chunk)
      const octets = Buffer.concat(chunks)
      const whole = octets.length >= 2 && octets.length >= 2 + octets.readUInt16BE(0)
      if (whole) finish(packet.decode(octets.subarray(2)))
    })
    socket.once('error', () => finish())
    socket.once('end', () => finish())
  })
}
