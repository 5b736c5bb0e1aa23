import { connect as connectTcp, type Socket } from 'node:net'
import { once } from 'node:events'
import t, { type Test } from 'tap'
import { ConnectionLimit } from '../../src/resolver/server/connection-limit.js'
import { ConnectionsByClient } from '../../src/resolver/server/connections-by-client.js'
import type { TcpLimits, TcpService } from '../../src/resolver/server/tcp-service.js'
import { serveTcp } from '../../src/resolver/server/tcp.js'
import { FakeResponder } from './fake-responder.js'
import { queries, TcpClient } from './tcp-client.js'
import { tlsListenOptions } from './tls-options.js'
import { transports, until } from './transports.js'

const keys = (client: string, network = client) => ({ client, network })

t.test('the heaviest client', async t => {
  await t.test('is the one with most connections, oldest first', t => {
    const connections = new ConnectionsByClient<number>()
    for (const [i, client] of ['a', 'b', 'b', 'a', 'b'].entries()) connections.add(i, keys(client))
    t.strictSame([...connections.heaviest(undefined)!], [1, 2, 4])
    t.strictSame([...connections.heaviest(keys('c'))!], [1, 2, 4])
    connections.delete(2)
    connections.delete(4)
    t.strictSame([...connections.heaviest(keys('c'))!], [0, 3])
    t.end()
  })

  await t.test('does not make room for a client that is then as heavy', t => {
    const connections = new ConnectionsByClient<number>()
    for (const [i, client] of ['a', 'b', 'b', 'c', 'c', 'c'].entries())
      connections.add(i, keys(client))
    t.equal(connections.heaviest(keys('c')), undefined)
    t.equal(connections.heaviest(keys('b')), undefined)
    t.strictSame([...connections.heaviest(keys('a'))!], [3, 4, 5])
    t.end()
  })

  await t.test('is in the network with most, if a quarter of that is more', t => {
    const connections = new ConnectionsByClient<number>()
    let count = 0
    const add = (client: string, network: string, times: number): void => {
      for (let i = 0; i < times; i++) connections.add(count++, keys(client, network))
    }
    for (let i = 0; i < 100; i++) add(`attacker ${i}`, 'attackers', 2)
    add('one more', 'attackers', 3)
    add('large', 'large', 40)
    t.strictSame([...connections.heaviest(keys('new'))!], [200, 201, 202])
    // Its network does not outweigh it.
    t.equal(connections.heaviest(keys('new', 'attackers')), undefined)
    for (let i = 0; i < 203; i++) connections.delete(i)
    t.equal(connections.heaviest(keys('new'))?.size, 40)
    t.equal(connections.size, 40)
    t.end()
  })
})

interface Stage {
  readonly service: TcpService
  readonly responder: FakeResponder
  /** A client that sends queries. */
  readonly connect: (from: string) => TcpClient
  /** A connection that sends nothing. */
  readonly open: (from: string) => Promise<Socket>
  readonly pass: (ms: number) => void
}

