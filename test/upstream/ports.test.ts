import t from 'tap'
import type { UpstreamSocket } from '../../src/wire/sockets/datagram.js'
import { createForwarder } from '../../src/resolver/upstream/create-forwarder.js'
import { BlockRandom } from '../../src/base/bytes/random.js'
import { good, silent, type Behaviour } from './bad-upstream.js'
import { FakeTime } from './fake-time.js'
import { cookieOf, idOf, responseTo } from './messages.js'
import { rig, settled, TRANSPORTS } from './rig.js'

const name = (n: number): string => `n${n}.example.com`
const distinct = (values: readonly (number | string)[]): number => new Set(values).size

for (const transport of TRANSPORTS) {
  t.test(`${transport.kind}: sends from many ports with unpredictable IDs`, async t => {
    const { ask, upstreams, time } = await rig(t, [good()], {
      transport,
      limits: { sockets: 16, unprovenSockets: 16 }
    })
    for (let n = 0; n < 200; n++) {
      await ask(name(n))
      time.advance(1)
    }
    const { seen } = upstreams[0]!
    // 200 draws from 16 sockets miss one of them with a probability of 4 in 100,000.
    t.ok(distinct(seen.map(({ port }) => port)) >= 14)
    // 200 IDs of 65,536: more than five pairs of equal ones occur once in a million runs.
    const ids = seen.map(({ message }) => idOf(message))
    t.ok(distinct(ids) >= 195)
    const steps = ids.slice(1).map((id, i) => (id - ids[i]!) & 0xffff)
    t.ok(distinct(steps) >= 190, 'nor do they grow by a rule')
  })

  t.test(`${transport.kind}: queries of one millisecond share a port`, async t => {
    const { ask, upstreams, time } = await rig(t, [good()], {
      transport,
      limits: { sockets: 16, unprovenSockets: 16 }
    })
    for (let n = 0; n < 40; n++) {
      await ask(name(n))
      time.advance(1)
    }
    const before = upstreams[0]!.seen.length
    await Promise.all(Array.from({ length: 60 }, (_, n) => ask(name(100 + n))))
    const together = upstreams[0]!.seen.slice(before)
    t.equal(together.length, 60)
    t.ok(distinct(together.map(({ port }) => port)) <= 3)
    // IDs are random: two ports may have the same one.
    t.equal(distinct(together.map(({ port, message }) => `${port} ${idOf(message)}`)), 60)
  })

  t.test(`${transport.kind}: replaces a socket after its number of queries`, async t => {
    const { ask, upstreams, time } = await rig(t, [good()], {
      transport,
      limits: { unprovenSockets: 1, unprovenSocketQueries: 10 }
    })
    for (let n = 0; n < 100; n++) {
      await ask(name(n))
      await settled()
      time.advance(1)
    }
    const { seen } = upstreams[0]!
    t.ok(distinct(seen.map(({ port }) => port)) >= 5)
  })

  t.test(`${transport.kind}: replaces an old socket, and still accepts its responses`, async t => {
    const { ask, upstreams, time } = await rig(t, [silent], {
      transport,
      limits: {
        sockets: 1,
        unprovenSockets: 1,
        socketAge: 4000,
        queryTimeout: 4900,
        attemptTimeout: 4000
      }
    })
    const upstream = upstreams[0]!
    time.advance(2000)
    const outcome = ask(name(1))
    await upstream.sees(1)
    time.advance(2500)
    await settled()
    void ask(name(2))
    await upstream.sees(2)
    const [old, fresh] = upstream.seen
    t.not(old!.port, fresh!.port)
    good()(old!)
    t.match(await outcome, { kind: 'response', took: 2500 })
  })
}

/** Answers with a cookie. */
const withCookies: Behaviour = query => {
  const cookie = cookieOf(query.message).slice(0, 16)
  query.send(
    responseTo(query.message, cookie === '' ? {} : { cookie: `${cookie}${'5e'.repeat(8)}` })
  )
}

