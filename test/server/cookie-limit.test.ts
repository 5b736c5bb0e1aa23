import t from 'tap'
import { ServerCookies } from '../../src/wire/dns/edns/server-cookie.js'
import { truncateReply } from '../../src/wire/dns/reply/truncate-reply.js'
import { QueryLimit } from '../../src/resolver/server/query-limit.js'
import { ResponseLimit } from '../../src/resolver/server/response-limit.js'
import { serveUdp } from '../../src/resolver/server/udp.js'
import { header, octets, opt, option, question, record, TO_QNAME } from '../dns/octets.js'
import { FakeResponder } from './fake-responder.js'
import { transports, turns, until } from './transports.js'
import { UdpClient } from './udp-client.js'

const clock = { now: () => 1, wall: () => 1_600_000_000_000 }
const TERMS = { bits: { ipv4: 32, ipv6: 56 }, slip: 1, exempt: undefined }
/** A burst of three. */
const RATE = { perSecond: 1, burst: 3000 }
const CLIENT = Uint32Array.of(0, 0, 0xffff, 0xc000_0201)
const MINE = [1, 2, 3, 4, 5, 6, 7, 8]

const query = (...cookie: number[]): Uint8Array =>
  octets(
    header(7, 0x100, 1, 0, 0, 1),
    question('www.example'),
    opt(1232, cookie.length === 0 ? [] : option(10, cookie))
  )

/** The effect of a limit with cookies on a query: `passed`, or the reply in hex. */
class Gate {
  readonly limit = new QueryLimit(RATE, TERMS, 7, new ServerCookies(clock, [new Uint8Array(16)]))

  constructor() {
    this.limit.beginBatch(1)
  }

  take(message: Uint8Array): Buffer | 'passed' {
    const slot = Buffer.alloc(2048)
    slot.set(message)
    if (this.limit.allows(slot, 0, message.length, CLIENT, 0)) return 'passed'
    return Buffer.from(slot.subarray(0, this.limit.reject(slot)))
  }

  /** The cookie that a client above the limit receives. */
  learn(): number[] {
    for (let i = 0; i < 3; i++) this.take(query())
    const reply = this.take(query(...MINE)) as Buffer
    return [...reply.subarray(-24)]
  }
}

t.test('a client above the limit that supports cookies gets BADCOOKIE and a cookie', async t => {
  const gate = new Gate()
  const cookie = gate.learn()
  t.strictSame(cookie.slice(0, 12), [...MINE, 1, 0, 0, 0])
  const reply = gate.take(query(...MINE)) as Buffer
  t.equal(reply.readUInt16BE(2), 0x8187, 'no TC, and the lower bits of 23')
  t.strictSame(
    [...reply.subarray(12)],
    [...octets(question('www.example'), opt(1232, option(10, cookie), { rcode: 1 }))]
  )
})

t.test('a client with a valid cookie has a limit of its own', async t => {
  const gate = new Gate()
  const cookie = gate.learn()
  for (let i = 0; i < 9; i++) gate.take(query())
  for (let i = 0; i < 3; i++) t.equal(gate.take(query(...cookie)), 'passed')
  const reply = gate.take(query(...cookie)) as Buffer
  t.equal(reply.readUInt16BE(2), 0x8380, 'TC, since the cookie is valid')
})

const unproven = [
  { it: 'no cookie', message: query() },
  { it: 'a malformed cookie', message: query(1, 2, 3) },
  { it: 'an invalid cookie', message: query(...MINE, ...MINE, ...MINE) }
]
for (const { it, message } of unproven) {
  t.test(`${it} does not bypass the limit`, async t => {
    const gate = new Gate()
    gate.learn()
    for (let i = 0; i < 3; i++) t.not(gate.take(message), 'passed')
  })
}

t.test('a query with a malformed cookie above the limit is dropped', async t => {
  const gate = new Gate()
  gate.learn()
  t.equal(gate.take(query(1, 2, 3)).length, 0)
})

t.test('a truncated reply keeps its cookie, as BADCOOKIE', async t => {
  const cookie = option(10, [...MINE, ...MINE, ...MINE])
  const reply = octets(
    header(7, 0x8180, 1, 1, 0, 1),
    question('www.example'),
    record(TO_QNAME, 1, 300, [192, 0, 2, 1]),
    opt(1232, [...option(3, ['gw1']), ...cookie, ...option(15, [0, 15])])
  )
  const end = truncateReply(reply, 0, reply.length)
  t.strictSame(
    [...reply.subarray(0, end)],
    [
      ...octets(
        header(7, 0x8187, 1, 0, 0, 1),
        question('www.example'),
        opt(1232, cookie, { rcode: 1 })
      )
    ]
  )
})

/** Answers every query with itself, QR set. */
class Echo extends FakeResponder {
  override answer(octets: Uint8Array, at: number, end: number): number {
    octets[at + 2]! |= 0x80
    return end - at
  }
}

for (const transport of transports()) {
  for (const proven of [true, false]) {
    const it = proven ? 'no limit for identical replies holds' : 'a limit holds'
    t.test(
      `${it} for who is ${proven ? '' : 'not '}proven (${transport.kind} sockets)`,
      async t => {
        const responder = new Echo()
        responder.hasValidCookie = proven
        const responseLimit = new ResponseLimit(RATE, { ...TERMS, slip: 0 }, 7)
        const options = { clock, proxies: undefined, queryLimit: undefined, responseLimit }
        const endpoint = { address: '127.0.0.1', port: 0 }
        const service = await serveUdp(transport, endpoint, responder, options)
        const client = new UdpClient(service.local.port)
        t.teardown(() => {
          client.close()
          service.close()
        })
        for (let i = 0; i < 9; i++) await client.send(Buffer.from(query()))
        await until(() => client.messages.length + responseLimit.counts.dropped === 9)
        await turns()
        t.equal(client.messages.length, proven ? 9 : 3)
      }
    )
  }
}
