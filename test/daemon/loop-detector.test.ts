import t, { type Test } from 'tap'
import { routesOf, type Route } from '../../src/gateway/upstreams/configured-upstreams.js'
import { LoopDetector } from '../../src/gateway/upstreams/loop-detector.js'
import type { RouteId } from '../../src/resolver/upstream/create-forwarder.js'
import { readName, showName } from '../../src/wire/dns/name/name.js'
import type { BatchHandler, Endpoint, Transport } from '../../src/wire/sockets/datagram.js'
import type { UpstreamServer } from '../../src/wire/sockets/upstream-server.js'
import { FakeTime } from '../upstream/fake-time.js'
import { makeCertificate } from '../tls/certificates.js'
import { questionOf, responseTo } from '../upstream/messages.js'
import { HttpsUpstream, respond, type HttpBehaviour } from '../upstream/https-upstream.js'
import { TlsUpstream } from '../upstream/tls-upstream.js'
import { MemoryLog } from './serve.js'

const KEY = '0123456789abcdef'
const EVERY = 60_000
/** Longer than the detector waits for the second event. */
const LATE = 1_500

interface Sent {
  readonly to: Endpoint
  readonly message: Uint8Array
}

/** A detector with upstreams that a test controls, on a fake clock. */
class World {
  readonly time = new FakeTime()
  readonly log = new MemoryLog()
  readonly sent: Sent[] = []
  readonly left: RouteId[][] = []
  open = 0
  readonly watch: LoopDetector
  private handler: BatchHandler = () => undefined

  constructor(t: Test, routes: readonly Route[], every = EVERY, sockets = true) {
    this.watch = new LoopDetector({
      key: KEY,
      plan: { routes, interval: every },
      transport: this.transport(sockets),
      timers: this.time.timers,
      log: this.log,
      disableRoutes: routes => this.left.push([...routes])
    })
    t.teardown(() => this.watch.close())
  }

  /** Starts a round and returns its probes. */
  async round(count = 1): Promise<Sent[]> {
    const before = this.sent.length
    if (before === 0) this.watch.start()
    else this.time.advance(EVERY)
    for (let turn = 0; turn < 20; turn++) await Promise.resolve()
    const fresh = this.sent.slice(before)
    if (fresh.length !== count) throw new Error(`${fresh.length} probes, and not ${count}`)
    return fresh
  }

  comesBack({ message }: Sent): void {
    this.watch.onProbeReturned(nameOf(message).slice(KEY.length, 2 * KEY.length))
  }

  answers({ message }: Sent, rcode: number): void {
    const octets = responseTo(message, { rcode })
    this.handler({
      octets,
      starts: Uint32Array.of(0),
      lengths: Uint32Array.of(octets.length),
      replies: new Uint32Array(1),
      peers: new Uint32Array(4),
      ports: new Uint16Array(1),
      count: 1,
      replyAddress: () => ({})
    })
  }

  private transport(sockets: boolean): Transport {
    const open: Transport['open'] = (_, handler) => {
      if (!sockets) throw new Error('no descriptors')
      this.handler = handler
      this.open++
      return {
        local: { address: '127.0.0.1', port: 1 },
        send: (octets, start, end, to) => {
          this.sent.push({ to: to as Endpoint, message: octets.slice(start, end) })
        },
        close: () => {
          this.open--
        }
      }
    }
    return { open, peer: (to: Endpoint) => to as object } as unknown as Transport
  }
}

function nameOf(message: Uint8Array): string {
  return showName(questionOf(message).slice(0, -4))
}

const at = (last: number): Endpoint => ({ address: `192.0.2.${last}`, port: 53 })
const one = routesOf([at(1)], [])
const NXDOMAIN = 3
const SERVFAIL = 2
const REFUSED = 5

