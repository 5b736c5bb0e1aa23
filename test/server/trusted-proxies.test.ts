import t, { type Test } from 'tap'
import { readAddress } from '../../src/base/values/address.js'
import { PENDING, type ReplyTarget } from '../../src/resolver/context/responder.js'
import { ConnectionLimit } from '../../src/resolver/server/connection-limit.js'
import { serveTcp } from '../../src/resolver/server/tcp.js'
import { TrustedProxies } from '../../src/resolver/server/trusted-proxies.js'
import { serveUdp } from '../../src/resolver/server/udp.js'
import type { Transport } from '../../src/wire/sockets/datagram.js'
import { clientOf, queryOf } from '../resolver/reply-target.js'
import { FakeResponder } from './fake-responder.js'
import { frames, TcpClient } from './tcp-client.js'
import { transports, turns, until } from './transports.js'
import { nameQuery, UdpClient } from './udp-client.js'
import { wordsOf } from './words.js'

const ANY = { address: '127.0.0.1', port: 0 }
const SIGNATURE = Buffer.from('0d0a0d0a000d0a515549540a', 'hex')
const FORMERR = 1
const SELF = '127.0.0.1'

const octetsOf = (address: string): Buffer => {
  const octets = Buffer.from(readAddress(address))
  return address.includes(':') ? octets : octets.subarray(12)
}
/** A header of PROXY protocol version 2, with a TLV. */
function header(
  source: string,
  { command = 0x21, family = source.includes(':') ? 0x21 : 0x11 } = {}
) {
  const address = octetsOf(source)
  const body = Buffer.concat([
    address,
    address,
    Buffer.from('0bad0035', 'hex'),
    Buffer.from('04000100', 'hex')
  ])
  return Buffer.concat([
    SIGNATURE,
    Buffer.from([command, family, body.length >> 8, body.length & 255]),
    body
  ])
}
/** A query with EDNS client subnet. */
function subnet(
  source: string,
  { bits = 8 * octetsOf(source).length, cut = 0, family = source.includes(':') ? 2 : 1 } = {}
) {
  const address = octetsOf(source).subarray(cut)
  const option = Buffer.concat([
    Buffer.from([0, 8, 0, 4 + address.length, 0, family, bits, 0]),
    address
  ])
  const query = Buffer.concat([plain, option])
  query.writeUInt16BE(option.length, plain.length - 2)
  return query
}
const plain = nameQuery('a.test')
const cat = (...parts: Uint8Array[]): Buffer => Buffer.concat(parts)

type Listed = 'proxy' | 'subnet' | 'none'
interface Case {
  readonly it: string
  readonly listed: Listed
  /** In front of the query; on a connection, in front of its length. */
  readonly before?: Buffer
  readonly query: Buffer
  /** The resulting client; undefined: the query gets no answer. */
  readonly client: string | undefined
  readonly rcode?: number
}

const cases: readonly Case[] = [
  {
    it: 'IPv4 by PROXY',
    listed: 'proxy',
    before: header('192.0.2.7'),
    query: plain,
    client: '192.0.2.7'
  },
  {
    it: 'IPv6 by PROXY',
    listed: 'proxy',
    before: header('2001:db8:a:b:fedc::7'),
    query: plain,
    client: '2001:db8:a:b:fedc::7'
  },
  {
    it: 'mapped IPv4 by PROXY',
    listed: 'proxy',
    before: header('::ffff:192.0.2.7'),
    query: plain,
    client: '192.0.2.7'
  },
  {
    it: 'the proxy itself by LOCAL',
    listed: 'proxy',
    before: header('192.0.2.7', { command: 0x20 }),
    query: plain,
    client: SELF
  },
  { it: 'no header', listed: 'proxy', query: plain, client: undefined },
  {
    it: 'a header of version 1',
    listed: 'proxy',
    before: Buffer.from('PROXY TCP4 192.0.2.7 192.0.2.8 1 53\r\n'),
    query: plain,
    client: undefined
  },
  {
    it: 'an unknown command',
    listed: 'proxy',
    before: header('192.0.2.7', { command: 0x22 }),
    query: plain,
    client: undefined
  },
  {
    it: 'an unknown family',
    listed: 'proxy',
    before: header('192.0.2.7', { family: 0x31 }),
    query: plain,
    client: undefined
  },
  {
    it: 'addresses too short',
    listed: 'proxy',
    before: header('192.0.2.7', { family: 0x21 }),
    query: plain,
    client: undefined
  },
  {
    it: 'PROXY, and ignores a subnet option',
    listed: 'proxy',
    before: header('192.0.2.7'),
    query: subnet('10.0.0.1'),
    client: '192.0.2.7'
  },
  { it: 'IPv4 by subnet', listed: 'subnet', query: subnet('192.0.2.7'), client: '192.0.2.7' },
  { it: 'IPv6 by subnet', listed: 'subnet', query: subnet('2001:db8::7'), client: '2001:db8::7' },
  { it: 'the proxy itself without an option', listed: 'subnet', query: plain, client: SELF },
  {
    it: 'a truncated address',
    listed: 'subnet',
    query: subnet('192.0.2.0', { bits: 24, cut: 0 }),
    client: undefined,
    rcode: FORMERR
  },
  {
    it: 'no address',
    listed: 'subnet',
    query: subnet('0.0.0.0', { bits: 0, cut: 4 }),
    client: undefined,
    rcode: FORMERR
  },
  {
    it: 'an unknown address family',
    listed: 'subnet',
    query: subnet('192.0.2.7', { family: 3 }),
    client: undefined,
    rcode: FORMERR
  },
  { it: 'subnet, unlisted', listed: 'none', query: subnet('192.0.2.7'), client: SELF },
  { it: 'subnet, listed for PROXY', listed: 'proxy', query: subnet('192.0.2.7'), client: undefined }
]

