import t from 'tap'
import { batchTransport } from '../../src/wire/sockets/batch/batch.js'
import type { BatchHandler } from '../../src/wire/sockets/datagram.js'
import { ListeningSockets, shareSockets } from '../../src/wire/sockets/listening-sockets.js'
import { portableTransport } from '../../src/wire/sockets/portable/portable.js'
import { Client, turns } from './client.js'
import { freePort } from './free-port.js'
import { duplicated } from './inherited.js'

const transport = batchTransport()

const answering =
  (name: string): BatchHandler =>
  batch => {
    for (let i = 0; i < batch.count; i++) {
      batch.octets[batch.starts[i]!] = name.charCodeAt(0)
      batch.replies[i] = 1
    }
  }

if (typeof transport !== 'string') {
  t.test('what is queued when a process leaves is for the one that inherits', async t => {
    const endpoint = { address: '127.0.0.1', port: await freePort() }
    const before = new ListeningSockets(transport, [])
    const first = await before.bind(endpoint, answering('A'))
    await before.tcpListen(endpoint)
    t.match(before.opened, [
      { protocol: 'udp', ...endpoint },
      { protocol: 'tcp', ...endpoint }
    ])
    const inherited = duplicated(before.opened)
    first.leave()
    const client = await Client.at('127.0.0.1')
    t.teardown(() => client.close())
    await client.all(['one', 'two'], endpoint.port, '127.0.0.1')
    await turns()
    t.strictSame(client.got, [], 'the first does not read any more')
    first.close()

    const after = new ListeningSockets(transport, inherited)
    t.ok(after.hasMore(endpoint, true))
    t.notOk(after.hasMore({ ...endpoint, port: 1 }, true))
    const second = await after.bind(endpoint, answering('B'))
    t.teardown(() => second.close())
    await client.until(2)
    t.strictSame(client.got, ['B', 'B'])
    t.match(await after.tcpListen(endpoint), { fd: inherited[1]!.fd })
    t.notOk(after.hasMore(endpoint, true))
    t.strictSame(after.opened, inherited)
  })

  t.test('a socket that is not bound to the endpoint is refused', async t => {
    const endpoint = { address: '127.0.0.1', port: await freePort() }
    const other = { ...endpoint, port: await freePort() }
    const socket = await transport.bind(other, answering('A'))
    t.teardown(() => socket.close())
    for (const fd of [socket.fd, 9999]) {
      await t.rejects(transport.bind(endpoint, answering('B'), fd), { code: 'SOCKET_BIND' })
      await t.rejects(transport.tcpListen(endpoint, fd), { code: 'SOCKET_BIND' })
    }
  })
}

t.test('portable sockets are not inherited, and no longer reply', async t => {
  const endpoint = { address: '127.0.0.1', port: await freePort() }
  const sockets = new ListeningSockets(portableTransport(), [])
  const socket = await sockets.bind(endpoint, answering('A'))
  await sockets.tcpListen(endpoint)
  t.teardown(() => socket.close())
  t.strictSame(sockets.opened, [])
  socket.leave()
  const client = await Client.at('127.0.0.1')
  t.teardown(() => client.close())
  await client.send('one', endpoint.port, '127.0.0.1')
  await turns()
  t.strictSame(client.got, [])
})

t.test('sockets are spread over the workers, by endpoint and protocol', async t => {
  const of = (protocol: 'udp' | 'tcp', port: number, fd: number) => ({
    ...{ protocol, address: '127.0.0.1', port, fd }
  })
  const sockets = [of('udp', 53, 4), of('tcp', 53, 5), of('udp', 53, 6), of('udp', 54, 7)]
  const fds = (workers: number): number[][] =>
    shareSockets(sockets, workers).map(share => share.map(({ fd }) => fd))
  t.strictSame(fds(1), [[4, 5, 6, 7]])
  t.strictSame(fds(2), [[4, 5, 7], [6]])
  t.strictSame(fds(3), [[4, 5, 7], [6], []])
})

t.test('an endpoint that has TLS now does not wait for its UDP socket', async t => {
  const endpoint = { address: '127.0.0.1', port: 53 }
  const udp = { ...endpoint, protocol: 'udp', fd: 3 } as const
  const sockets = new ListeningSockets(portableTransport(), [udp])
  t.strictSame([sockets.hasMore(endpoint, true), sockets.hasMore(endpoint, false)], [true, false])
})
