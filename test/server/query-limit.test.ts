import t, { type Test } from 'tap'
import { QueryLimit } from '../../src/resolver/server/query-limit.js'
import { serveUdp } from '../../src/resolver/server/udp.js'
import { FakeResponder, query } from './fake-responder.js'
import { transports, turns, until } from './transports.js'
import { nameQuery, UdpClient } from './udp-client.js'

const RATE = { perSecond: 1, burst: 3000 }
const BITS = { ipv4: 32, ipv6: 56 }
const SENT = 9

/** Answers every query with itself, QR set. */
class Echo extends FakeResponder {
  answered = 0

  override answer(octets: Uint8Array, at: number, end: number): number {
    this.answered++
    octets[at + 2]! |= 0x80
    return end - at
  }
}

const none = { find: () => 0 }
const all = { find: () => 1 }
const message = nameQuery('Example.test')
/** TC and no records: header, question in its original case, OPT. */
const truncated = Buffer.from(message)
truncated.set([0x83, 0x80], 2)

const cases = [
  { it: 'half of the queries above it with TC', slip: 2, exempt: none, answered: 3, slipped: 3 },
  {
    it: 'a third of the queries above it with TC',
    slip: 3,
    exempt: undefined,
    answered: 3,
    slipped: 2
  },
  { it: 'all queries above it with TC', slip: 1, exempt: none, answered: 3, slipped: 6 },
  { it: 'no queries above it', slip: 0, exempt: none, answered: 3, slipped: 0 },
  { it: 'exempt clients without limit', slip: 2, exempt: all, answered: SENT, slipped: 0 }
] as const

for (const transport of transports()) {
  for (const { it, slip, exempt, answered, slipped } of cases) {
    t.test(`a limit answers ${it} (${transport.kind} sockets)`, async t => {
      const { client, responder, limit } = await stage(t, slip, exempt)
      for (let i = 0; i < SENT; i++) await client.send(message)
      await until(() => responder.answered + limit.counts.dropped + limit.counts.slipped === SENT)
      await until(() => client.messages.length === answered + slipped)
      await turns()
      t.equal(responder.answered, answered)
      t.strictSame(limit.counts, { dropped: SENT - answered - slipped, slipped })
      const short = client.messages.filter(octets => octets.equals(truncated))
      t.equal(short.length, slipped)
      t.equal(client.messages.length, answered + slipped)
    })
  }

  t.test(`a limit allows queries again at its rate (${transport.kind} sockets)`, async t => {
    const { client, responder, limit, pass } = await stage(t, 0, none)
    for (let i = 0; i < 4; i++) await client.send(message)
    await until(() => limit.counts.dropped === 1)
    pass(1000)
    for (let i = 0; i < 2; i++) await client.send(message)
    await until(() => limit.counts.dropped === 2)
    t.equal(responder.answered, 4)
  })

  t.test(`a message that is not a query gets no TC (${transport.kind} sockets)`, async t => {
    const { client, limit } = await stage(t, 1, none)
    const response = Buffer.from(message)
    response[2]! |= 0x80
    for (let i = 0; i < 3; i++) await client.send(message)
    for (const octets of [response, query('no name'), Buffer.alloc(3), Buffer.alloc(0)]) {
      await client.send(octets)
    }
    await until(() => limit.counts.dropped === 4)
    await turns()
    t.equal(client.messages.length, 3)
    t.equal(limit.counts.slipped, 0)
  })

  async function stage(t: Test, slip: number, exempt: typeof none | undefined) {
    const responder = new Echo()
    const limit = new QueryLimit(RATE, { bits: BITS, slip, exempt }, 0x5eed)
    let now = 1
    const clock = { now: () => now, wall: () => now }
    const options = { clock, proxies: undefined, queryLimit: limit, responseLimit: undefined }
    const service = await serveUdp(transport, { address: '127.0.0.1', port: 0 }, responder, options)
    const client = new UdpClient(service.local.port)
    t.teardown(() => {
      client.close()
      service.close()
    })
    return { client, responder, limit, pass: (ms: number) => (now += ms) }
  }
}
