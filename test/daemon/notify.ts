import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { connect } from 'node:net'
import packet from 'dns-packet'
import { findTsig } from '../../src/wire/tsig/tsig-record.js'
import type { Endpoint } from '../../src/wire/sockets/datagram.js'
import { sign, type Key } from '../sources/axfr/sign.js'

/** What came back of a NOTIFY. */
export interface Notified {
  readonly rcode: number
  readonly opcode: number
  readonly isAuthoritative: boolean
  /** Of its TSIG; undefined: it has none. */
  readonly error: number | undefined
  readonly octets: Uint8Array
}

export interface NotifyOptions {
  readonly zone?: string
  readonly key?: Key
  readonly time?: number
  readonly protocol?: 'udp' | 'tcp'
  readonly type?: string
  /** Whose address it comes from. */
  readonly from?: string
}

/** Says that a zone has changed, as a primary does (RFC 1996 §3.7): unsigned without a key. */
export async function notify(at: Endpoint, options: NotifyOptions = {}): Promise<Notified> {
  const { zone = 'rpz.example', key, protocol = 'udp', type = 'SOA', from } = options
  const plain = packet.encode({
    type: 'query',
    id: 4711,
    // Opcode 4, and AA.
    flags: (4 << 11) | packet.AUTHORITATIVE_ANSWER,
    questions: [{ name: zone, type: type as 'SOA' }]
  })
  const time = options.time ?? Math.floor(Date.now() / 1000)
  const message = key === undefined ? plain : sign(plain, key, { time }).octets
  const octets = protocol === 'udp' ? await overUdp(at, message, from) : await overTcp(at, message)
  return {
    rcode: octets[3]! & 15,
    opcode: (octets[2]! >> 3) & 15,
    isAuthoritative: (octets[2]! & 4) !== 0,
    error: findTsig(octets)?.error,
    octets
  }
}

async function overUdp(to: Endpoint, message: Uint8Array, from?: string): Promise<Uint8Array> {
  const socket = createSocket('udp4')
  try {
    if (from !== undefined) {
      socket.bind(0, from)
      await once(socket, 'listening')
    }
    socket.send(message, to.port, to.address)
    const [octets] = (await once(socket, 'message')) as [Buffer]
    return Uint8Array.from(octets)
  } finally {
    socket.close()
  }
}

async function overTcp({ address, port }: Endpoint, message: Uint8Array): Promise<Uint8Array> {
  const socket = connect(port, address)
  try {
    socket.write(Buffer.concat([Buffer.from([message.length >> 8, message.length & 255]), message]))
    const [octets] = (await once(socket, 'data')) as [Buffer]
    return Uint8Array.from(octets.subarray(2))
  } finally {
    socket.destroy()
  }
}
