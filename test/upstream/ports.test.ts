import t from 'tap'
import type { Transport } from '../../src/wire/sockets/datagram.js'
import { BlockRandom } from '../../src/base/bytes/random.js'
import { readReservedPorts, SourcePorts } from '../../src/wire/sockets/source-ports.js'
import { good, silent, type Behaviour } from './bad-upstream.js'
import { cookieOf, idOf, responseTo } from './messages.js'
import { rig, settled, TRANSPORTS } from './rig.js'

const name = (n: number): string => `n${n}.example.com`
const distinct = (values: readonly (number | string)[]): number => new Set(values).size

for (const transport of TRANSPORTS) {
  t.test(`${transport.kind}: every query has a new port and an unpredictable ID`, async t => {
    const { ask, upstreams } = await rig(t, [good()], { transport })
    // No time passes: a port and an ID each, however fast they follow each other.
    for (let n = 0; n < 200; n++) await ask(name(n))
    const { seen } = upstreams[0]!
    const ports = seen.map(({ port }) => port)
    // 200 of 59,000: a third of a pair of equal ones on average.
    t.ok(distinct(ports) >= 195)
    const foreign = ports.filter(port => new SourcePorts([[port, port]], []).count === 0)
    t.strictSame(foreign, [], 'none is assigned to a service')
    const reserved = readReservedPorts()
    const kept = ports.filter(port => reserved.some(([from, to]) => from <= port && port <= to))
    t.strictSame(kept, [], 'none is reserved')
    // 200 IDs of 65,536: more than five pairs of equal ones occur once in a million runs.
    const ids = seen.map(({ message }) => idOf(message))
    t.ok(distinct(ids) >= 195)
    const steps = ids.slice(1).map((id, i) => (id - ids[i]!) & 0xffff)
    t.ok(distinct(steps) >= 190, 'nor do they grow by a rule')
  })

  t.test(`${transport.kind}: queries leave from the ports of the settings`, async t => {
    const sourcePorts = [[61_000, 61_999] as const]
    const { ask, upstreams, forwarder } = await rig(t, [good()], { transport, sourcePorts })
    for (let n = 0; n < 50; n++) await ask(name(n))
    const { seen } = upstreams[0]!
    t.ok(seen.every(({ port }) => port >= 61_000 && port <= 61_999))
    const moved = { upstreams: [upstreams[0]!.endpoint], sourcePorts: [[62_000, 62_999] as const] }
    forwarder.configure(moved, new Set())
    for (let n = 50; n < 100; n++) await ask(name(n))
    t.ok(seen.slice(50).every(({ port }) => port >= 62_000 && port <= 62_999))
  })

  t.test(`${transport.kind}: many queries of one millisecond share ports`, async t => {
    const { ask, upstreams } = await rig(t, [good()], { transport })
    await Promise.all(Array.from({ length: 200 }, (_, n) => ask(name(n))))
    const { seen } = upstreams[0]!
    t.equal(seen.length, 200)
    const ports = distinct(seen.map(({ port }) => port))
    t.ok(ports >= 20 && ports <= 40, `${ports} ports`)
    // IDs are random: two ports may have the same one.
    t.equal(distinct(seen.map(({ port, message }) => `${port} ${idOf(message)}`)), 200)
  })

  t.test(`${transport.kind}: a port is closed when its queries are answered`, async t => {
    const opened = countOpen(transport)
    const { ask, upstreams, time } = await rig(t, [silent], {
      transport: opened.transport,
      limits: { queryTimeout: 4900, attemptTimeout: 4000 }
    })
    const upstream = upstreams[0]!
    const outcome = ask(name(1))
    await upstream.sees(1)
    // It is too old for other queries, but not for its response.
    time.advance(2500)
    await settled()
    void ask(name(2))
    await upstream.sees(2)
    const [old, fresh] = upstream.seen
    t.not(old!.port, fresh!.port)
    t.equal(opened.count, 2)
    good()(old!)
    t.match(await outcome, { kind: 'response', took: 2500 })
    t.equal(opened.count, 1)
    good()(fresh!)
    await settled()
    t.equal(opened.count, 0, 'idle')
  })

  t.test(`${transport.kind}: after load, the sockets that were kept for it are closed`, async t => {
    const opened = countOpen(transport)
    const { ask, upstreams, time } = await rig(t, [good()], { transport: opened.transport })
    await Promise.all(Array.from({ length: 200 }, (_, n) => ask(name(n))))
    time.advance(1100)
    await settled()
    t.equal(upstreams[0]!.seen.length, 200)
    t.equal(opened.count, 0)
  })
}

