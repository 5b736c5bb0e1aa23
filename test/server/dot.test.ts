import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import { TLSSocket, type ConnectionOptions } from 'node:tls'
import t, { type Test } from 'tap'
import { readPrefix } from '../../src/base/values/address.js'
import { compilePrefixes, PrefixTable } from '../../src/base/values/prefix-table.js'
import { ConnectionLimit } from '../../src/resolver/server/connection-limit.js'
import type { TcpService } from '../../src/resolver/server/tcp-service.js'
import { serveTcp } from '../../src/resolver/server/tcp.js'
import type { TlsLimits } from '../../src/resolver/server/tls-handshakes.js'
import type { Certificate } from '../../src/wire/tls/certificate.js'
import { TrustedProxies } from '../../src/resolver/server/trusted-proxies.js'
import { loadOpenSsl } from '../../src/wire/tls/openssl/load-openssl.js'
import { loadKoffi } from '../../src/base/system/linux.js'
import { proxyHeader } from '../resolver/socket-stage.js'
import { openSslObjects } from '../tls/open-ssl-objects.js'
import { FakeResponder } from './fake-responder.js'
import { queries, TcpClient } from './tcp-client.js'
import { servedCertificate, tlsListenOptions } from './tls-options.js'
import { transports, until } from './transports.js'

const TIMEOUT = 5000

/** With OpenSSL directly where that is possible, and with node:tls. */
let transport = transports()[0]!

function test(name: string, run: (t: Test) => Promise<void>): void {
  for (const each of transports()) {
    t.test(`${name} (${each.kind})`, async t => {
      transport = each
      await run(t)
    })
  }
}

interface Stage {
  readonly service: TcpService
  readonly responder: FakeResponder
  /** Opens a connection; `tls` undefined: without TLS. */
  readonly connect: (tls?: ConnectionOptions, preamble?: Uint8Array) => TcpClient
  readonly pass: (ms: number) => void
}

async function stage(
  t: Test,
  limits: Partial<TlsLimits> = {},
  isProxied = false,
  certificates?: readonly Certificate[]
): Promise<Stage> {
  const tls = tlsListenOptions({ timeout: TIMEOUT, ...limits })
  const material = { ...tls.material, ...(certificates && { certificates }) }
  const responder = new FakeResponder()
  let now = 1
  const local = new PrefixTable(compilePrefixes([readPrefix('127.0.0.0/8')], () => 1))
  const terms = { bits: { ipv4: 32, ipv6: 56 }, exempt: undefined }
  const service = await serveTcp(transport, { address: '127.0.0.1', port: 0 }, responder, {
    limits: { idle: 10_000, connections: 100, queriesInFlight: 10 },
    clock: { now: () => now, wall: () => now },
    connectionLimit: new ConnectionLimit(100, terms),
    proxies: isProxied ? new TrustedProxies(local, undefined) : undefined,
    tls: { ...tls, material }
  })
  t.teardown(() => service.close())
  const connect: Stage['connect'] = (tls, preamble) => {
    const client = new TcpClient(service.local.port, undefined, undefined, tls, preamble)
    t.teardown(() => client.socket.destroy())
    return client
  }
  return { service, responder, connect, pass: ms => (now += ms) }
}

async function ask(client: TcpClient, text = 'now'): Promise<void> {
  const before = client.messages.length
  await client.send(queries(text))
  await until(() => client.messages.length > before || client.closed)
}

function secure({ socket }: TcpClient): TLSSocket {
  if (!(socket instanceof TLSSocket)) throw new Error('a connection without TLS')
  return socket
}

test('accepts clients that ask for dot by ALPN, or for nothing', async t => {
  const { connect, service } = await stage(t)
  for (const ALPNProtocols of [['dot'], ['h2', 'dot'], undefined]) {
    const client = connect({ ...(ALPNProtocols && { ALPNProtocols }) })
    await ask(client)
    t.strictSame(client.texts, ['re: now'])
    t.equal(secure(client).alpnProtocol, ALPNProtocols === undefined ? false : 'dot')
  }
  t.match(service.tls, { handshakes: 3, resumed: 0, failed: 0 })
})

