import { createSocket, type Socket } from 'node:dgram'
import { connect } from 'node:net'
import packet from 'dns-packet'
import type { Endpoint } from '../../src/wire/sockets/datagram.js'
import { shown, type Shown } from '../resolver/shown.js'

/** Timeout for a reply; long enough for a busy machine. */
const TIMEOUT = 20_000

let lastId = 0

export interface QueryFlags {
  readonly dnssecOk?: boolean
  /** AD and CD of the header. */
  readonly flags?: number
}

/** A query with EDNS. */
export function encodeQuery(
  name: string,
  type = 'A',
  id = (lastId = (lastId + 1) & 0xffff),
  { dnssecOk = false, flags = 0 }: QueryFlags = {}
): Buffer {
  const opt = { type: 'OPT', name: '.', udpPayloadSize: 1232, options: [] }
  return packet.encode({
    type: 'query',
    id,
    flags: packet.RECURSION_DESIRED | flags,
    questions: [{ name, type: type as 'A' }],
    additionals: [{ ...opt, flags: dnssecOk ? packet.DNSSEC_OK : 0 }] as never
  })
}

/** The same with its length before it, for TCP and TLS. */
export function framedQuery(name: string, type = 'A'): Buffer {
  const query = encodeQuery(name, type)
  return Buffer.concat([Buffer.of(query.length >> 8, query.length & 255), query])
}

/** A reply over UDP, and its source address. Each query has its own port. */
export interface Heard extends Shown {
  readonly from: string
}

interface UdpOptions extends QueryFlags {
  readonly type?: string
  readonly patience?: number
}

export async function askUdp(
  { address, port }: Endpoint,
  name: string,
  { type = 'A', patience = TIMEOUT, ...flags }: UdpOptions = {}
): Promise<Heard> {
  const socket = createSocket(address.includes(':') ? 'udp6' : 'udp4')
  try {
    const query = encodeQuery(name, type, undefined, flags)
    return await exchange(socket, query, { address, port }, patience)
  } finally {
    socket.close()
  }
}

/** Resolves with the first datagram that is a reply to the query, from where the query was sent. */
function exchange(
  socket: Socket,
  query: Buffer,
  { address, port }: Endpoint,
  patience: number
): Promise<Heard> {
  return new Promise((resolve, reject) => {
    const others: string[] = []
    const timer = setTimeout(() => {
      const after = others.length === 0 ? '' : `, but ${others.join(', ')}`
      reject(new Error(`no reply over UDP from ${address}:${port} in ${patience} ms${after}`))
    }, patience)
    socket.on('message', (octets, from) => {
      const isSource = from.port === port && (isWildcard(address) || from.address === address)
      if (!isSource || !isReply(octets, query)) {
        others.push(`${octets.toString('hex')} from ${from.address}:${from.port}`)
        return
      }
      clearTimeout(timer)
      resolve({ ...shown(octets), from: from.address })
    })
    socket.on('error', reject)
    socket.send(query, port, address)
  })
}

const isWildcard = (address: string): boolean => address === '0.0.0.0' || address === '::'

const HEADER_SIZE = 12
const QR = 0x80
/** What `encodeQuery` writes after the question: one OPT record without options. */
const OPT_SIZE = 11

/** Whether a message is a reply to a query of `encodeQuery`, with its ID and its question. */
function isReply(reply: Buffer, query: Buffer): boolean {
  const end = query.length - OPT_SIZE
  return (
    reply.length >= end &&
    reply.readUInt16BE() === query.readUInt16BE() &&
    (reply[2]! & QR) !== 0 &&
    reply.subarray(HEADER_SIZE, end).equals(query.subarray(HEADER_SIZE, end))
  )
}

export function askTcp({ address, port }: Endpoint, name: string, type = 'A'): Promise<Shown> {
  const socket = connect({ host: address, port })
  let received = Buffer.alloc(0)
  return new Promise<Shown>((resolve, reject) => {
    socket.setTimeout(TIMEOUT, () => reject(new Error('no reply over TCP')))
    socket.on('error', reject)
    socket.on('close', () => reject(new Error('closed before a reply over TCP')))
    socket.on('data', chunk => {
      received = Buffer.concat([received, chunk])
      if (received.length >= 2 && received.length >= 2 + received.readUInt16BE())
        resolve(shown(received.subarray(2)))
    })
    socket.write(framedQuery(name, type))
  }).finally(() => socket.destroy())
}

/** Sends many queries at once, each from its own port, so that all workers get some. */
export function askMany(
  endpoint: Endpoint,
  name: string,
  count: number,
  options?: Parameters<typeof askUdp>[2]
): Promise<Heard[]> {
  return Promise.all(Array.from({ length: count }, () => askUdp(endpoint, name, options)))
}
