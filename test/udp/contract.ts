import { createServer, connect, type AddressInfo, type Server } from 'node:net'
import t, { type Test } from 'tap'
import {
  NO_REPLY,
  SLOT_OCTETS,
  type BatchHandler,
  type DatagramBatch,
  type Transport,
  type ReplyAddress
} from '../../src/wire/sockets/datagram.js'
import { Client, turns } from './client.js'
import { freePort } from './free-port.js'

/** Properties in which the two kinds of transport differ. */
export interface Traits {
  /** Another local address at which a wildcard socket receives queries. */
  readonly otherLoopback: string
}

const echo: BatchHandler = batch => {
  for (let i = 0; i < batch.count; i++) batch.replies[i] = batch.lengths[i]!
}

const LOOPBACKS = [
  { family: 'IPv4', address: '127.0.0.1', words: [0, 0, 0xffff, 0x7f000001] },
  { family: 'IPv6', address: '::1', words: [0, 0, 0, 1] }
] as const

const textOf = ({ octets, starts, lengths }: DatagramBatch, i: number): string =>
  Buffer.from(octets.subarray(starts[i], starts[i]! + lengths[i]!)).toString('latin1')

const numbered = (count: number): string[] => Array.from({ length: count }, (_, i) => `query ${i}`)

/** The tests that every transport must pass. */
export function contract(transport: Transport, traits: Traits): void {
  for (const { family, address, words } of LOOPBACKS) {
    t.test(`${family}: replies in place, with the peer address`, async t => {
      const seen: { peer: number[]; port: number; start: number }[] = []
      const socket = await transport.bind({ address, port: 0 }, batch => {
        for (let i = 0; i < batch.count; i++) {
          seen.push({
            peer: [...batch.peers.subarray(4 * i, 4 * i + 4)],
            port: batch.ports[i]!,
            start: batch.octets[batch.starts[i]!]!
          })
          batch.octets[batch.starts[i]!] = 0x52 // R
          batch.replies[i] = batch.lengths[i]!
        }
      })
      const client = await clientFor(t, address)
      t.teardown(() => socket.close())
      await client.send('query', socket.local.port, address)
      await client.until(1)
      t.strictSame(client.got, ['Ruery'])
      t.strictSame(seen, [{ peer: [...words], port: client.port, start: 0x71 }])
      t.equal(client.from[0]?.port, socket.local.port)
      t.match(socket.counts, { received: 1, sent: 1, sendErrors: 0, dropped: 0 })
    })
  }

  t.test('replies to each of 1,000 datagrams', async t => {
    const socket = await transport.bind({ address: '127.0.0.1', port: 0 }, echo)
    t.teardown(() => socket.close())
    const client = await clientFor(t, '127.0.0.1')
    const queries = numbered(1000)
    for (let at = 0; at < queries.length; at += 100) {
      await client.all(queries.slice(at, at + 100), socket.local.port, '127.0.0.1')
      await client.until(at + 100)
    }
    t.strictSame(client.got.toSorted(), queries.toSorted())
    t.match(socket.counts, { received: 1000, sent: 1000 })
  })

  t.test('sends nothing for datagrams without a reply', async t => {
    const socket = await transport.bind({ address: '127.0.0.1', port: 0 }, batch => {
      for (let i = 0; i < batch.count; i++) {
        const silent = Number(textOf(batch, i).slice(6)) % 3 === 0
        batch.replies[i] = silent ? NO_REPLY : batch.lengths[i]!
      }
    })
    t.teardown(() => socket.close())
    const client = await clientFor(t, '127.0.0.1')
    for (const round of [1, 2]) {
      await client.all(numbered(60), socket.local.port, '127.0.0.1')
      await client.until(40 * round)
    }
    await turns()
    const expected = numbered(60).filter((_, i) => i % 3 !== 0)
    t.strictSame(client.got.toSorted(), [...expected, ...expected].toSorted())
  })

  for (const { family, address } of LOOPBACKS) {
    t.test(`${family}: sends late replies to the right clients`, async t => {
      const later: { text: string; way: ReplyAddress }[] = []
      const socket = await transport.bind({ address, port: 0 }, batch => {
        for (let i = 0; i < batch.count; i++) {
          later.push({ text: textOf(batch, i), way: batch.replyAddress(i) })
          batch.replies[i] = NO_REPLY
        }
      })
      t.teardown(() => socket.close())
      const [one, other] = [await clientFor(t, address), await clientFor(t, address)]
      // More than one batch, so that the send queue fills up within one iteration.
      await one.all(numbered(150), socket.local.port, address)
      await other.send('other', socket.local.port, address)
      while (later.length < 151) await turns(1)
      const scratch = new Uint8Array(64)
      for (const { text, way } of later) {
        scratch.set(Buffer.from(`--late ${text}--`))
        socket.send(scratch, 2, 7 + text.length, way)
        scratch.fill(0)
      }
      await Promise.all([one.until(150), other.until(1)])
      t.strictSame(
        one.got.toSorted(),
        numbered(150)
          .map(text => `late ${text}`)
          .toSorted()
      )
      t.strictSame(other.got, ['late other'])
      t.match(socket.counts, { received: 151, sent: 151 })
    })
  }

  const wildcards = [
    { wildcard: '0.0.0.0', address: '127.0.0.1' },
    { wildcard: '0.0.0.0', address: traits.otherLoopback },
    { wildcard: '::', address: '::1' }
  ]
  for (const { wildcard, address } of wildcards) {
    t.test(`bound to ${wildcard}, replies from ${address} to queries sent there`, async t => {
      const socket = await transport.bind({ address: wildcard, port: 0 }, batch => {
        for (let i = 0; i < batch.count; i++) {
          batch.replies[i] = batch.lengths[i]!
          socket.send(batch.octets, batch.starts[i]!, batch.starts[i]! + 4, batch.replyAddress(i))
        }
      })
      t.teardown(() => socket.close())
      t.equal(socket.local.address, wildcard)
      const client = await clientFor(t, address.includes(':') ? '::1' : '127.0.0.1')
      await client.send('now, and later', socket.local.port, address)
      await client.until(2)
      t.strictSame(client.got.toSorted(), ['now,', 'now, and later'])
      t.strictSame(
        client.from.map(peer => peer.address),
        [address, address]
      )
    })
  }

  t.test('IPv4 and IPv6 wildcards share a port', async t => {
    const four = await transport.bind({ address: '0.0.0.0', port: 0 }, echo)
    t.teardown(() => four.close())
    const six = await transport.bind({ address: '::', port: four.local.port }, echo)
    t.teardown(() => six.close())
    t.equal(six.local.port, four.local.port)
  })

  t.test('shares a port among sockets if the transport supports that', async t => {
    const one = await transport.bind({ address: '127.0.0.1', port: 0 }, echo)
    t.teardown(() => one.close())
    const again = transport.bind({ address: '127.0.0.1', port: one.local.port }, echo)
    if (!transport.sharesPorts) {
      await t.rejects(again, { code: 'SOCKET_BIND' })
      return
    }
    const other = await again
    t.teardown(() => other.close())
    // The kernel distributes clients by their ports: all 40 to one socket has a chance of 1 in 2^39.
    const clients = await Promise.all(Array.from({ length: 40 }, () => clientFor(t, '127.0.0.1')))
    for (const client of clients) await client.send('query', one.local.port, '127.0.0.1')
    await Promise.all(clients.map(client => client.until(1)))
    t.equal(one.counts.sent + other.counts.sent, 40)
    t.ok(one.counts.sent > 0 && other.counts.sent > 0)
  })

  t.test('reports which endpoint cannot be bound, and why', async t => {
    const client = await clientFor(t, '127.0.0.1')
    const taken = { address: '127.0.0.1', port: client.port }
    await t.rejects(transport.bind(taken, echo), {
      code: 'SOCKET_BIND',
      message: new RegExp(`127\\.0\\.0\\.1:${client.port}: address already in use`)
    })
    const foreign = { address: '192.0.2.1', port: 0 }
    await t.rejects(transport.bind(foreign, echo), { code: 'SOCKET_BIND', message: /192\.0\.2\.1/ })
    await t.rejects(transport.tcpListen({ address: '192.0.2.1', port: 0 }).then(listen), {
      code: /SOCKET_BIND|EADDRNOTAVAIL/
    })
  })

  t.test('a probe detects a port in use, even one that could be shared', async t => {
    const endpoint = { address: '127.0.0.1', port: await freePort() }
    const socket = await transport.bind(endpoint, echo)
    await t.rejects(transport.probe(endpoint), { code: 'SOCKET_BIND' })
    await transport.probe(endpoint, true)
    socket.close()
    await turns()
    await transport.probe(endpoint)
    const server = await listen(await transport.tcpListen(endpoint))
    await t.rejects(transport.probe(endpoint), { code: 'SOCKET_BIND' })
    await t.rejects(transport.probe(endpoint, true), { code: 'SOCKET_BIND' })
    await new Promise(resolve => server.close(resolve))
    await transport.probe(endpoint)
    await transport.probe({ address: '::', port: 0 })
  })

  t.test('drain replies to queued datagrams, and to none after', async t => {
    const socket = await transport.bind({ address: '127.0.0.1', port: 0 }, echo)
    const client = await clientFor(t, '127.0.0.1')
    const { port } = socket.local
    await client.all(numbered(200), port, '127.0.0.1')
    await socket.drain()
    await client.until(200)
    await client.send('after', port, '127.0.0.1')
    await turns()
    t.equal(client.got.length, 200)
    t.equal(socket.counts.received, 200)
    await t.resolves(socket.drain(), 'draining again does nothing')
  })

  t.test('a quiesced socket still sends late replies and receives nothing', async t => {
    const ways: ReplyAddress[] = []
    const socket = await transport.bind({ address: '127.0.0.1', port: 0 }, batch => {
      for (let i = 0; i < batch.count; i++) {
        ways.push(batch.replyAddress(i))
        batch.replies[i] = NO_REPLY
      }
    })
    t.teardown(() => socket.close())
    const client = await clientFor(t, '127.0.0.1')
    await client.send('query', socket.local.port, '127.0.0.1')
    await socket.quiesce()
    await client.send('after', socket.local.port, '127.0.0.1')
    await turns()
    t.equal(ways.length, 1)
    socket.send(Buffer.from('late'), 0, 4, ways[0]!)
    await client.until(1)
    t.strictSame(client.got, ['late'])
  })

  t.test('a closed socket sends nothing and can still be called', async t => {
    let way: ReplyAddress | undefined
    const socket = await transport.bind({ address: '127.0.0.1', port: 0 }, batch => {
      way = batch.replyAddress(0)
      batch.replies[0] = NO_REPLY
    })
    const client = await clientFor(t, '127.0.0.1')
    await client.send('query', socket.local.port, '127.0.0.1')
    while (way === undefined) await turns(1)
    socket.close()
    socket.close()
    socket.send(Buffer.from('late'), 0, 4, way)
    await socket.quiesce()
    await turns()
    t.strictSame(client.got, [])
    t.match(socket.counts, { sent: 0, sendErrors: 1 })
  })

  t.test('a handler can close its own socket', async t => {
    const socket = await transport.bind({ address: '127.0.0.1', port: 0 }, batch => {
      echo(batch)
      socket.close()
    })
    const client = await clientFor(t, '127.0.0.1')
    await client.all(numbered(100), socket.local.port, '127.0.0.1')
    await turns()
    t.equal(client.got.length, 0)
  })

  t.test('drops and counts datagrams longer than a slot, received or sent', async t => {
    const socket = await transport.bind({ address: '127.0.0.1', port: 0 }, batch => {
      echo(batch)
      for (let i = 0; i < batch.count; i++) {
        socket.send(new Uint8Array(SLOT_OCTETS + 1), 0, SLOT_OCTETS + 1, batch.replyAddress(i))
      }
    })
    t.teardown(() => socket.close())
    const client = await clientFor(t, '127.0.0.1')
    const fits = 'y'.repeat(SLOT_OCTETS)
    await client.send('x'.repeat(SLOT_OCTETS + 1), socket.local.port, '127.0.0.1')
    await client.send(fits, socket.local.port, '127.0.0.1')
    await client.until(1)
    await turns()
    t.strictSame(client.got, [fits])
    t.match(socket.counts, { received: 2, sent: 1, dropped: 1 })
    t.ok(socket.counts.sendErrors >= 1)
  })

  for (const { family, address } of LOOPBACKS) {
    t.test(`${family}: queries an upstream, also after a refused datagram`, async t => {
      const got: { text: string; port: number }[] = []
      const socket = transport.open(family === 'IPv4' ? 4 : 6, batch => {
        for (let i = 0; i < batch.count; i++) {
          got.push({ text: textOf(batch, i), port: batch.ports[i]! })
          batch.replies[i] = NO_REPLY
        }
      })
      t.teardown(() => socket.close())
      const closed = await Client.at(address)
      const refuser = transport.peer({ address, port: closed.port })
      closed.close()
      await turns()
      for (let i = 0; i < 3; i++) {
        socket.send(Buffer.from('refused'), 0, 7, refuser)
        await turns()
      }

      const upstream = await clientFor(t, address)
      upstream.socket.on('message', (octets, peer) => {
        upstream.socket.send(`re ${octets.toString()}`, peer.port, peer.address)
      })
      const peer = transport.peer({ address, port: upstream.port })
      for (let i = 0; i < 100; i++)
        socket.send(Buffer.from(`query ${i}`), 0, 7 + (i > 9 ? 1 : 0), peer)
      while (got.length < 100) await turns(1)
      t.strictSame(
        got.map(({ text }) => text).toSorted(),
        numbered(100)
          .map(q => `re ${q}`)
          .toSorted()
      )
      t.ok(got.every(({ port }) => port === upstream.port))
      t.ok(upstream.from.every(({ port }) => port === socket.local.port))
      t.ok(socket.local.port >= 1024)
    })
  }

  t.test(
    'interleaved upstream sockets, one of them closed, keep their datagrams apart',
    async t => {
      const upstream = await clientFor(t, '127.0.0.1')
      upstream.socket.on('message', (octets, from) => {
        upstream.socket.send(octets, from.port, from.address)
      })
      const peer = transport.peer({ address: '127.0.0.1', port: upstream.port })
      const got: string[][] = [[], [], []]
      const sockets = got.map(texts =>
        transport.open(4, batch => {
          for (let i = 0; i < batch.count; i++) texts.push(textOf(batch, i))
        })
      )
      t.teardown(() => {
        for (const socket of sockets) socket.close()
      })
      const texts = numbered(30)
      for (const [i, text] of texts.entries()) {
        sockets[i % 3]!.send(Buffer.from(text), 0, text.length, peer)
      }
      sockets[1]!.close()
      await upstream.until(30)
      while (got[0]!.length + got[2]!.length < 20) await turns(1)
      t.strictSame(upstream.got.toSorted(), texts.toSorted())
      t.strictSame(
        got.map(texts => texts.toSorted()),
        [0, 1, 2].map(n => (n === 1 ? [] : texts.filter((_, i) => i % 3 === n).toSorted()))
      )
      for (const [i, text] of upstream.got.entries()) {
        const socket = sockets[texts.indexOf(text) % 3]!
        t.equal(upstream.from[i]!.port, socket.local.port)
      }
    }
  )

  t.test('promises and ticks of a handler run without further traffic', async t => {
    const order: string[] = []
    let all: (() => void) | undefined
    const done = new Promise<void>(resolve => (all = resolve))
    const socket = await transport.bind({ address: '127.0.0.1', port: 0 }, batch => {
      echo(batch)
      process.nextTick(() => order.push('tick'))
      void Promise.resolve().then(() => {
        order.push('promise')
        all?.()
      })
    })
    t.teardown(() => socket.close())
    const client = await clientFor(t, '127.0.0.1')
    await client.send('query', socket.local.port, '127.0.0.1')
    await done
    t.strictSame(order, ['tick', 'promise'])
  })

  for (const { family, address } of LOOPBACKS) {
    t.test(`${family}: listens for TCP on a port that the system chooses`, async t => {
      const server = await listen(await transport.tcpListen({ address, port: 0 }))
      t.teardown(() => server.close())
      server.on('connection', socket => socket.end('hello'))
      const { port } = server.address() as AddressInfo
      t.ok(port > 0)
      const text = await new Promise(resolve => {
        connect(port, address).on('data', octets => resolve(octets.toString()))
      })
      t.equal(text, 'hello')
    })
  }
}

function listen(options: object): Promise<Server> {
  const server = createServer()
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(options, () => resolve(server))
  })
}

async function clientFor(t: Test, address: string): Promise<Client> {
  const client = await Client.at(address)
  t.teardown(() => client.close())
  return client
}
