import { once } from 'node:events'
import t, { type Test } from 'tap'
import { ConnectionLimit } from '../../src/resolver/server/connection-limit.js'
import type { TcpService } from '../../src/resolver/server/tcp-service.js'
import { serveTcp } from '../../src/resolver/server/tcp.js'
import { loadOpenSsl } from '../../src/wire/tls/openssl/load-openssl.js'
import { RecordClient } from '../tls/record-client.js'
import { KEY_UPDATE, RECORD_TYPE, SecretClient } from '../tls/secret-client.js'
import { FakeResponder } from './fake-responder.js'
import { queries } from './tcp-client.js'
import { tlsListenOptions } from './tls-options.js'
import { transports, turns, until } from './transports.js'

const openSsl = loadOpenSsl()
const skip = typeof openSsl === 'string' && openSsl

const IN_FLIGHT = 10

interface Stage {
  readonly kind: string
  readonly responder: FakeResponder
  readonly service: TcpService
  readonly open: (first?: Uint8Array) => Promise<RecordClient>
}

function test(name: string, run: (t: Test, stage: Stage) => Promise<void>): void {
  for (const transport of transports()) {
    t.test(`${name} (${transport.kind})`, { skip }, async t => {
      const responder = new FakeResponder()
      const terms = { bits: { ipv4: 32, ipv6: 56 }, exempt: undefined }
      const service = await serveTcp(transport, { address: '127.0.0.1', port: 0 }, responder, {
        limits: { idle: 10_000, connections: 100, queriesInFlight: IN_FLIGHT },
        clock: { now: () => 1, wall: () => 1 },
        connectionLimit: new ConnectionLimit(100, terms),
        proxies: undefined,
        tls: tlsListenOptions()
      })
      t.teardown(() => service.close())
      const open = async (first?: Uint8Array): Promise<RecordClient> => {
        const client = await RecordClient.open(service.local.port, first)
        t.teardown(() => client.socket.destroy())
        return client
      }
      await run(t, { kind: transport.kind, service, responder, open })
    })
  }
}

const answers = (...texts: string[]): Buffer => queries(...texts.map(text => `re: ${text}`))

test('answers a query that comes with the end of the handshake', async (t, { open }) => {
  const client = await open(queries('now'))
  await until(() => client.received.length >= answers('now').length || client.closed)
  client.socket.write(client.record(queries('now again')))
  await until(() => client.received.length >= answers('now', 'now again').length || client.closed)
  t.strictSame(client.received, answers('now', 'now again'))
})

test('answers records that come octet by octet', async (t, { open }) => {
  const client = await open()
  for (const octet of Buffer.concat([
    client.record(queries('now')),
    client.record(queries('now 2'))
  ])) {
    client.socket.write(Buffer.of(octet))
    await turns(1)
  }
  await until(() => client.received.length >= answers('now', 'now 2').length || client.closed)
  t.strictSame(client.received, answers('now', 'now 2'))
})

test('answers what comes with the end of a connection, and ends it', async (t, {
  open,
  service
}) => {
  const client = await open()
  client.socket.end(client.record(queries('now', 'now 2')))
  await once(client.socket, 'end')
  t.strictSame(client.received, answers('now', 'now 2'))
  await until(() => service.connections === 0)
})

test('answers more than it reads at once', async (t, { open, responder, service }) => {
  const client = await open()
  const waiting = Array.from({ length: IN_FLIGHT }, (_, i) => `later ${i}`)
  client.socket.write(client.record(queries(...waiting)))
  await until(() => responder.pending.size === IN_FLIGHT || client.closed)
  // Nothing is read now, and nothing follows.
  const texts = Array.from({ length: 6 }, (_, i) => `now ${i} ${'x'.repeat(8000)}`)
  client.socket.write(Buffer.concat(texts.map(text => client.record(queries(text)))))
  await turns()
  for (const text of waiting) responder.release(text)
  const expected = answers(...waiting, ...texts)
  await until(() => client.received.length >= expected.length || client.closed)
  client.socket.end(Buffer.concat(texts.map(text => client.record(queries(text)))))
  await once(client.socket, 'end')
  t.strictSame(client.received, Buffer.concat([expected, answers(...texts)]))
  await until(() => service.connections === 0)
})

test('says by an alert that a record is broken', async (t, { kind, open, service }) => {
  // Node.js may close the connection before its alert has left.
  if (kind !== 'batch') return
  const client = await open()
  const broken = client.record(queries('now'))
  broken[broken.length - 1]! ^= 1
  client.socket.write(broken)
  await once(client.socket, 'end')
  t.match(client.problem, /alert bad record mac/)
  client.socket.end()
  await until(() => service.connections === 0)
})

test('an error of one client ends no other connection', async (t, { kind, open, service }) => {
  // Node.js itself looks after its errors.
  if (kind !== 'batch') return
  for (let i = 0; i < 20; i++) {
    const victim = await open()
    const attacker = await SecretClient.open(service.local.port)
    await until(() => service.tls!.handshakes === 2 * (i + 1))
    const query = victim.record(queries('now'))
    // The message is too short, so the server ends the connection, in the middle of a KeyUpdate.
    attacker.socket.write(
      Buffer.concat([
        attacker.record(Buffer.of(0, 5, 1, 2, 3, 4, 5)),
        attacker.record(KEY_UPDATE.subarray(0, 4), RECORD_TYPE.handshake)
      ])
    )
    // Read in the same turn: only the beginning of a record.
    victim.socket.write(query.subarray(0, 10))
    await until(() => attacker.ended)
    await turns(2)
    victim.socket.write(query.subarray(10))
    await until(
      () => victim.received.length >= answers('now').length || victim.socket.readableEnded
    )
    t.strictSame(victim.received, answers('now'), `attempt ${i}`)
    attacker.socket.destroy()
    victim.socket.destroy()
  }
})
