import packet from 'dns-packet'
import t, { type Test } from 'tap'
import { PENDING, type ReplyTarget } from '../../src/resolver/context/responder.js'
import { ResponseLimit } from '../../src/resolver/server/response-limit.js'
import { serveUdp } from '../../src/resolver/server/udp.js'
import type { Transport } from '../../src/wire/sockets/datagram.js'
import { queryOf } from '../resolver/reply-target.js'
import { FakeResponder } from './fake-responder.js'
import { transports, turns, until } from './transports.js'
import { nameQuery, UdpClient } from './udp-client.js'

const RATE = { perSecond: 1, burst: 2000 }
const BITS = { ipv4: 32, ipv6: 56 }

/** Replies with a record and the given RCODE, at once or later. */
class Recorder extends FakeResponder {
  rcode = 0
  when: 'now' | 'later' = 'now'

  override answer(octets: Uint8Array, at: number, end: number): number {
    if (this.when === 'later') return PENDING
    const reply = this.replyTo(octets.slice(at, end))
    octets.set(reply, at)
    return reply.length
  }

  override answerLater(asker: ReplyTarget): void {
    const reply = this.replyTo(queryOf(asker))
    asker.reply(reply, 0, reply.length)
  }

  private replyTo(query: Uint8Array): Uint8Array {
    const { questions = [], additionals } = packet.decode(Buffer.from(query))
    const answers = [{ type: 'A' as const, name: 'x', ttl: 1, data: '192.0.2.1' }]
    const reply = packet.encode({ type: 'response', questions, answers, additionals })
    reply.set(query.subarray(12, 12 + 3), 12) // the original case
    reply[3] = 0xa0 | this.rcode
    return reply
  }
}

interface Sent {
  readonly name: string
  readonly rcode?: number
}
const same = (count: number, sent: Sent): Sent[] => Array<Sent>(count).fill(sent)

const cases: readonly {
  it: string
  sent: readonly Sent[]
  slip?: number
  full: number
  tc: number
}[] = [
  { it: 'identical answers', sent: same(6, { name: 'a.test' }), full: 2, tc: 2 },
  {
    it: 'identical answers, without slip',
    sent: same(6, { name: 'a.test' }),
    slip: 0,
    full: 2,
    tc: 0
  },
  { it: 'NXDOMAIN of one name', sent: same(6, { name: 'a.test', rcode: 3 }), full: 2, tc: 2 },
  {
    it: 'one name in different case',
    sent: [...same(3, { name: 'a.test' }), ...same(3, { name: 'A.test' })],
    full: 2,
    tc: 2
  },
  {
    it: 'errors for any name',
    sent: ['a', 'b', 'c', 'd'].map(name => ({ name, rcode: 5 })),
    full: 2,
    tc: 1
  },
  {
    it: 'nothing for different names',
    sent: ['a', 'b', 'c', 'd'].map(name => ({ name })),
    full: 4,
    tc: 0
  },
  {
    it: 'nothing for different RCODEs',
    sent: [0, 0, 3, 3].map(rcode => ({ name: 'a', rcode })),
    full: 4,
    tc: 0
  }
]

for (const transport of transports()) {
  for (const when of ['now', 'later'] as const) {
    for (const { it, sent, slip = 2, full, tc } of cases) {
      t.test(`limits ${it} (answered ${when}, ${transport.kind} sockets)`, async t => {
        const { client, responder, limit } = await stage(t, transport, slip)
        responder.when = when
        for (const [i, { name, rcode = 0 }] of sent.entries()) {
          responder.rcode = rcode
          await client.send(nameQuery(name))
          await until(() => client.messages.length + limit.counts.dropped === i + 1)
        }
        const replies = client.messages.map(message => packet.decode(message))
        const cut = replies.filter(reply => reply.flag_tc)
        t.equal(cut.length, tc)
        t.equal(replies.length - cut.length, full)
        t.ok(cut.every(reply => reply.answers?.length === 0 && reply.additionals?.length === 1))
        t.ok(cut.every(reply => reply.questions?.length === 1))
        // NOERROR, RA, and no AD.
        t.ok(client.messages.every(octets => (octets[2]! & 2) === 0 || octets[3] === 0x80))
        t.strictSame(limit.counts, { dropped: sent.length - full - tc, slipped: tc })
      })
    }
  }
}

t.test('exempt clients are not limited', async t => {
  const { client, limit } = await stage(t, transports()[0]!, 2, { find: () => 1 })
  for (let i = 0; i < 9; i++) await client.send(nameQuery('a.test'))
  await until(() => client.messages.length === 9)
  await turns()
  t.strictSame(limit.counts, { dropped: 0, slipped: 0 })
})

async function stage(t: Test, transport: Transport, slip: number, exempt?: { find: () => number }) {
  const responder = new Recorder()
  const limit = new ResponseLimit(RATE, { bits: BITS, slip, exempt }, 0x5eed)
  const service = await serveUdp(transport, { address: '127.0.0.1', port: 0 }, responder, {
    clock: { now: () => 1, wall: () => 1 },
    proxies: undefined,
    queryLimit: undefined,
    responseLimit: limit
  })
  const client = new UdpClient(service.local.port)
  t.teardown(() => {
    client.close()
    service.close()
  })
  return { client, responder, limit }
}
