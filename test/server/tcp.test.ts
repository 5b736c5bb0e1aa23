import t, { type Test } from 'tap'
import { ConnectionLimit } from '../../src/resolver/server/connection-limit.js'
import type { TcpLimits, TcpService } from '../../src/resolver/server/tcp-service.js'
import { serveTcp } from '../../src/resolver/server/tcp.js'
import type { Transport } from '../../src/wire/sockets/datagram.js'
import { FakeResponder, query } from './fake-responder.js'
import { frames, queries, TcpClient } from './tcp-client.js'
import { tlsListenOptions } from './tls-options.js'
import { transports, turns, until } from './transports.js'

const LIMITS: TcpLimits = { idle: 10_000, connections: 100, queriesInFlight: 64 }

const BITS = { ipv4: 32, ipv6: 56 }

/** Options of a test that differ from the defaults. */
type Terms = Partial<TcpLimits> & { readonly perClient?: number; readonly exempt?: boolean }

const numbered = (count: number): string[] => Array.from({ length: count }, (_, i) => `now ${i}`)

const answersTo = (texts: readonly string[]): string[] => texts.map(text => `re: ${text}`)

interface Stage {
  readonly responder: FakeResponder
  readonly service: TcpService
  readonly client: TcpClient
  /** Another client. @param from its address */
  readonly connect: (from?: string) => TcpClient
  readonly connectionLimit: ConnectionLimit
  /** Moves the server's clock. */
  readonly pass: (ms: number) => void
}

const variants = [
  ...transports().map(transport => ({ transport, isTls: false })),
  { transport: transports()[0]!, isTls: true }
]