test('keeps nothing of the key share of a client', async t => {
  const openSsl = loadOpenSsl()
  if (typeof openSsl === 'string' || transport.kind !== 'batch') return
  const providerOf: (key: number) => number = loadKoffi()
    .load(null)
    .func('size_t EVP_PKEY_get0_provider(size_t key)')
  const { setKeyType } = openSsl
  t.teardown(() => Object.assign(openSsl, { setKeyType }))
  const hadValue: boolean[] = []
  openSsl.setKeyType = (key, type) => {
    hadValue.push(providerOf(key as number) !== 0)
    const result = setKeyType(key, type)
    hadValue.push(providerOf(key as number) !== 0)
    return result
  }
  const { connect } = await stage(t)
  for (const minVersion of ['TLSv1.2', 'TLSv1.3'] as const) {
    const client = connect({ minVersion, maxVersion: minVersion })
    await ask(client)
    await ask(client)
    t.equal(client.messages.length, 2, minVersion)
  }
  t.strictSame(hadValue, [true, false], 'with TLS 1.2 OpenSSL frees it itself')
})

test('answers more than it reads in one turn', async t => {
  const { connect } = await stage(t)
  const client = connect({})
  const texts = Array.from({ length: 1000 }, (_, i) => `now ${i} ${'x'.repeat(40)}`)
  await client.send(queries(...texts))
  await until(() => client.messages.length === texts.length || client.closed)
  t.strictSame(
    client.texts,
    texts.map(text => `re: ${text}`)
  )
})

test('refuses another protocol with an alert', async t => {
  const { connect, service } = await stage(t)
  const [error] = (await once(connect({ ALPNProtocols: ['h2'] }).socket, 'error')) as [Error]
  t.match(error.message, /no application protocol/i)
  await until(() => service.tls?.failed === 1 && service.connections === 0)
})

test('closes a connection without TLS', async t => {
  const { connect, service, responder } = await stage(t)
  const client = connect()
  await client.send(queries('now'))
  await until(() => client.closed || client.ended)
  t.strictSame([client.texts, responder.protocols], [[], []])
  await until(() => service.connections === 0)
  t.match(service.tls, { handshakes: 0, failed: 1 })
})

test('takes the client address from a PROXY header before TLS', async t => {
  const { connect, responder } = await stage(t, {}, true)
  for (const address of ['192.0.2.7', '2001:db8::7']) {
    const client = connect({}, proxyHeader(address))
    await ask(client)
    t.strictSame(client.texts, ['re: now'])
  }
  t.strictSame(responder.clients, [
    [0, 0, 0xffff, 0xc0000207],
    [0x20010db8, 0, 0, 7]
  ])
})

test('closes a proxy that sends no header', async t => {
  const { connect, service } = await stage(t, {}, true)
  const client = connect({})
  await until(() => client.closed)
  await until(() => service.connections === 0)
  const half = connect()
  await half.send(proxyHeader('192.0.2.7').subarray(0, 9))
  await until(() => service.connections === 1)
  half.socket.end()
  await until(() => service.connections === 0)
})

test('a handshake takes no longer than its timeout', async t => {
  const { connect, service, pass } = await stage(t)
  const [slow, silent] = [connect(), connect()]
  await Promise.all([once(slow.socket, 'connect'), once(silent.socket, 'connect')])
  await until(() => service.connections === 2)
  await slow.send(Buffer.from([22, 3, 1]))
  pass(TIMEOUT - 1)
  const late = connect()
  await until(() => service.connections === 3)
  service.closeIdle()
  t.equal(service.connections, 3)
  pass(1)
  service.closeIdle()
  await until(() => slow.closed || slow.ended)
  await until(() => silent.closed || silent.ended)
  await until(() => service.connections === 1)
  t.match(service.tls, { timedOut: 2, failed: 2 })
  late.socket.destroy()
  await until(() => service.connections === 0)
})

