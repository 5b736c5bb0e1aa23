import { once } from 'node:events'
import type { ConnectionOptions } from 'node:tls'
import t, { type Test } from 'tap'
import { ConnectionLimit } from '../../src/resolver/server/connection-limit.js'
import { CpuBudget } from '../../src/resolver/server/cpu-budget.js'
import { ClientRecognizer, type Recognition } from '../../src/resolver/server/client-recognizer.js'
import type { TcpService } from '../../src/resolver/server/tcp-service.js'
import { serveTcp } from '../../src/resolver/server/tcp.js'
import { FLAG, FRAME, PREFACE, settingsFrame } from '../../src/wire/http2/frame.js'
import { loadOpenSsl } from '../../src/wire/tls/openssl/load-openssl.js'
import { makeCertificate } from '../tls/certificates.js'
import { RecordClient } from '../tls/record-client.js'
import { frame } from './doh-client.js'
import { FakeResponder } from './fake-responder.js'
import { queries, TcpClient } from './tcp-client.js'
import { tlsListenOptions } from './tls-options.js'
import { transports, turns, until } from './transports.js'

const [ATTACKER, OTHER] = ['127.1.0.1', '127.2.0.1']
const openSsl = loadOpenSsl()

interface Stage {
  readonly service: TcpService
  readonly budget: CpuBudget
  readonly connect: (from: string, tls?: ConnectionOptions | false) => TcpClient
  /** Some time later, the attacker may connect again. */
  readonly pass: (ms: number) => void
}

