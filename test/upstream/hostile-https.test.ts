import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { createServer, type TLSSocket } from 'node:tls'
import t, { type Test } from 'tap'
import { responseTo } from './messages.js'
import { rig } from './rig.js'
import { CA, impatiently, served } from './tls-rig.js'

/*
 * Upstreams for DNS over HTTPS that attack the gateway, frame by frame: RFC 9113. Whatever they send, each query ends, and
 * what they can make the gateway take is bounded.
 */

const DATA = 0
const HEADERS = 1
const RESET = 3
const SETTINGS = 4
const PUSH_PROMISE = 5
const PING = 6
const GOAWAY = 7
const CONTINUATION = 9
const END_STREAM = 1
const END_HEADERS = 4
const ACK = 1
const PREFACE = 24
/** What an upstream that floods may send before the gateway closes the connection, and the queries end. */
const MOST = 64 * 1024 * 1024

type Write = (octets: Buffer) => boolean

interface Request {
  readonly id: number
  readonly query: Buffer
  readonly write: Write
  readonly socket: TLSSocket
}

function frame(type: number, flags: number, id: number, payload: Uint8Array = Buffer.of()): Buffer {
  const head = Buffer.alloc(9)
  head.writeUIntBE(payload.length, 0, 3)
  head[3] = type
  head[4] = flags
  head.writeUInt32BE(id, 5)
  return Buffer.concat([head, payload])
}

/** An integer of HPACK. RFC 7541 §5.1. */
function integer(value: number, bits: number, first: number): number[] {
  const most = (1 << bits) - 1
  if (value < most) return [first | value]
  const octets = [first | most]
  for (value -= most; value >= 128; value >>= 7) octets.push((value & 127) | 128)
  return [...octets, value]
}

const text = (value: string): Buffer =>
  Buffer.concat([Buffer.from(integer(value.length, 7, 0)), Buffer.from(value)])
const field = (name: string, value: string): Buffer =>
  Buffer.concat([Buffer.of(0), text(name), text(value)])
const status = (code: string): Buffer => Buffer.concat([Buffer.of(0x08), text(code)])
const head = (...more: Buffer[]): Buffer =>
  Buffer.concat([status('200'), field('content-type', 'application/dns-message'), ...more])

/** Sends the same frame until the connection is closed. */
function flood({ write, socket }: Request, octets: Buffer): void {
  const send = (): void => {
    for (let n = 0; n < 100; n++) {
      if (socket.destroyed) return
      if (!write(octets)) return void socket.once('drain', send)
    }
    setImmediate(send)
  }
  send()
}

function respond({ id, query, write }: Request, ...more: Buffer[]): void {
  write(frame(HEADERS, END_HEADERS, id, head(...more)))
  write(frame(DATA, END_STREAM, id, responseTo(query)))
}

const bomb = Buffer.concat([Buffer.of(0x40), text('x'), text('y'.repeat(3900))])
/** Header fields of 80 KB. */
const large = Buffer.concat([
  head(),
  ...Array.from({ length: 320 }, (_, n) => field(`x-${n}`, 'y'.repeat(250)))
])