/** Counts the sockets that are open. */
function countOpen(inner: Transport): { readonly transport: Transport; readonly count: number } {
  let count = 0
  const transport: Transport = {
    ...inner,
    open(...args) {
      const socket = inner.open(...args)
      count++
      const close = socket.close.bind(socket)
      socket.close = () => {
        count--
        close()
      }
      return socket
    }
  }
  return {
    transport,
    get count() {
      return count
    }
  }
}

/** Answers with a cookie. */
const withCookies: Behaviour = query => {
  const cookie = cookieOf(query.message).slice(0, 16)
  query.send(
    responseTo(query.message, cookie === '' ? {} : { cookie: `${cookie}${'5e'.repeat(8)}` })
  )
}

t.test('an upstream that has proven cookies is queried from new ports, too', async t => {
  const { ask, upstreams, forwarder } = await rig(t, [withCookies])
  for (let n = 0; n < 150; n++) await ask(name(n))
  t.match(forwarder.states, [{ cookies: true }])
  t.ok(distinct(upstreams[0]!.seen.map(({ port }) => port)) >= 140)
})

t.test('under load, a port takes a limited number of queries for a short time', async t => {
  const { ask, upstreams, time } = await rig(t, [good()])
  const { seen } = upstreams[0]!
  for (let ms = 0; ms < 40; ms++) {
    await Promise.all(Array.from({ length: 100 }, (_, n) => ask(name(100 * ms + n))))
    time.advance(1)
  }
  t.equal(seen.length, 4000)
  const uses = new Map<number, number>()
  for (const { port } of seen) uses.set(port, (uses.get(port) ?? 0) + 1)
  t.ok(Math.max(...uses.values()) <= 1024, `at most ${Math.max(...uses.values())}`)
  // One for four milliseconds, and 32 at the start.
  t.ok(uses.size >= 40, `${uses.size} ports`)
  time.advance(1100)
  const before = new Set(uses.keys())
  const queries = seen.length
  for (let n = 5000; n < 5100; n++) await ask(name(n))
  const kept = seen.slice(queries).filter(({ port }) => before.has(port)).length
  t.ok(kept < 5, `${kept} of 100 from a port of before`)
})

t.test('with as many sockets as allowed, queries share those that wait', async t => {
  const limits = { sockets: 4, attemptTimeout: 4000, queryTimeout: 4900 }
  const { ask, upstreams, time, forwarder } = await rig(t, [silent], { limits })
  for (let n = 0; n < 50; n++) {
    void ask(name(n))
    // Long enough for their age.
    if (n % 10 === 0) time.advance(300)
  }
  const upstream = upstreams[0]!
  await upstream.sees(50)
  t.equal(distinct(upstream.seen.map(({ port }) => port)), 4)
  for (const query of upstream.seen) good()(query)
  await settled()
  t.equal(forwarder.inFlight, 0)
})

t.test('without a free descriptor, queries share the open sockets', async t => {
  let left = 2
  const transport: Transport = {
    ...TRANSPORTS[0]!,
    open(...args) {
      if (left-- <= 0) throw new Error('too many open files')
      return TRANSPORTS[0]!.open(...args)
    }
  }
  const { ask, upstreams } = await rig(t, [silent], { transport })
  for (let n = 0; n < 20; n++) void ask(name(n))
  const upstream = upstreams[0]!
  await upstream.sees(20)
  t.equal(distinct(upstream.seen.map(({ port }) => port)), 2)
})

t.test('draws random words that do not repeat, over several blocks', async t => {
  const random = new BlockRandom()
  const words = Array.from({ length: 3000 }, () => random.word())
  t.ok(words.every(word => Number.isInteger(word) && word >= 0 && word < 2 ** 32))
  // 3,000 of 4,294,967,296: one pair occurs once in a thousand runs, three never.
  t.ok(distinct(words) > 2997)
  t.ok(words.some(word => word >= 2 ** 31))
})