test('limits handshakes in progress, and counts those above', async t => {
  const { connect, service } = await stage(t, { inProgress: 2 })
  const waiting = [connect(), connect()]
  await until(() => service.connections === 2)
  const third = connect({})
  await until(() => third.closed)
  t.match(service.tls, { refused: 1 })
  for (const { socket } of waiting) socket.destroy()
  await until(() => service.connections === 0)
  const fourth = connect({})
  await ask(fourth)
  t.strictSame(fourth.texts, ['re: now'])
})

test('many connections at once are all served', async t => {
  const { connect, service } = await stage(t)
  const clients = Array.from({ length: 20 }, () => connect({}))
  await Promise.all(clients.map(client => ask(client)))
  t.ok(clients.every(client => client.texts[0] === 're: now'))
  t.equal(service.tls?.handshakes, 20)
})

test('a client that goes away before its handshake begins leaves nothing', async t => {
  const { connect, service } = await stage(t)
  const gone = connect()
  await once(gone.socket, 'connect')
  gone.raw.resetAndDestroy()
  await until(() => service.counts.accepted === 1 && service.connections === 0)
  await until(() => service.tls!.failed === 1)
})

test('other certificates are for new connections; open ones stay', async t => {
  const { connect, service, responder } = await stage(t)
  const before = connect({})
  await before.send(queries('later'))
  await until(() => responder.pending.size === 1)
  const certificates = [servedCertificate('new.example')]
  service.replaceCertificates({ certificates, ticketKey: new Uint8Array(48).fill(1) })
  const after = connect({})
  await ask(after)
  const names = [before, after].map(it => secure(it).getPeerX509Certificate()?.subjectAltName)
  t.strictSame(names, ['DNS:dns.example', 'DNS:new.example'])
  responder.release('later')
  await until(() => before.messages.length === 1)
  await ask(before)
  t.strictSame(before.texts, ['re: later', 're: now'])
})

test('frees what OpenSSL has for replaced certificates and closed connections', async t => {
  const { contexts, connections } = openSslObjects(t)
  const { connect, service } = await stage(t)
  const { size } = contexts
  await ask(connect({}))
  for (let i = 0; i < 3; i++) {
    const certificates = [servedCertificate(`${i}.example`)]
    service.replaceCertificates({ certificates, ticketKey: new Uint8Array(48).fill(i) })
    await ask(connect({}))
    t.equal(contexts.size, size)
  }
  service.close()
  await until(() => contexts.size + connections.size === 0)
})

test('chooses among certificates by server name', async t => {
  const certificates = [servedCertificate('one.example'), servedCertificate('two.example')]
  const { connect } = await stage(t, {}, false, certificates)
  const client = connect({ servername: 'two.example' })
  await ask(client)
  t.equal(secure(client).getPeerX509Certificate()?.subjectAltName, 'DNS:two.example')
})

test('resumes sessions, without 0-RTT', async t => {
  const { connect, service } = await stage(t)
  const first = connect({})
  const sessions: Buffer[] = []
  secure(first).on('session', session => sessions.push(session))
  await ask(first)
  await until(() => sessions.length > 0)
  if (transport.kind === 'batch') t.equal(sessions.length, 1, 'one ticket, with the first answer')
  const second = connect({ session: sessions[0]! })
  await ask(second)
  t.ok(secure(second).isSessionReused())
  t.match(service.tls, { handshakes: 2, resumed: 1 })
})

test('draining ends handshakes in progress at once', async t => {
  const { connect, service } = await stage(t)
  const client = connect()
  await until(() => service.connections === 1)
  await Promise.race([service.drain(60_000), sleep(20_000, undefined, { ref: false })])
  t.equal(service.connections, 0)
  await until(() => client.closed || client.ended)
})
