import packet from 'dns-packet'
import t from 'tap'
import { PENDING, type ReplyTarget } from '../../src/resolver/context/responder.js'
import { ConnectionLimit } from '../../src/resolver/server/connection-limit.js'
import { serveTcp } from '../../src/resolver/server/tcp.js'
import { serveUdp } from '../../src/resolver/server/udp.js'
import { queryOf } from '../resolver/reply-target.js'
import { DohClient } from './doh-client.js'
import { FakeResponder } from './fake-responder.js'
import { frames, TcpClient } from './tcp-client.js'
import { tlsListenOptions } from './tls-options.js'
import { transports, until } from './transports.js'
import { UdpClient } from './udp-client.js'

const ANY = { address: '127.0.0.1', port: 0 }
const IDLE = 10_000
const HTTPS = { dohPath: '/dns-query' }
const clock = { now: () => 1, wall: () => 1 }

/** Answers with an OPT if there was one, at once or later, as the resolver does. */
class OptResponder extends FakeResponder {
  constructor(private readonly when: 'now' | 'later') {
    super()
  }

  override answer(octets: Uint8Array, at: number, end: number): number {
    if (this.when === 'later') return PENDING
    const reply = replyTo(octets.slice(at, end))
    octets.set(reply, at)
    return reply.length
  }

  override answerLater(asker: ReplyTarget): void {
    const reply = replyTo(queryOf(asker))
    setImmediate(() => asker.reply(reply, 0, reply.length))
  }
}

function replyTo(query: Uint8Array): Uint8Array {
  const { questions = [], additionals = [] } = packet.decode(Buffer.from(query))
  const opt = additionals.map(({ name }) => ({ type: 'OPT' as const, name: name as '.', ...BARE }))
  const answers = [{ type: 'A' as const, name: 'a.test', ttl: 1, data: '192.0.2.1' }]
  return packet.encode({ type: 'response', questions, answers, additionals: opt })
}

const BARE = {
  udpPayloadSize: 1232,
  flags: 0,
  extendedRcode: 0,
  ednsVersion: 0,
  flag_do: false,
  options: []
}

function queryWith(options: readonly Buffer[] | undefined): Buffer {
  const head = Buffer.from([1, 2, 1, 0, 0, 1, 0, 0, 0, 0, 0, options === undefined ? 0 : 1])
  const question = Buffer.from('\x01a\x04test\x00\x00\x01\x00\x01', 'latin1')
  const data = Buffer.concat(options ?? [])
  const opt = Buffer.from([0, 0, 41, 4, 0xd0, 0, 0, 0, 0, data.length >> 8, data.length & 255])
  return Buffer.concat(options === undefined ? [head, question] : [head, question, opt, data])
}

const keepalive = Buffer.from([0, 11, 0, 0])
const withTimeout = Buffer.from([0, 11, 0, 2, 1, 1])
const other = Buffer.from([0, 10, 0, 8, 1, 2, 3, 4, 5, 6, 7, 8])
const padding = Buffer.from([0, 12, 0, 4, 0, 0, 0, 0])
/** Up to 468 octets, the first block of RFC 8467; the reply has 57 before its options. */
const padded = (before: number): Buffer => {
  const length = 468 - 57 - before - 4
  return Buffer.concat([Buffer.from([0, 12, length >> 8, length & 255]), Buffer.alloc(length)])
}
/** 10 s, in units of 100 ms. */
const REPLY_OPTION = Buffer.from([0, 11, 0, 2, 0, 100])

