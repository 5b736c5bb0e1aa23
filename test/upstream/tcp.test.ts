import t from 'tap'
import { RCODE } from '../../src/wire/dns/registry/rcode.js'
import { decodeResponse } from '../../src/wire/dns/message/decode-response.js'
import {
  failing,
  framed,
  good,
  silent,
  truncating,
  type Behaviour,
  type Seen
} from './bad-upstream.js'
import { labelOf, markOf, responseTo } from './messages.js'
import { messageOf, rig, settled } from './rig.js'

const answer = ({ message }: Seen, mark = 1): Uint8Array => framed(responseTo(message, { mark }))

/** Ways in which the same response may arrive over TCP. */
const cuts: { it: string; send: (query: Seen) => void | Promise<void> }[] = [
  { it: 'in one piece', send: query => query.send(answer(query)) },
  {
    it: 'octet by octet',
    send: async query => {
      for (const octet of answer(query)) {
        query.send(Uint8Array.of(octet))
        await settled()
      }
    }
  },
  {
    it: 'split after the first octet of the length',
    send: async query => {
      query.send(answer(query).subarray(0, 1))
      await settled()
      query.send(answer(query).subarray(1))
    }
  },
  {
    it: 'after an empty message',
    send: query => query.send(Uint8Array.of(0, 0, ...answer(query)))
  },
  {
    it: 'after an unrelated response',
    send: query => {
      const stray = framed(responseTo(query.message, { mark: 66, id: 0 }))
      query.send(Uint8Array.of(...stray, ...answer(query)))
    }
  },
  {
    it: 'followed by another',
    send: query => query.send(Uint8Array.of(...answer(query), ...answer(query, 66)))
  }
]

for (const { it, send } of cuts) {
  t.test(`retries over TCP when truncated, and accepts a response ${it}`, async t => {
    const { ask, upstreams, forwarder } = await rig(t, [truncating(query => void send(query))])
    t.equal(markOf(messageOf(await ask('www.example.com'))), 1)
    t.strictSame(
      upstreams[0]!.seen.map(({ overTcp }) => overTcp),
      [false, true]
    )
    t.match(forwarder.states, [{ counts: { queries: 2, overTcp: 1, truncated: 1, responses: 2 } }])
  })
}

t.test('accepts a message of 65,535 octets', async t => {
  const { ask } = await rig(t, [
    truncating(query => {
      const long = new Uint8Array(65_535)
      long.set(responseTo(query.message))
      query.send(framed(long))
    })
  ])
  t.equal(messageOf(await ask('www.example.com')).length, 65_535)
})

t.test('pipelines queries on one connection and accepts responses in any order', async t => {
  const waiting: Seen[] = []
  const { ask, upstreams } = await rig(t, [
    truncating(query => {
      waiting.push(query)
      if (waiting.length < 5) return
      for (const one of waiting.reverse()) one.send(answer(one, Number(labelOf(one.message))))
    })
  ])
  const marks = ['1', '2', '3', '4', '5'].map(async label =>
    markOf(messageOf(await ask(`${label}.example.com`)))
  )
  t.strictSame(await Promise.all(marks), [1, 2, 3, 4, 5])
  t.equal(upstreams[0]!.connections, 1)
})

t.test('opens more connections when one is full, up to the limit', async t => {
  const { ask, upstreams, forwarder } = await rig(t, [truncating(silent)], {
    limits: { connections: 2 }
  })
  // 128 queries per connection; 44 do not fit. Sent in parts, so that none is lost.
  for (let n = 1; n <= 300; n++) {
    void ask(`n${n}.example.com`)
    if (n % 50 === 0) await upstreams[0]!.sees(n + Math.min(n, 256))
  }
  while (forwarder.inFlight > 256) await settled()
  t.equal(upstreams[0]!.connections, 2)
})

