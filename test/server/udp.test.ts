import { createSocket } from 'node:dgram'
import t from 'tap'
import { serveUdp } from '../../src/resolver/server/udp.js'
import { FakeResponder, query, textOf } from './fake-responder.js'
import { transports, turns, until } from './transports.js'

const ANY = { address: '127.0.0.1', port: 0 }

const UNLIMITED = {
  clock: { now: () => 0, wall: () => 0 },
  proxies: undefined,
  queryLimit: undefined,
  responseLimit: undefined
}

const LOOPBACK_WORDS = [0, 0, 0xffff, 0x7f000001]

/** A client that collects the texts of the replies. */
class TestClient {
  readonly texts: string[] = []
  private readonly socket = createSocket('udp4')

  constructor(private readonly port: number) {
    this.socket.on('message', message => this.texts.push(textOf(message)))
  }

  send(text: string): Promise<void> {
    return new Promise(resolve => {
      this.socket.send(query(text), this.port, '127.0.0.1', () => resolve())
    })
  }

  close(): void {
    this.socket.close()
  }
}

for (const transport of transports()) {
  t.test(`UDP, ${transport.kind} sockets`, async t => {
    const responder = new FakeResponder()
    const service = await serveUdp(transport, ANY, responder, UNLIMITED)
    const client = new TestClient(service.local.port)
    t.teardown(() => client.close())

    t.test('answers at once, later, or not at all', async t => {
      for (const text of ['now 1', 'hush', 'later 1', 'later 2', 'now 2']) await client.send(text)
      await until(() => client.texts.length === 2 && responder.pending.size === 2)
      t.strictSame(client.texts.toSorted(), ['re: now 1', 're: now 2'])
      t.equal(service.inFlight, 2)
      t.ok(responder.batches > 0)
      responder.release('later 2')
      responder.release('later 1')
      await until(() => client.texts.length === 4)
      t.strictSame(client.texts.slice(2), ['re: later 2', 're: later 1'])
      t.equal(service.inFlight, 0)
      t.ok(responder.clients.every(words => words.join() === LOOPBACK_WORDS.join()))
      t.ok(responder.protocols.every(protocol => protocol === 0))
    })

    t.test('a pending query does not change, be it long or one of many', async t => {
      const texts = Array.from({ length: 300 }, (_, i) => `later ${'x'.repeat((i * 37) % 700)}${i}`)
      for (const text of texts) {
        const before = responder.pending.size
        await client.send(text)
        await until(() => responder.pending.size > before)
      }
      for (const [text, { octets, start, end }] of responder.pending) {
        t.equal(textOf(octets.subarray(start, end)), text)
      }
      t.strictSame([...responder.pending.keys()], texts)
      client.texts.length = 0
      for (const text of texts) {
        responder.release(text)
        await until(() => client.texts.at(-1) === `re: ${text}`)
      }
      client.texts.length = 4
    })

    t.test('a pending query may end without a reply', async t => {
      await client.send('later 3')
      await until(() => responder.pending.size === 1)
      responder.silence('later 3')
      await turns()
      t.equal(service.inFlight, 0)
      t.equal(client.texts.length, 4)
    })

    t.test('drain answers queued and pending queries, but no later ones', async t => {
      await client.send('later 4')
      await client.send('now 4')
      const drained = service.drain(60_000)
      await until(() => responder.pending.size === 1)
      await turns()
      await client.send('now 5')
      responder.release('later 4')
      await drained
      await until(() => client.texts.length === 6)
      await turns()
      t.strictSame(client.texts.slice(4).toSorted(), ['re: later 4', 're: now 4'])
    })
  })

  t.test(`UDP, ${transport.kind} sockets: drain waits no longer than its grace`, async t => {
    const responder = new FakeResponder()
    const service = await serveUdp(transport, ANY, responder, UNLIMITED)
    const client = new TestClient(service.local.port)
    t.teardown(() => client.close())
    await client.send('later')
    await until(() => responder.pending.size === 1)
    await service.drain(1)
    responder.release('later')
    await turns()
    t.strictSame(client.texts, [])
    t.equal(service.inFlight, 0)
  })
}
