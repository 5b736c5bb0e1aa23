import { X509Certificate } from 'node:crypto'
import t, { type Test } from 'tap'
import { pinOf } from '../../src/resolver/upstream/tcp/tls-connector.js'
import type { UpstreamTls } from '../../src/wire/sockets/upstream-server.js'
import { makeCertificate } from '../tls/certificates.js'
import { openSslObjects } from '../tls/open-ssl-objects.js'
import { good } from './bad-upstream.js'
import { markOf, questionOf } from './messages.js'
import { messageOf, rig, TRANSPORTS, type Rig, type RigOptions } from './rig.js'
import { AUTHORITY, CA, OTHER_PIN, PIN, sendsNothing, SERVER, served, until } from './tls-rig.js'
import { TlsUpstream } from './tls-upstream.js'

/** With OpenSSL directly where that is possible, and with node:tls. */
let transport = TRANSPORTS[0]!

function test(name: string, run: (t: Test) => Promise<void>): void {
  for (const each of TRANSPORTS) {
    t.test(`${name} (${each.kind})`, async t => {
      transport = each
      await run(t)
    })
  }
}

/** A forwarder with this one upstream. */
async function forwarding(
  t: Test,
  upstream: TlsUpstream,
  tls: Partial<UpstreamTls> = { ca: CA },
  options: RigOptions = {}
): Promise<Rig> {
  return rig(t, [], { others: [upstream.with(tls)], transport, ...options })
}

const AUTHORITY_PIN = pinOf(new X509Certificate(CA))
const good1: readonly (readonly [it: string, tls: Partial<UpstreamTls>])[] = [
  ['by its name', { ca: CA }],
  ['by its public key', { name: undefined, pins: [OTHER_PIN, PIN] }],
  ['by name and key', { ca: CA, pins: [PIN] }],
  ['by the public key of its authority', { name: undefined, pins: [AUTHORITY_PIN] }],
  [
    'not at all, if that is wanted',
    { name: 'other.example', pins: [OTHER_PIN], opportunistic: true }
  ]
]
for (const [it, tls] of good1) {
  test(`queries over TLS a server that is verified ${it}`, async t => {
    const cert = SERVER.certificate + CA
    const upstream = await TlsUpstream.open(t, { ...served(), cert })
    const { ask, forwarder } = await forwarding(t, upstream, tls)
    t.equal(markOf(messageOf(await ask('www.example.com'))), 1)
    const encryption = tls.opportunistic === true ? 'opportunistic' : 'strict'
    t.match(forwarder.states, [
      { encryption, error: undefined, health: 'up', counts: { responses: 1 } }
    ])
    t.equal(upstream.connections.length, 1, 'the connection was opened ahead')
    const query = upstream.queries[0]!
    t.equal(query.length % 128, 0, 'padded')
    t.equal(query.readUInt16BE(query.length - 4 - paddingOf(query)), 12)
    t.notMatch(query.toString('latin1'), /\x00\x0a\x00[\x08-\x28]/, 'no cookie')
    t.match(query.toString('latin1'), /www\x07example/, 'in the letter case of the client')
  })
}

/** Length of the padding at the end. */
function paddingOf(query: Buffer): number {
  let zeros = 0
  while (query[query.length - 1 - zeros] === 0) zeros++
  for (let length = zeros; length >= 0; length--)
    if (query.readUInt16BE(query.length - length - 2) === length) return length
  throw new Error('no padding')
}

test('pads with zeros, not with earlier queries', async t => {
  const upstream = await TlsUpstream.open(t, served())
  const { ask } = await forwarding(t, upstream)
  await Promise.all(['a-much-longer-name.of-an-earlier-query.example.com', 'b.c'].map(ask))
  await Promise.all(['d.e', 'f.g', 'h.i'].map(ask))
  const short = upstream.queries.filter(query => questionOf(query).length < 12)
  t.equal(short.length, 4)
  for (const query of short) {
    const padding = query.subarray(12 + questionOf(query).length + 15)
    t.ok(padding.length > 80 && padding.every(octet => octet === 0))
  }
})

for (const each of TRANSPORTS) sendsNothing(t, 'dot', {}, each)

test('does not renegotiate', async t => {
  const upstream = await TlsUpstream.open(t, { ...served(), maxVersion: 'TLSv1.2' })
  const { ask } = await forwarding(t, upstream)
  await ask('one.example.com')
  upstream.connections[0]!.renegotiate({}, () => undefined)
  t.equal(markOf(messageOf(await ask('two.example.com'))), 1)
  t.equal(upstream.connections[0]!.getProtocol(), 'TLSv1.2')
})

test('another upstream answers instead of a broken one', async t => {
  const upstream = await TlsUpstream.open(t, socket => socket.destroy())
  const { ask } = await rig(t, [good(7)], { others: [upstream.with({ ca: CA })], transport })
  for (const label of ['a', 'b', 'c'])
    t.equal(markOf(messageOf(await ask(`${label}.example.com`))), 7)
})