const cases = [
  { it: 'a keepalive option', options: [keepalive], over: 'TCP', expected: REPLY_OPTION },
  {
    it: 'a keepalive option among others',
    options: [other, keepalive],
    over: 'TCP',
    expected: REPLY_OPTION
  },
  {
    it: 'a keepalive option with a timeout',
    options: [withTimeout],
    over: 'TCP',
    expected: REPLY_OPTION
  },
  { it: 'another option', options: [other], over: 'TCP', expected: Buffer.alloc(0) },
  { it: 'EDNS without options', options: [], over: 'TCP', expected: Buffer.alloc(0) },
  { it: 'no EDNS', options: undefined, over: 'TCP', expected: undefined },
  { it: 'a padding option', options: [padding], over: 'TCP', expected: Buffer.alloc(0) },
  { it: 'a keepalive option', options: [keepalive], over: 'UDP', expected: Buffer.alloc(0) },
  { it: 'a padding option', options: [padding], over: 'TLS', expected: padded(0) },
  { it: 'another option', options: [other], over: 'TLS', expected: Buffer.alloc(0) },
  { it: 'no EDNS', options: undefined, over: 'TLS', expected: undefined },
  {
    it: 'padding and keepalive',
    options: [padding, keepalive],
    over: 'TLS',
    expected: Buffer.concat([REPLY_OPTION, padded(6)])
  },
  // Keepalive is for TCP: RFC 7828 §3.1.
  {
    it: 'padding and keepalive',
    options: [padding, keepalive],
    over: 'HTTPS',
    expected: padded(0)
  },
  { it: 'a keepalive option', options: [keepalive], over: 'HTTPS', expected: Buffer.alloc(0) }
] as const

type Asks = (
  t: Tap,
  transport: ReturnType<typeof transports>[number],
  responder: FakeResponder,
  query: Buffer
) => Promise<Buffer>
type Tap = { teardown(end: () => void): void }

const askStream = async (
  over: 'TCP' | 'TLS' | 'HTTPS',
  ...[t, transport, responder, query]: Parameters<Asks>
): Promise<Buffer> => {
  const terms = { bits: { ipv4: 32, ipv6: 56 }, exempt: undefined }
  const service = await serveTcp(transport, ANY, responder, {
    limits: { idle: IDLE, connections: 10, queriesInFlight: 10 },
    clock,
    connectionLimit: new ConnectionLimit(10, terms),
    proxies: undefined,
    tls: over === 'TCP' ? undefined : { ...tlsListenOptions(), ...(over === 'HTTPS' && HTTPS) }
  })
  const { port } = service.local
  if (over === 'HTTPS') {
    const client = new DohClient(port).begin()
    t.teardown(() => {
      client.socket.destroy()
      service.close()
    })
    const stream = client.post(query)
    await until(() => client.isDone(stream))
    return client.responses.get(stream)!.body
  }
  const client = new TcpClient(port, undefined, undefined, over === 'TCP' ? undefined : {})
  t.teardown(() => {
    client.socket.destroy()
    service.close()
  })
  await client.send(frames(query))
  await until(() => client.messages.length === 1)
  return client.messages[0]!
}

const ask = {
  TCP: askStream.bind(undefined, 'TCP'),
  TLS: askStream.bind(undefined, 'TLS'),
  HTTPS: askStream.bind(undefined, 'HTTPS')
}

const askUdp: Asks = async (t, transport, responder, query) => {
  const service = await serveUdp(transport, ANY, responder, {
    clock,
    proxies: undefined,
    queryLimit: undefined,
    responseLimit: undefined
  })
  const client = new UdpClient(service.local.port)
  t.teardown(() => {
    client.close()
    service.close()
  })
  await client.send(query)
  await until(() => client.messages.length === 1)
  return client.messages[0]!
}

for (const transport of transports()) {
  for (const when of ['now', 'later'] as const) {
    for (const { it, options, over, expected } of cases) {
      const verb = expected?.length ? 'sends an option' : 'sends no option'
      t.test(`${verb}: ${it} over ${over}, answered ${when} (${transport.kind})`, async t => {
        const responder = new OptResponder(when)
        const query = queryWith(options)
        const reply = await (over === 'UDP' ? askUdp : ask[over])(t, transport, responder, query)
        const { answers, additionals } = packet.decode(reply)
        t.equal(answers?.length, 1)
        const plain = replyTo(query)
        t.equal(reply.length, plain.length + (expected?.length ?? 0))
        t.equal(additionals?.length ?? 0, expected === undefined ? 0 : 1)
        if (expected !== undefined) t.strictSame(reply.subarray(plain.length), expected)
      })
    }
  }
}