t.test('reuses a connection, and closes it when it is idle', async t => {
  const { ask, upstreams, time } = await rig(t, [truncating(good())])
  await ask('a.example.com')
  time.advance(9000)
  await ask('b.example.com')
  t.equal(upstreams[0]!.connections, 1)
  time.advance(10_000)
  await settled()
  await ask('c.example.com')
  t.equal(upstreams[0]!.connections, 2)
})

const losses: { it: string; lose: (query: Seen) => void }[] = [
  { it: 'before the response', lose: query => query.hangUp() },
  {
    it: 'in the middle of it',
    lose: query => {
      query.send(answer(query).subarray(0, 20))
      setImmediate(query.hangUp)
    }
  }
]

for (const { it, lose } of losses) {
  t.test(`retries on a new connection when one closes ${it}`, async t => {
    const { ask, upstreams } = await rig(t, [silent])
    const upstream = upstreams[0]!
    upstream.behaviour = truncating(query => {
      if (upstream.connections === 1) lose(query)
      else good()(query)
    })
    t.equal(markOf(messageOf(await ask('www.example.com'))), 1)
    t.equal(upstream.connections, 2)
  })

  t.test(`fails over when two connections close ${it}`, async t => {
    const { ask, upstreams, forwarder } = await rig(t, [truncating(lose), good(2)])
    t.match(await ask('www.example.com'), { kind: 'response', upstream: 1 })
    t.equal(upstreams[0]!.connections, 2)
    t.equal(forwarder.counts.queries, 4)
  })
}

t.test('fails over when TCP is refused', async t => {
  const { ask, upstreams, health } = await rig(t, [truncating(silent), good(2)])
  await upstreams[0]!.killTcp()
  t.match(await ask('www.example.com'), { kind: 'response', upstream: 1 })
  t.strictSame(health, [])
})

t.test('fails with EDE 23 when the only upstream refuses TCP', async t => {
  const { ask, upstreams } = await rig(t, [truncating(silent)])
  await upstreams[0]!.killTcp()
  t.match(await ask('www.example.com'), { kind: 'failure', ede: 23, upstream: 0 })
})

t.test('abandons a connection without responses', async t => {
  const { ask, upstreams, time } = await rig(t, [truncating(silent), failing(RCODE.SERVFAIL)])
  const upstream = upstreams[0]!
  const first = ask('a.example.com')
  await upstream.sees(2)
  time.advance(820)
  t.match(await first, { kind: 'response', upstream: 1 })
  upstream.behaviour = truncating(good())
  await upstreams[1]!.kill()
  time.advance(20_000)
  const second = ask('b.example.com')
  time.advance(820)
  t.match(await second, { kind: 'response', upstream: 0 })
  t.equal(upstream.connections, 2)
})

t.test(
  'an answer that is truncated over TCP too is an error: the next upstream is tried',
  async t => {
    const again: Behaviour = query =>
      query.send(framed(responseTo(query.message, { truncated: true })))
    const { ask, upstreams } = await rig(t, [truncating(again), good(2)])
    t.match(await ask('a.example.com'), { kind: 'response', upstream: 1 })
    t.strictSame(
      upstreams.map(({ seen }) => seen.map(({ overTcp }) => overTcp)),
      [[false, true], [false]]
    )
    const alone = await rig(t, [truncating(again)])
    const outcome = await alone.ask('a.example.com')
    const { message } = outcome as Extract<typeof outcome, { kind: 'response' }>
    // The name has 15 octets, and QTYPE and QCLASS follow.
    const question = alone.upstreams[0]!.seen[0]!.message.subarray(12, 12 + 15 + 4)
    const limits = { minTtl: 0, maxTtl: 60, negativeMaxTtl: 60, failureTtl: 5 }
    const answer = decodeResponse(message, question, limits, 0, 0)
    t.match(answer, { rcode: RCODE.SERVFAIL, answers: 0, lifetime: 5 })
    t.match(Buffer.from(answer.ede!.option).toString(), /truncated its answer over TCP/)
  }
)