for (const { transport, isTls } of variants) {
  const kind = `${isTls ? 'TLS' : 'TCP'}, ${transport.kind} sockets`
  const test = (it: string, limits: Terms, run: (t: Test, s: Stage) => Promise<void>) =>
    t.test(`${kind}: ${it}`, async t => run(t, await stage(t, transport, isTls, limits)))

  test('answers a query, for the client that asks', {}, async (t, { client, responder }) => {
    await client.send(queries('now'))
    await until(() => client.messages.length === 1)
    t.strictSame(client.texts, ['re: now'])
    t.strictSame(responder.clients, [[0, 0, 0xffff, 0x7f000001]])
    t.strictSame(responder.protocols, [isTls ? 2 : 1])
  })

  test('accepts queries split at any octet', {}, async (t, { client }) => {
    const octets = queries('now 1', 'now 2', 'now 3')
    for (const octet of octets) {
      await client.send(Buffer.of(octet))
      await turns(2)
    }
    await until(() => client.messages.length === 3)
    for (let at = 1; at < octets.length; at++) {
      await client.send(octets.subarray(0, at))
      await turns(2)
      await client.send(octets.subarray(at))
      await until(() => client.messages.length === 3 * (at + 1))
    }
    const expected = answersTo(['now 1', 'now 2', 'now 3'])
    t.ok(client.texts.every((text, i) => text === expected[i % 3]))
  })

  test(
    'answers queries that arrive together with one write',
    {},
    async (t, { client, responder }) => {
      await client.send(queries(...numbered(1000)))
      await until(() => client.messages.length === 1000)
      t.strictSame(client.texts, answersTo(numbered(1000)))
      t.ok(responder.batches < 20, `${responder.batches} batches`)
      t.ok(client.reads < 20, `${client.reads} reads`)
    }
  )

  test(
    'sends answers in the order in which they are ready',
    {},
    async (t, { client, responder }) => {
      await client.send(queries('later 1', 'later 2', 'now', 'hush'))
      await until(() => client.messages.length === 1)
      responder.release('later 2')
      responder.release('later 1')
      await until(() => client.messages.length === 3)
      t.strictSame(client.texts, ['re: now', 're: later 2', 're: later 1'])
      t.strictSame(responder.clients.at(-1), [0, 0, 0xffff, 0x7f000001])
    }
  )

  test('sends messages of 65,535 octets', {}, async (t, { client }) => {
    await client.send(queries('big', 'now', 'big', 'big', 'now', 'big'))
    await until(() => client.messages.length === 6)
    const lengths = client.messages.map(({ length }) => length)
    t.strictSame(lengths, [65_535, 19, 65_535, 65_535, 19, 65_535])
    t.ok(client.messages[3]?.every(octet => octet === 0x62))
  })

  test('accepts a query of 65,535 octets', {}, async (t, { client, service }) => {
    await client.send(queries('x'.repeat(65_535 - 12), 'now'))
    await until(() => client.messages.length === 1)
    t.equal(service.counts.queries, 2)
  })

  test('answers after the client has closed its side', {}, async (t, { client, responder }) => {
    client.socket.end(queries('later', 'now'))
    await until(() => client.messages.length === 1)
    await turns()
    t.notOk(client.ended)
    responder.release('later')
    await until(() => client.ended)
    t.strictSame(client.texts, ['re: now', 're: later'])
  })

  for (const length of [0, 11]) {
    const it = `ends a connection that sends a message of ${length} octets`
    test(it, {}, async (t, { client, responder }) => {
      await client.send(
        Buffer.concat([queries('later'), frames(new Uint8Array(length)), queries('now')])
      )
      await until(() => responder.pending.size === 1)
      responder.release('later')
      await until(() => client.ended)
      t.strictSame(client.texts, ['re: later'])
    })
  }

  test(
    'pauses reading while too many queries are in flight',
    { queriesInFlight: 2 },
    async (t, s) => {
      await s.client.send(queries('later 1', 'later 2', 'later 3', 'later 4', 'now'))
      await until(() => s.responder.pending.size === 2)
      await turns()
      t.strictSame([...s.responder.pending.keys()], ['later 1', 'later 2'])
      s.responder.release('later 1')
      await until(() => s.responder.pending.has('later 3'))
      t.equal(s.responder.pending.size, 2)
      s.responder.silence('later 3')
      s.responder.release('later 2')
      await until(() => s.responder.pending.has('later 4'))
      await until(() => s.client.messages.length === 3)
      t.strictSame(s.client.texts, ['re: later 1', 're: later 2', 're: now'])
    }
  )

  test('does not read from a client that does not read', {}, async (t, { client, service }) => {
    client.socket.pause()
    const count = 2000 // 131 MB of answers: more than any socket buffer
    client.socket.write(queries(...Array<string>(count).fill('big')))
    let before = -1
    while (before !== service.counts.queries) {
      before = service.counts.queries
      await turns(200)
    }
    t.ok(before < count, `${before} of ${count} taken`)
    client.socket.resume()
    await until(() => client.messages.length > before + 5)
    client.socket.destroy()
  })

  test('closes connections above the limit, and counts them', { connections: 2 }, async (t, s) => {
    const second = s.connect()
    await second.send(queries('now'))
    await until(() => second.messages.length === 1)
    const third = s.connect()
    await until(() => third.closed || third.ended)
    third.socket.destroy()
    await until(() => s.service.counts.refused === 1)
    t.match(s.service.counts, { accepted: 2, refused: 1 })
    second.socket.destroy()
    await until(() => s.service.connections === 1)
    const fourth = s.connect()
    await fourth.send(queries('now'))
    await until(() => fourth.messages.length === 1)
    fourth.socket.destroy()
  })

  test('closes idle connections, but none that wait for an answer', {}, async (t, s) => {
    await s.client.send(queries('now', 'later'))
    await until(() => s.responder.pending.size === 1 && s.client.messages.length === 1)
    s.pass(LIMITS.idle)
    s.service.closeIdle()
    s.responder.release('later')
    await until(() => s.client.messages.length === 2)
    s.pass(LIMITS.idle - 1)
    s.service.closeIdle()
    await turns()
    t.notOk(s.client.ended)
    await s.client.send(Buffer.of(0)) // one octet is not a query
    await turns()
    s.pass(1)
    s.service.closeIdle()
    await until(() => s.client.ended)
    t.equal(s.service.counts.idleClosed, 1)
    s.pass(LIMITS.idle)
    s.service.closeIdle()
    await until(() => s.service.connections === 0)
    t.equal(s.service.counts.idleClosed, 1)
  })

  test(
    'drains: answers what is in flight, and ends',
    {},
    async (t, { client, connect, service, responder }) => {
      await client.send(queries('later'))
      await until(() => responder.pending.size === 1)
      const drained = service.drain(60_000)
      const late = connect()
      await until(() => late.closed)
      await client.send(queries('now'))
      await turns()
      responder.release('later')
      await until(() => client.ended)
      client.socket.end()
      await drained
      t.strictSame(client.texts, ['re: later'])
      t.equal(service.connections, 0)
    }
  )

  test('leaves: a connection ends at a pause', {}, async (t, s) => {
    await s.client.send(queries('now'))
    await until(() => s.client.messages.length === 1)
    const drained = s.service.drain(60_000, true)
    s.pass(100)
    await until(() => s.client.ended)
    s.client.socket.end()
    await drained
    t.equal(s.service.connections, 0)
  })

  test('drains no longer than its grace', {}, async (t, { client, service, responder }) => {
    await client.send(queries('later'))
    await until(() => responder.pending.size === 1)
    await service.drain(1)
    await until(() => client.ended || client.closed)
    responder.release('later')
    t.strictSame(client.texts, [])
  })

  test('survives a client that resets', {}, async (t, s) => {
    const { client, connect, service, responder } = s
    await client.send(queries('later 1', 'later 2'))
    await until(() => responder.pending.size === 2)
    client.raw.resetAndDestroy()
    await until(() => service.connections === 0)
    responder.release('later 1')
    responder.silence('later 2')
    const other = connect()
    await other.send(queries('now'))
    await until(() => other.messages.length === 1)
    other.socket.destroy()
    t.equal(service.counts.accepted, 2)
  })

  test('closes a client that sends an octet a second', {}, async (t, s) => {
    const octets = queries('now')
    for (let second = 0; second < 10 && !s.client.ended; second++) {
      await s.client.send(octets.subarray(second, second + 1))
      await turns(5)
      s.pass(1000)
      s.service.closeIdle()
    }
    await until(() => s.client.ended)
    await s.client.send(octets.subarray(10))
    s.pass(LIMITS.idle)
    s.service.closeIdle()
    await until(() => s.service.connections === 0)
    t.strictSame(s.client.texts, [])
    t.match(s.service.counts, { queries: 0, idleClosed: 1 })
  })

  test('limits the connections of each client', { perClient: 2 }, async (t, s) => {
    const second = s.connect()
    await second.send(queries('now'))
    await until(() => second.messages.length === 1)
    const third = s.connect()
    await until(() => third.closed || third.ended)
    const other = s.connect('127.0.0.9')
    await other.send(queries('now'))
    await until(() => other.messages.length === 1)
    t.match(s.service.counts, { accepted: 3, overClientLimit: 1, refused: 0 })
    second.socket.destroy()
    await until(() => s.service.connections === 2)
    const fourth = s.connect()
    await fourth.send(queries('now'))
    await until(() => fourth.messages.length === 1)
    for (const { socket } of [third, other, fourth, s.client]) socket.destroy()
    await until(() => s.service.connections === 0)
    t.equal(s.connectionLimit.clients, 0, 'and keeps no client without one')
  })

  test('allows exempt clients more connections', { perClient: 1, exempt: true }, async (t, s) => {
    const second = s.connect()
    await second.send(queries('now'))
    await until(() => second.messages.length === 1)
    second.socket.destroy()
    t.equal(s.service.counts.overClientLimit, 0)
  })

  t.test(`${kind}: reports which endpoint it cannot bind`, async t => {
    const { service } = await stage(t, transport, isTls, {})
    const blocked = { address: '192.0.2.1', port: service.local.port }
    const options = {
      limits: LIMITS,
      clock: { now: () => 0, wall: () => 0 },
      connectionLimit: new ConnectionLimit(1, { bits: BITS, exempt: undefined }),
      proxies: undefined
    }
    await t.rejects(serveTcp(transport, blocked, new FakeResponder(), options), {
      code: 'SOCKET_BIND'
    })
  })
}

async function stage(t: Test, transport: Transport, isTls: boolean, terms: Terms): Promise<Stage> {
  const responder = new FakeResponder()
  let now = 1
  const clock = { now: () => now, wall: () => now }
  const { perClient = 100, exempt = false, ...limits } = terms
  const everybody = exempt ? { find: () => 1 } : undefined
  const connectionLimit = new ConnectionLimit(perClient, { bits: BITS, exempt: everybody })
  const options = { limits: { ...LIMITS, ...limits }, clock, connectionLimit, proxies: undefined }
  const tls = isTls ? tlsListenOptions() : undefined
  const service = await serveTcp(transport, { address: '127.0.0.1', port: 0 }, responder, {
    ...options,
    tls
  })
  const connect = (from?: string): TcpClient =>
    new TcpClient(service.local.port, '127.0.0.1', from, isTls ? {} : undefined)
  const client = connect()
  t.teardown(() => {
    client.socket.destroy()
    service.close()
  })
  await client.send(query('').subarray(0, 0))
  return { responder, service, client, connect, connectionLimit, pass: ms => (now += ms) }
}