const rows = [
  { back: true, rcode: REFUSED, left: [[0]], says: ['forwarding loop; upstream disabled'] },
  { back: true, rcode: undefined, left: [[0]], says: ['forwarding loop; upstream disabled'] },
  { back: true, rcode: NXDOMAIN, left: [], says: ['possible forwarding loop'] },
  { back: false, rcode: NXDOMAIN, left: [], says: [] },
  { back: false, rcode: SERVFAIL, left: [], says: [] },
  { back: false, rcode: undefined, left: [], says: [] }
]

t.test('probes an upstream over TLS, with which no query goes in clear', async t => {
  const { certificate: cert, key } = makeCertificate()
  const upstream = await TlsUpstream.open(t, { cert, key })
  await probes(t, upstream.with({ ca: cert }), () => upstream.queries[0])
})

t.test('probes an upstream over HTTPS, with which no query goes in clear', async t => {
  const { certificate: cert, key } = makeCertificate()
  const upstream = await HttpsUpstream.open(t, { cert, key })
  await probes(t, upstream.with({ ca: cert }), () => upstream.queries[0]?.message)
})

for (const [it, behaviour] of [
  ['answers with an error', query => respond(query, Buffer.alloc(0), { ':status': 503 })],
  ['resets the stream', ({ stream }) => stream.close(7)]
] as const satisfies readonly (readonly [string, HttpBehaviour])[]) {
  t.test(`leaves an upstream over HTTPS as it is that ${it}`, async t => {
    const { certificate: cert, key } = makeCertificate()
    const upstream = await HttpsUpstream.open(t, { cert, key }, behaviour)
    const { watch, left } = new World(t, routesOf([upstream.with({ ca: cert })], []))
    watch.start()
    for (let turn = 0; turn < 2000 && upstream.sessions[0]?.destroyed !== true; turn++)
      await new Promise(resolve => setTimeout(resolve, 1))
    t.equal(upstream.queries.length, 1)
    t.ok(upstream.sessions[0]!.destroyed, 'the connection is closed')
    t.strictSame(left, [])
  })
}

/** Tests a probe over an encrypted connection. */
async function probes(
  t: Test,
  server: UpstreamServer,
  received: () => Uint8Array | undefined
): Promise<void> {
  const { watch, log, sent } = new World(t, routesOf([server], []))
  watch.start()
  for (let turn = 0; turn < 2000 && received() === undefined; turn++)
    await new Promise(resolve => setTimeout(resolve, 1))
  const name = nameOf(received()!)
  t.match(name, /^0123456789abcdef[0-9a-f]{16}\.interdict-loop-probe$/)
  watch.onProbeReturned(name.slice(KEY.length, 2 * KEY.length))
  // It is partial, since the answer comes, too.
  await log.says('possible forwarding loop')
  t.strictSame(sent, [], 'nothing over UDP')
}

t.test('known loops stay known when the upstreams change', async t => {
  const world = new World(t, one)
  const [probe] = await world.round()
  world.comesBack(probe!)
  world.answers(probe!, REFUSED)
  t.strictSame(world.left, [[0]])
  const { watch } = world
  t.strictSame([...watch.configure({ routes: one, interval: EVERY })], [0], 'nothing has changed')
  const two = routesOf([at(2), at(1)], [])
  t.strictSame([...watch.configure({ routes: two, interval: EVERY })], [1], 'by its new number')
  t.match(watch.disabledRoutes, [{ upstream: '192.0.2.1' }])
  t.strictSame([...watch.configure({ routes: two, interval: 0 })], [], 'not checked any more')
})

for (const { back, rcode, left, says } of rows) {
  for (const order of ['back first', 'answer first', 'back late'] as const) {
    const title = `${back ? 'came back' : 'did not come back'}, RCODE ${rcode ?? 'none'}, ${order}`
    t.test(title, async t => {
      const world = new World(t, one)
      const [probe] = await world.round()
      if (back && order === 'back first') world.comesBack(probe!)
      if (rcode !== undefined) world.answers(probe!, rcode)
      if (order === 'back late') world.time.advance(LATE)
      if (back && order !== 'back first') world.comesBack(probe!)
      world.time.advance(LATE)
      t.strictSame(world.left, left)
      t.equal(world.log.lines.length, says.length)
      for (const text of says) t.equal(world.log.with(text).length, 1, text)
    })
  }
}