test('resumes the session, and replaces a connection that the upstream closes', async t => {
  const upstream = await TlsUpstream.open(t, served())
  const { ask } = await forwarding(t, upstream)
  await ask('www.example.com')
  const [first] = upstream.connections
  first!.end()
  await until(() => upstream.connections.length === 2)
  t.ok(upstream.connections[1]!.isSessionReused())
  t.equal(markOf(messageOf(await ask('again.example.com'))), 1)
  t.equal(upstream.connections.length, 2)
})

test('replaces a connection before the upstream closes it', async t => {
  const upstream = await TlsUpstream.open(t, served())
  const { ask, time } = await forwarding(t, upstream)
  const { connections } = upstream
  await ask('a.example.com')
  time.advance(10_000)
  // After ten seconds of idleness the upstream closes the connection.
  connections[0]!.end()
  await until(() => connections.length === 2)
  await ask('b.example.com')
  time.advance(8000)
  t.equal(connections[1]!.destroyed, false, 'open until the next one is')
  t.equal(markOf(messageOf(await ask('c.example.com'))), 1)
  await until(() => connections.length === 3 && connections[1]!.destroyed)
  t.equal(connections[2]!.destroyed, false)
})

test('an upstream that restarts has no idle timeout of a few milliseconds', async t => {
  const upstream = await TlsUpstream.open(t, served())
  const { ask, time } = await forwarding(t, upstream)
  const { connections } = upstream
  await ask('a.example.com')
  connections[0]!.end()
  await until(() => connections.length === 2)
  await ask('b.example.com')
  time.advance(700)
  await ask('c.example.com')
  t.equal(connections.length, 2)
  // The timeout is taken to be longer each time: at last it is what the settings say.
  for (let i = 0; i < 60; i++) {
    const before = connections.length
    await ask(`n${i}.example.com`)
    time.advance(30_000)
    await until(() => connections.length > before)
  }
  await ask('d.example.com')
  const { length } = connections
  time.advance(29_000)
  await ask('e.example.com')
  t.equal(connections.length, length)
})

test('an upstream that is not used any more is left alone', async t => {
  const upstream = await TlsUpstream.open(t, served())
  const { ask, time } = await forwarding(t, upstream)
  await ask('www.example.com')
  time.advance(61_000)
  await until(() => upstream.connections.every(({ destroyed }) => destroyed))
  t.ok(upstream.connections.length <= 2)
})

test('queries in flight move to another connection', async t => {
  let isFirst = true
  const upstream = await TlsUpstream.open(t, served())
  const { ask } = await forwarding(t, upstream)
  await until(() => upstream.connections.length === 1)
  const [first] = upstream.connections
  first!.removeAllListeners('data')
  first!.on('data', () => {
    if (isFirst) first!.destroy()
    isFirst = false
  })
  t.equal(markOf(messageOf(await ask('www.example.com'))), 1)
  t.equal(upstream.connections.length, 2)
})

test('opens another connection before one is full', async t => {
  const upstream = await TlsUpstream.open(t, served())
  const { ask } = await forwarding(t, upstream)
  await until(() => upstream.connections.length === 1)
  const all = Array.from({ length: 100 }, (_, i) => ask(`n${i}.example.com`))
  for (const outcome of await Promise.all(all)) t.equal(outcome.kind, 'response')
  await until(() => upstream.connections.length === 2)
})

test('frees what OpenSSL has for an upstream that is removed or changed', async t => {
  const { contexts, connections } = openSslObjects(t)
  const upstream = await TlsUpstream.open(t, served())
  const { ask, forwarder } = await forwarding(t, upstream)
  for (const pins of [[PIN], [OTHER_PIN, PIN], []]) {
    const inFlight = ask('in-flight.example.com')
    forwarder.configure({ upstreams: [upstream.with({ ca: CA, pins })] }, new Set())
    t.equal(markOf(messageOf(await inFlight)), 1)
    t.equal(markOf(messageOf(await ask('www.example.com'))), 1)
  }
  await until(() => contexts.size <= 1 && connections.size <= 1)
  forwarder.configure({ upstreams: [] }, new Set())
  await until(() => contexts.size + connections.size === 0)
  forwarder.configure({ upstreams: [upstream.with({ ca: CA })] }, new Set())
  await ask('www.example.com')
  forwarder.close()
  await until(() => contexts.size + connections.size === 0)
})

test('presents a client certificate', async t => {
  const client = makeCertificate({ issuer: AUTHORITY, names: ['gateway.example'] })
  const upstream = await TlsUpstream.open(t, { ...served(), requestCert: true, ca: CA })
  const { certificate, key } = client
  const { ask } = await forwarding(t, upstream, { ca: CA, client: { certificate, key } })
  await ask('www.example.com')
  t.equal(upstream.connections[0]!.getPeerCertificate().subject.CN, 'gateway.example')
})