/** Answers with the query, QR set, at once or later, and records the client. */
class Echo extends FakeResponder {
  when: 'now' | 'later' = 'now'

  override answer(
    octets: Uint8Array,
    at: number,
    end: number,
    _: number,
    words: Uint32Array,
    from: number
  ): number {
    if (this.when === 'later') return PENDING
    this.clients.push([...words.subarray(from, from + 4)])
    octets[at + 2]! |= 0x80
    return end - at
  }

  override answerLater(asker: ReplyTarget): void {
    this.clients.push(clientOf(asker))
    const reply = queryOf(asker)
    reply[2]! |= 0x80
    setImmediate(() => asker.reply(reply, 0, reply.length))
  }
}

function frontEnds(listed: Listed): TrustedProxies {
  const self = (words: Uint32Array, at: number): number => (words[at + 3] === 0x7f000001 ? 1 : 0)
  const here = { find: self }
  return new TrustedProxies(
    listed === 'proxy' ? here : undefined,
    listed === 'subnet' ? here : undefined
  )
}

for (const transport of transports()) {
  for (const when of ['now', 'later'] as const) {
    for (const { it, listed, before = Buffer.alloc(0), query, client, rcode } of cases) {
      const verb = client === undefined ? 'refuses' : 'takes for the client'
      t.test(`UDP ${verb} ${it} (${when}, ${transport.kind})`, async t => {
        const { udp, responder, fronts } = await stageUdp(t, transport, listed)
        responder.when = when
        await udp.send(cat(before, query))
        const answered = client !== undefined || rcode !== undefined
        await until(() => (answered ? udp.messages.length === 1 : fronts.counts.rejected === 1))
        t.strictSame(responder.clients, client === undefined ? [] : [[...wordsOf(client)]])
        t.strictSame(
          udp.messages.map(message => message[3]! & 15),
          answered ? [rcode ?? 0] : []
        )
        if (client !== undefined) t.strictSame(udp.messages[0]!.subarray(4), query.subarray(4))
      })

      t.test(`TCP ${verb} ${it} (${when}, ${transport.kind})`, async t => {
        const { tcp, responder } = await stageTcp(t, transport, listed)
        responder.when = when
        await tcp.send(cat(before, frames(query, query)))
        if (client !== undefined || rcode !== undefined)
          await until(() => tcp.messages.length === 2)
        else await until(() => tcp.closed || tcp.ended)
        const words = client === undefined ? [] : [...wordsOf(client)]
        t.strictSame(responder.clients, client === undefined ? [] : [words, words])
        t.ok(tcp.messages.every(message => (message[3]! & 15) === (rcode ?? 0)))
      })
    }
  }

  for (const listed of ['none', 'subnet'] as const) {
    t.test(`ignores a PROXY header of ${listed} (${transport.kind})`, async t => {
      const { udp, responder } = await stageUdp(t, transport, listed)
      await udp.send(cat(header('192.0.2.7'), plain))
      await udp.send(plain)
      await until(() => responder.clients.length === 2)
      t.ok(responder.clients.every(words => words.join() === wordsOf(SELF).join()))
      const { tcp, ...other } = await stageTcp(t, transport, listed)
      await tcp.send(cat(header('192.0.2.7'), frames(plain)))
      await until(() => tcp.closed || tcp.ended)
      t.strictSame(other.responder.clients, [])
    })
  }

  t.test(`reads a header octet by octet (${transport.kind})`, async t => {
    const { tcp, responder } = await stageTcp(t, transport, 'proxy')
    for (const octet of cat(header('192.0.2.7'), frames(plain))) {
      await tcp.send(Buffer.of(octet))
      await turns(2)
    }
    await until(() => tcp.messages.length === 1)
    t.strictSame(responder.clients, [[...wordsOf('192.0.2.7')]])
  })

  t.test(`counts connections by the client in the header (${transport.kind})`, async t => {
    const { tcp, port } = await stageTcp(t, transport, 'proxy', 1)
    const ask = async (client: TcpClient, source: string): Promise<boolean> => {
      await client.send(cat(header(source), frames(plain)))
      await until(() => client.messages.length === 1 || client.closed || client.ended)
      return client.messages.length === 1
    }
    const [second, third] = [new TcpClient(port), new TcpClient(port)]
    t.ok(await ask(tcp, '192.0.2.7'))
    t.notOk(await ask(second, '192.0.2.7'))
    t.ok(await ask(third, '192.0.2.8'))
    for (const { socket } of [second, third]) socket.destroy()
  })
}

async function stageUdp(t: Test, transport: Transport, listed: Listed) {
  const responder = new Echo()
  const fronts = frontEnds(listed)
  const service = await serveUdp(transport, ANY, responder, {
    clock: { now: () => 1, wall: () => 1 },
    proxies: fronts,
    queryLimit: undefined,
    responseLimit: undefined
  })
  const udp = new UdpClient(service.local.port)
  t.teardown(() => {
    udp.close()
    service.close()
  })
  return { udp, responder, fronts }
}

async function stageTcp(t: Test, transport: Transport, listed: Listed, perClient = 10) {
  const responder = new Echo()
  const bits = { ipv4: 32, ipv6: 56 }
  const service = await serveTcp(transport, ANY, responder, {
    limits: { idle: 10_000, connections: 100, queriesInFlight: 10 },
    clock: { now: () => 1, wall: () => 1 },
    connectionLimit: new ConnectionLimit(perClient, { bits, exempt: undefined }),
    proxies: frontEnds(listed)
  })
  const { port } = service.local
  const tcp = new TcpClient(port)
  t.teardown(() => {
    tcp.socket.destroy()
    service.close()
  })
  return { tcp, responder, port }
}