for (const transport of transports()) {
  /** Clients may use 50 ms. */
  const stage = async (
    t: Test,
    terms: { dohPath?: string; recognition?: Recognition } = {}
  ): Promise<Stage> => {
    let now = 1
    const clock = { now: () => now, wall: () => Date.now() }
    const limits = { bits: { ipv4: 32, ipv6: 56 }, exempt: undefined }
    const report = (): void => undefined
    const budget = new CpuBudget({ share: 0.01, ...limits }, 7, clock, () => 0, report)
    const address = { address: '127.0.0.1', port: 0 }
    const service = await serveTcp(transport, address, new FakeResponder(), {
      limits: { idle: 1e9, connections: 100, queriesInFlight: 10 },
      clock,
      connectionLimit: new ConnectionLimit(100, limits),
      cpuBudget: budget,
      proxies: undefined,
      tls: { ...tlsListenOptions({ timeout: 1e9 }), ...terms }
    })
    t.teardown(() => service.close())
    const connect: Stage['connect'] = (from, tls = {}) => {
      const client = new TcpClient(
        service.local.port,
        '127.0.0.1',
        from,
        tls === false ? undefined : tls
      )
      t.teardown(() => client.socket.destroy())
      return client
    }
    return { service, budget, connect, pass: ms => (now += ms) }
  }

  const ask = async (client: TcpClient): Promise<boolean> => {
    const before = client.messages.length
    await client.send(queries('now'))
    await until(() => client.messages.length > before || client.closed || client.ended)
    return client.messages.length > before
  }

  /** The attacker may not connect, another client may. */
  const isShed = async (t: Test, { connect, budget, pass }: Stage): Promise<void> => {
    const { closed } = budget.counts
    const attacker = connect(ATTACKER)
    await until(() => attacker.closed || attacker.ended)
    t.equal(budget.counts.closed, closed + 1)
    t.ok(await ask(connect(OTHER)), 'another client is served')
    pass(60_000)
    t.ok(await ask(connect(ATTACKER)), 'and later the attacker, too')
  }

  const test = (it: string, run: (t: Test) => Promise<void>): void => {
    t.test(`${transport.kind}: ${it}`, async t => run(t))
  }

  test('a client that sends KeyUpdates is shed', async t => {
    if (typeof openSsl === 'string') return
    const one = await stage(t)
    const { service, connect } = one
    const other = connect(OTHER)
    t.ok(await ask(other))
    const attacker = await RecordClient.open(service.local.port, queries('now'), ATTACKER)
    t.teardown(() => attacker.socket.destroy())
    let sent = 0
    for (; sent < 10_000 && !attacker.closed && !attacker.socket.readableEnded; sent += 100) {
      attacker.socket.write(attacker.keyUpdates(100))
      t.ok(await ask(other), 'another client is answered')
      // Where Node reads, they are counted once a second.
      service.closeIdle()
    }
    await until(() => attacker.closed || attacker.socket.readableEnded)
    t.ok(sent >= 2000 && sent < 5000, `after ${sent}`)
    await isShed(t, one)
  })

  test('no record with a query counts as one without data', async t => {
    if (typeof openSsl === 'string') return
    const { service, budget } = await stage(t)
    const client = await RecordClient.open(service.local.port, queries('now'))
    t.teardown(() => client.socket.destroy())
    const answer = queries('re: now').length
    const rounds = 50
    for (let round = 0; round < rounds; round++) {
      const records = Array.from({ length: 100 }, () => client.record(queries('now')))
      client.socket.write(Buffer.concat(records))
      await until(() => client.received.length >= (1 + 100 * (round + 1)) * answer || client.closed)
      service.closeIdle()
    }
    t.equal(client.received.length, (1 + 100 * rounds) * answer)
    t.equal(budget.counts.closed, 0)
  })

  /** Each connection ends by itself after a thousand frames. */
  const FLOODS = {
    SETTINGS: frame(FRAME.SETTINGS, 0, 0, Buffer.alloc(6 * 2730)),
    'header blocks': frame(FRAME.HEADERS, FLAG.END_HEADERS, 1, Buffer.alloc(8000, 0x82))
  }
  for (const [it, flood] of Object.entries(FLOODS)) {
    test(`a client that sends ${it} is shed`, async t => {
      const one = await stage(t, { dohPath: '/dns-query' })
      const { connect, budget } = one
      const isOver = (): boolean => budget.counts.closed > 0
      for (let i = 0; i < 1000 && !isOver(); i++) {
        const client = connect(ATTACKER, { ALPNProtocols: ['h2'] })
        client.socket.removeAllListeners('data').resume()
        await client.send(Buffer.concat([PREFACE, settingsFrame()]))
        for (let sent = 0; sent < 1000 && !client.closed && !client.ended && !isOver(); sent++) {
          await client.send(flood)
          await turns(1)
        }
        client.socket.destroy()
      }
      t.ok(isOver())
      const attacker = connect(ATTACKER)
      await until(() => attacker.closed || attacker.ended)
      t.equal(budget.counts.closed, 2)
      const other = connect(OTHER, { ALPNProtocols: ['h2'] })
      await once(other.socket, 'secureConnect')
    })
  }

  test('a client whose handshakes fail is shed', async t => {
    const one = await stage(t)
    const { service, connect, budget } = one
    let tries = 0
    for (; tries < 200 && budget.counts.closed === 0; tries++) {
      const client = connect(ATTACKER, false)
      await client.send(Buffer.from('GET / HTTP/1.0\r\n\r\n'))
      await until(() => client.closed || client.ended)
      client.socket.destroy()
    }
    t.equal(service.tls!.failed, 101)
    await isShed(t, one)
  })

  test('a client whose certificates identify nobody is shed', async t => {
    const recognizer = new ClientRecognizer(
      { now: () => 1, wall: () => Date.now() },
      () => undefined,
      () => false
    )
    const authority = makeCertificate({ subject: 'A', names: [] })
    const foreign = makeCertificate({ names: ['phone.example'] })
    const unknown = { status: 'unknown', method: 'certificate' } as const
    const nobody = { clientClass: 0, addressClass: 0, device: undefined, client: undefined }
    recognizer.adopt({
      finder: {
        identify: ({ certificate }) =>
          certificate && { ...unknown, ...nobody, reason: certificate.problem }
      },
      authorities: [authority.certificate]
    })
    const options = { name: undefined, unknown: 'refuse', missing: 'address' } as const
    const one = await stage(t, { recognition: { recognizer, options } })
    const { service, connect, budget } = one
    for (let i = 0; i < 200 && budget.counts.closed === 0; i++) {
      const client = connect(ATTACKER, { cert: foreign.certificate, key: foreign.key })
      await until(() => client.closed || client.ended)
      client.socket.destroy()
    }
    t.equal(recognizer.counts.unknown, 62, 'costs more than a handshake')
    t.equal(service.tls!.failed, 0)
    await isShed(t, one)
  })
}