const ATTACKS: Readonly<Record<string, (request: Request) => void>> = {
  'a body without an end': one => {
    one.write(frame(HEADERS, END_HEADERS, one.id, head()))
    flood(one, frame(DATA, 0, one.id, Buffer.alloc(16_000, 1)))
  },
  'empty DATA frames without an end': one => {
    one.write(frame(HEADERS, END_HEADERS, one.id, head()))
    flood(one, frame(DATA, 0, one.id))
  },
  'header fields of 80 KB': one => {
    for (let at = 0; at < large.length; at += 16_000) {
      const flags = at + 16_000 < large.length ? 0 : END_HEADERS
      const type = at === 0 ? HEADERS : CONTINUATION
      one.write(frame(type, flags, one.id, large.subarray(at, at + 16_000)))
    }
    one.write(frame(DATA, END_STREAM, one.id, responseTo(one.query)))
  },
  'an HPACK bomb of 40 MB': one => {
    const references = Buffer.alloc(11_000, 0x80 | 62)
    one.write(frame(HEADERS, END_HEADERS, one.id, Buffer.concat([head(), bomb, references])))
    one.write(frame(DATA, END_STREAM, one.id, responseTo(one.query)))
  },
  'CONTINUATION without an end': one => {
    one.write(frame(HEADERS, 0, one.id, head()))
    flood(one, frame(CONTINUATION, 0, one.id, field('a', 'b')))
  },
  'empty CONTINUATION without an end': one => {
    one.write(frame(HEADERS, 0, one.id, head()))
    flood(one, frame(CONTINUATION, 0, one.id))
  },
  'interim responses and no final one': one => {
    for (let n = 0; n < 1000; n++) one.write(frame(HEADERS, END_HEADERS, one.id, status('103')))
  },
  'a content length that is too small': one => respond(one, field('content-length', '5')),
  'a content length that is too large': one => respond(one, field('content-length', '50000')),
  'a compressed body': one => {
    one.write(frame(HEADERS, END_HEADERS, one.id, head(field('content-encoding', 'gzip'))))
    const gzip = Buffer.from('1f8b080000000000000303000000000000000000', 'hex')
    one.write(frame(DATA, END_STREAM, one.id, gzip))
  },
  'GOAWAY for each request': ({ write }) => void write(frame(GOAWAY, 0, 0, Buffer.alloc(8))),
  'a reset for each request': ({ write, id }) =>
    void write(frame(RESET, 0, id, Buffer.of(0, 0, 0, 7))),
  'a pushed response': one => {
    one.write(
      frame(PUSH_PROMISE, END_HEADERS, one.id, Buffer.concat([Buffer.of(0, 0, 0, 2), head()]))
    )
  }
}

/** An upstream that speaks HTTP/2 as far as it likes. */
async function hostile(t: Test, attack: (request: Request) => void) {
  const made = { port: 0, sent: 0, connections: 0 }
  const sockets = new Set<TLSSocket>()
  const server = createServer({ ...served(), ALPNProtocols: ['h2'] }, socket => {
    made.connections++
    sockets.add(socket)
    socket.on('error', () => undefined)
    const write: Write = octets => {
      if (socket.destroyed) return false
      made.sent += octets.length
      return socket.write(octets)
    }
    write(frame(SETTINGS, 0, 0))
    let left = PREFACE
    let received = Buffer.alloc(0)
    const bodies = new Map<number, Buffer>()
    socket.on('data', (chunk: Buffer) => {
      received = Buffer.concat([received, chunk.subarray(Math.min(left, chunk.length))])
      left = Math.max(0, left - chunk.length)
      while (received.length >= 9 && received.length >= 9 + received.readUIntBE(0, 3)) {
        const end = 9 + received.readUIntBE(0, 3)
        const [type, flags, id] = [received[3]!, received[4]!, received.readUInt32BE(5)]
        const payload = received.subarray(9, end)
        received = received.subarray(end)
        if (type === SETTINGS && (flags & ACK) === 0) write(frame(SETTINGS, ACK, 0))
        if (type === PING && (flags & ACK) === 0) write(frame(PING, ACK, 0, payload))
        if (type !== DATA) continue
        const query = Buffer.concat([bodies.get(id) ?? Buffer.of(), payload])
        bodies.set(id, query)
        if ((flags & END_STREAM) !== 0) attack({ id, query, write, socket })
      }
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  made.port = (server.address() as AddressInfo).port
  t.teardown(() => {
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  return made
}

for (const [it, attack] of Object.entries(ATTACKS)) {
  t.test(`each query to an upstream ends that sends ${it}`, async t => {
    const upstream = await hostile(t, attack)
    const { port } = upstream
    const tls = { name: 'dns.example', path: '/dns-query', pins: [], ca: CA, client: undefined }
    const server = { address: '127.0.0.1', port, tls: { ...tls, opportunistic: false } }
    const { ask, time, forwarder } = await rig(t, [], { others: [server] })
    for (const label of ['a', 'b', 'c']) {
      t.match(await impatiently(time, ask(`${label}.example.com`)), {
        kind: 'failure',
        ede: /^2[23]$/
      })
    }
    t.equal(forwarder.inFlight, 0)
    t.ok(upstream.sent < MOST, `${upstream.sent} octets`)
    t.ok(upstream.connections <= 24, `${upstream.connections} connections`)
  })
}

t.test('an upstream that answers in order is used', async t => {
  const { port } = await hostile(t, one => respond(one))
  const tls = { name: 'dns.example', path: '/dns-query', pins: [], ca: CA, client: undefined }
  const server = { address: '127.0.0.1', port, tls: { ...tls, opportunistic: false } }
  const { ask } = await rig(t, [], { others: [server] })
  t.match(await ask('www.example.com'), { kind: 'response' })
})