t.test(
  'a loop is logged once, stays while no other server answers, and ends when one does',
  async t => {
    const world = new World(t, one)
    for (let round = 0; round < 3; round++) {
      const [probe] = await world.round()
      world.comesBack(probe!)
      world.answers(probe!, REFUSED)
    }
    t.strictSame(world.left, [[0]])
    const [refused] = await world.round()
    world.answers(refused!, SERVFAIL)
    world.time.advance(LATE)
    t.strictSame(world.left, [[0]], 'its own failure to resolve proves nothing')
    const [good] = await world.round()
    world.answers(good!, NXDOMAIN)
    world.time.advance(LATE)
    t.strictSame(world.left, [[0], []])
    t.strictSame(
      world.log.lines.map(({ level, fields }) => ({ level, fields })),
      ['warn', 'info'].map(level => ({ level, fields: { upstream: '192.0.2.1', domain: '.' } }))
    )
  }
)

t.test('each upstream of each domain is probed below it, each time with a new name', async t => {
  const corp = { domain: 'corp.example', name: readName('corp.example'), servers: [at(2), at(3)] }
  const world = new World(t, routesOf([at(1)], [corp]))
  const first = await world.round(3)
  t.strictSame(
    first.map(({ to }) => to),
    [at(1), at(2), at(3)]
  )
  const names = first.map(({ message }) => nameOf(message))
  t.match(names[0], /^[0-9a-f]{32}\.interdict-loop-probe$/)
  t.match(names[1], /^[0-9a-f]{32}\.interdict-loop-probe\.corp\.example$/)
  const second = (await world.round(3)).map(({ message }) => nameOf(message))
  t.equal(new Set([...names, ...second]).size, 6)
  world.comesBack(world.sent[3 + 1]!)
  world.answers(world.sent[3 + 1]!, REFUSED)
  t.strictSame(world.left, [[1]])
})

t.test('one event is not forgotten when the next round starts before the other', async t => {
  const world = new World(t, one)
  const [probe] = await world.round()
  world.time.advance(EVERY - 10)
  world.comesBack(probe!)
  world.time.advance(10)
  t.strictSame(world.left, [[0]])
})

t.test('unknown probes, and those of earlier rounds, are ignored', async t => {
  const world = new World(t, one)
  const [old] = await world.round()
  await world.round()
  world.comesBack(old!)
  world.answers(old!, REFUSED)
  world.watch.onProbeReturned('0000000000000000')
  world.time.advance(LATE)
  t.strictSame(world.left, [])
})

t.test('upstreams replaced by a forward entry for the root are not probed', async t => {
  const root = { domain: '.', name: Uint8Array.of(0), servers: [at(2)] }
  const world = new World(t, routesOf([at(1)], [root]))
  const [probe] = await world.round()
  t.strictSame(probe!.to, at(2))
  world.comesBack(probe!)
  world.answers(probe!, REFUSED)
  t.strictSame(world.left, [[1]], 'the number is that of all routes')
  t.match(world.watch.disabledRoutes, [{ upstream: '192.0.2.2', domain: '.' }])
})

t.test('with 0 for the time between rounds nothing is opened or sent', async t => {
  const world = new World(t, one, 0)
  await world.round(0)
  t.equal(world.open, 0)
  t.equal(world.time.waiting, 0)
})

t.test('without a socket it tries again in the next round', async t => {
  const world = new World(t, one, EVERY, false)
  await world.round(0)
  t.equal(world.time.waiting, 1)
})

t.test('once closed, nothing is left open and nothing happens later', async t => {
  const world = new World(t, one)
  const [probe] = await world.round()
  world.comesBack(probe!)
  world.watch.close()
  t.equal(world.open, 0)
  t.equal(world.time.waiting, 0)
  world.comesBack(probe!)
  t.strictSame(world.left, [])
})