for (const transport of transports()) {
  const stage = async (t: Test, limits: Partial<TcpLimits>, isTls: boolean): Promise<Stage> => {
    const responder = new FakeResponder()
    let now = 1
    const terms = { bits: { ipv4: 32, ipv6: 56 }, exempt: undefined }
    const service = await serveTcp(transport, { address: '127.0.0.1', port: 0 }, responder, {
      limits: { idle: 10_000, connections: 1000, queriesInFlight: 10, ...limits },
      clock: { now: () => now, wall: () => now },
      connectionLimit: new ConnectionLimit(1000, terms),
      proxies: undefined,
      tls: isTls ? tlsListenOptions({ inProgress: 500 }) : undefined
    })
    t.teardown(() => service.close())
    const { port } = service.local
    const connect = (from: string): TcpClient => {
      const client = new TcpClient(port, '127.0.0.1', from, isTls ? {} : undefined)
      t.teardown(() => client.socket.destroy())
      return client
    }
    const open = async (localAddress: string): Promise<Socket> => {
      const socket = connectTcp({ port, host: '127.0.0.1', localAddress })
      socket.on('error', () => undefined).resume()
      t.teardown(() => socket.destroy())
      await once(socket, 'connect')
      return socket
    }
    return { service, responder, connect, open, pass: ms => (now += ms) }
  }

  const ask = async (client: TcpClient): Promise<void> => {
    await client.send(queries('now'))
    await until(() => client.messages.length > 0 || client.closed || client.ended)
  }

  t.test(`${transport.kind}: half-open handshakes do not lock out a newcomer`, async t => {
    const { service, connect, open } = await stage(t, {}, true)
    const addresses = Array.from({ length: 12 }, (_, i) => `127.1.${i}.1`)
    const attackers: Socket[] = []
    // One after the other, so that they are accepted in this order.
    for (const address of addresses)
      for (let i = 0; i < 170; i++) attackers.push(await open(address))
    await until(() => {
      const { evicted, refused } = service.tls!
      return service.connections === 500 && evicted + refused === 12 * 170 - 500
    })
    const stillOpen = (): Socket[] => attackers.filter(it => !it.readableEnded && !it.destroyed)
    await until(() => stillOpen().length === 500)
    const before = stillOpen()
    const newcomer = connect('127.2.0.1')
    await ask(newcomer)
    t.strictSame(newcomer.texts, ['re: now'])
    await until(() => stillOpen().length < 500)
    const after = new Set(stillOpen())
    t.equal(after.size, 499, 'the others are still open')
    const closed = before.find(it => !after.has(it))!
    const addressOf = (it: Socket): string => addresses[Math.floor(attackers.indexOf(it) / 170)]!
    const of = (address: string): Socket[] => before.filter(it => addressOf(it) === address)
    const most = Math.max(...addresses.map(address => of(address).length))
    const own = of(addressOf(closed))
    t.equal(own.length, most, 'of the client with most')
    t.equal(own.indexOf(closed), 0, 'the oldest')
  })

  for (const isTls of [false, true]) {
    const kind = `${transport.kind}, ${isTls ? 'TLS' : 'TCP'}`
    t.test(`${kind}: idle connections of one client make room for another`, async t => {
      const { service, connect, responder, pass } = await stage(t, { connections: 4 }, isTls)
      const idle: TcpClient[] = []
      for (let i = 0; i < 3; i++) {
        const client = connect('127.1.0.1')
        await ask(client)
        idle.push(client)
        pass(1)
      }
      const other = connect('127.2.0.1')
      await ask(other)
      pass(100)
      // Used last.
      await idle[0]!.send(queries('now'))
      await until(() => idle[0]!.messages.length === 2)
      pass(100)
      const newcomer = connect('127.3.0.1')
      await ask(newcomer)
      t.strictSame(newcomer.texts, ['re: now'])
      await until(() => idle[1]!.ended || idle[1]!.closed)
      t.notOk(idle[0]!.ended || idle[2]!.ended || other.ended)
      t.match(service.counts, { evicted: 1, refused: 0 })
      await idle[0]!.send(queries('later'))
      await idle[2]!.send(queries('later 2'))
      await until(() => responder.pending.size === 2)
      pass(100)
      const refused = connect('127.4.0.1')
      await until(() => refused.closed || refused.ended)
      t.match(service.counts, { evicted: 1, refused: 1 }, 'none with a query in flight')
    })

    t.test(`${kind}: a client does not make room for its own connections`, async t => {
      const { service, connect, pass } = await stage(t, { connections: 2 }, isTls)
      const [first, second] = [connect('127.1.0.1'), connect('127.1.0.1')]
      await Promise.all([ask(first), ask(second)])
      pass(1000)
      const third = connect('127.1.0.1')
      await until(() => third.closed || third.ended)
      t.match(service.counts, { evicted: 0, refused: 1 })
    })
  }
}