t.test(
  'an upstream without cookies is queried from a thousand ports, each for a while',
  async t => {
    const { ask, upstreams, time } = await rig(t, [good()])
    const { seen } = upstreams[0]!
    for (let n = 0; n < 3000; n++) {
      await ask(name(n))
      time.advance(1)
    }
    // 1,900 draws from 1,024 sockets hit 864 of them on average.
    const ports = distinct(seen.slice(1100).map(({ port }) => port))
    t.ok(ports > 800 && ports <= 1024, `${ports} ports`)
    for (let second = 0; second < 70; second++) {
      time.advance(1000)
      await settled()
    }
    const before = new Set(seen.map(({ port }) => port))
    const queries = seen.length
    for (let n = 3000; n < 3300; n++) {
      await ask(name(n))
      time.advance(1)
    }
    const kept = seen.slice(queries).filter(({ port }) => before.has(port)).length
    t.ok(kept < 30, `${kept} of 300 from a port of before`)
  }
)

t.test('a port takes two thousand queries to an upstream without cookies', async t => {
  const limits = { unprovenSockets: 1, sockets: 1 }
  const { ask, upstreams, time } = await rig(t, [good()], { limits })
  for (let n = 0; n < 5000; n++) {
    await ask(name(n))
    if (n % 100 === 0) await settled()
    time.advance(1)
  }
  const uses = new Map<number, number>()
  for (const { port } of upstreams[0]!.seen) uses.set(port, (uses.get(port) ?? 0) + 1)
  t.ok(Math.max(...uses.values()) <= 2200, `at most ${Math.max(...uses.values())}`)
  t.ok(uses.size >= 3, `${uses.size} ports`)
})

t.test('an upstream that has proven cookies is queried from a few ports', async t => {
  const { ask, upstreams, time, forwarder } = await rig(t, [withCookies])
  for (let n = 0; n < 400; n++) {
    await ask(name(n))
    time.advance(1)
  }
  t.match(forwarder.states, [{ cookies: true }])
  t.ok(distinct(upstreams[0]!.seen.map(({ port }) => port)) <= 33)
})

t.test('the sockets of a time without cookies are closed when cookies are proven', async t => {
  const { ask, upstreams, time } = await rig(t, [good()])
  const [upstream] = upstreams
  for (let n = 0; n < 500; n++) {
    await ask(name(n))
    time.advance(1)
  }
  upstream!.behaviour = withCookies
  // Cookies are tried again after five minutes.
  for (let n = 500; n < 1000; n++) {
    for (let step = 0; step < 4; step++) time.advance(200)
    await ask(name(n))
  }
  const queries = upstream!.seen.length
  for (let n = 1000; n < 1300; n++) {
    await ask(name(n))
    time.advance(1)
  }
  const ports = distinct(upstream!.seen.slice(queries).map(({ port }) => port))
  t.ok(ports <= 40, `${ports} ports`)
})

t.test('draws random words that do not repeat, over several blocks', async t => {
  const random = new BlockRandom()
  const words = Array.from({ length: 3000 }, () => random.word())
  t.ok(words.every(word => Number.isInteger(word) && word >= 0 && word < 2 ** 32))
  // 3,000 of 4,294,967,296: one pair occurs once in a thousand runs, three never.
  t.ok(distinct(words) > 2997)
  t.ok(words.some(word => word >= 2 ** 31))
})

t.test('closes a socket that opens after the pool was closed', async t => {
  const sockets = { opened: 0, closed: 0 }
  const pending: (() => void)[] = []
  const socket: UpstreamSocket = {
    local: { address: '127.0.0.1', port: 1 },
    send: () => undefined,
    close: () => sockets.closed++
  }
  const time = new FakeTime()
  const forwarder = await createForwarder({
    transport: {
      ...TRANSPORTS[0]!,
      open: async () => {
        if (++sockets.opened > 4) await new Promise<void>(done => pending.push(done))
        return socket
      }
    },
    clock: time.clock,
    timers: time.timers,
    upstreams: [{ address: '127.0.0.1', port: 53 }],
    limits: { socketAge: 1000 }
  })
  time.advance(1000)
  forwarder.close()
  for (const done of pending) done()
  await settled()
  t.strictSame(sockets, { opened: 8, closed: 8 })
})
