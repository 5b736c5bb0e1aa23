import { X509Certificate } from 'node:crypto'
import type { Socket } from 'node:net'
import type { TlsOptions } from 'node:tls'
import t, { type Test } from 'tap'
import type { Outcome } from '../../src/upstream/forwarder.js'
import { pinOf } from '../../src/upstream/tls/tls-connector.js'
import type { UpstreamTls } from '../../src/upstream/upstream-server.js'
import { makeCertificate } from '../tls/certificates.js'
import { good } from './bad-upstream.js'
import { markOf } from './messages.js'
import { messageOf, rig, type Rig, type RigOptions } from './rig.js'
import { TlsUpstream } from './tls-upstream.js'

const DAY = 86_400_000
const AUTHORITY = makeCertificate({ names: [], subject: 'authority' })
const SERVER = makeCertificate({ issuer: AUTHORITY })
const CA = AUTHORITY.certificate
const PIN = pinOf(new X509Certificate(SERVER.certificate))
const OTHER_PIN = pinOf(new X509Certificate(makeCertificate().certificate))

const served = ({ certificate: cert, key } = SERVER): TlsOptions => ({ cert, key })

/** A forwarder with this one upstream. */
async function forwarding(
  t: Test,
  upstream: TlsUpstream,
  tls: Partial<UpstreamTls> = { ca: CA },
  options: RigOptions = {}
): Promise<Rig> {
  return rig(t, [], { others: [upstream.with(tls)], ...options })
}

/** Waits for a condition that needs no fake time. */
async function until(condition: () => boolean): Promise<void> {
  for (let turn = 0; turn < 2000 && !condition(); turn++)
    await new Promise<void>(resolve => void setTimeout(resolve, 1))
  if (!condition()) throw new Error('it did not happen')
}

/** Lets fake time pass until the outcome has come. */
async function impatiently(time: Rig['time'], outcome: Promise<Outcome>): Promise<Outcome> {
  let found: Outcome | undefined
  void outcome.then(it => (found = it))
  for (let turn = 0; turn < 2000 && found === undefined; turn++) {
    await new Promise<void>(resolve => void setTimeout(resolve, 1))
    if (turn % 20 === 19) time.advance(500)
  }
  return outcome
}

const good1: readonly (readonly [it: string, tls: Partial<UpstreamTls>])[] = [
  ['by its name', { ca: CA }],
  ['by its public key', { name: undefined, pins: [OTHER_PIN, PIN] }],
  ['by name and key', { ca: CA, pins: [PIN] }],
  [
    'not at all, if that is wanted',
    { name: 'other.example', pins: [OTHER_PIN], opportunistic: true }
  ]
]
for (const [it, tls] of good1) {
  t.test(`queries over TLS a server that is verified ${it}`, async t => {
    const upstream = await TlsUpstream.open(t, served())
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

const past = { notBefore: new Date(Date.now() - 9 * DAY), notAfter: new Date(Date.now() - DAY) }
const future = { notBefore: new Date(Date.now() + DAY), notAfter: new Date(Date.now() + 9 * DAY) }

interface Broken {
  readonly it: string
  readonly server: TlsOptions | ((socket: Socket) => void)
  readonly tls?: Partial<UpstreamTls>
  readonly says?: RegExp
}

const broken: Broken[] = [
  {
    it: 'a wrong name',
    server: served(makeCertificate({ issuer: AUTHORITY, names: ['other.example'] })),
    says: /does not match certificate's altnames/
  },
  {
    it: 'an expired certificate',
    server: served(makeCertificate({ issuer: AUTHORITY, ...past })),
    says: /expired/
  },
  {
    it: 'a certificate not yet valid',
    server: served(makeCertificate({ issuer: AUTHORITY, ...future })),
    says: /not yet valid/
  },
  { it: 'a certificate signed by itself', server: served(makeCertificate()), says: /self-signed/ },
  {
    it: 'a wrong public key',
    server: served(),
    tls: { ca: CA, pins: [OTHER_PIN] },
    says: /none of the public keys in pin-sha256/
  },
  {
    it: 'an answer in clear',
    server: socket =>
      socket.on('data', () => socket.write(Buffer.from('000c123481800001000000000000', 'hex')))
  },
  {
    it: 'half a handshake',
    server: socket => socket.on('data', () => socket.write(Buffer.from('16030300ff02', 'hex')))
  },
  {
    it: 'TLS 1.1',
    server: {
      ...served(),
      minVersion: 'TLSv1',
      maxVersion: 'TLSv1.1',
      ciphers: 'ALL:@SECLEVEL=0'
    }
  },
  {
    it: 'a reset after the hello',
    server: socket => socket.on('data', () => socket.resetAndDestroy())
  },
  { it: 'silence', server: () => undefined },
  { it: 'another ALPN protocol', server: { ...served(), ALPNProtocols: ['h2'] } },
  { it: 'a closed connection', server: socket => socket.end() }
]
for (const { it, server, tls = { ca: CA }, says = /./ } of broken) {
  t.test(`sends no query to an upstream with ${it}`, async t => {
    const upstream = await TlsUpstream.open(t, server)
    const { ask, time, forwarder, health } = await forwarding(t, upstream, tls)
    const outcome = await impatiently(time, ask('www.secret.example'))
    t.match(outcome, { kind: 'failure', ede: /^2[23]$/ })
    if (outcome.kind === 'failure') t.match(outcome.text ?? 'none', says)
    t.strictSame(upstream.queries, [])
    t.notMatch(Buffer.concat(upstream.clear).toString('latin1'), /secret/)
    for (let i = 0; i < 4; i++) {
      time.advance(11_000)
      await impatiently(time, ask(`${i}.secret.example`))
    }
    t.strictSame(health, ['down 0'])
    t.match(forwarder.states, [{ health: 'down' }])
    t.strictSame(upstream.queries, [])
  })
}

t.test('does not renegotiate', async t => {
  const upstream = await TlsUpstream.open(t, { ...served(), maxVersion: 'TLSv1.2' })
  const { ask } = await forwarding(t, upstream)
  await ask('one.example.com')
  upstream.connections[0]!.renegotiate({}, () => undefined)
  t.equal(markOf(messageOf(await ask('two.example.com'))), 1)
  t.equal(upstream.connections[0]!.getProtocol(), 'TLSv1.2')
})

t.test('another upstream answers instead of a broken one', async t => {
  const upstream = await TlsUpstream.open(t, socket => socket.destroy())
  const { ask } = await rig(t, [good(7)], { others: [upstream.with({ ca: CA })] })
  for (const label of ['a', 'b', 'c'])
    t.equal(markOf(messageOf(await ask(`${label}.example.com`))), 7)
})

t.test('resumes the session, and replaces a connection that the upstream closes', async t => {
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

t.test('an upstream that is not used any more is left alone', async t => {
  const upstream = await TlsUpstream.open(t, served())
  const { ask, time } = await forwarding(t, upstream)
  await ask('www.example.com')
  time.advance(61_000)
  await until(() => upstream.connections.every(({ destroyed }) => destroyed))
  t.ok(upstream.connections.length <= 2)
})

t.test('queries in flight move to another connection', async t => {
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

t.test('opens another connection before one is full', async t => {
  const upstream = await TlsUpstream.open(t, served())
  const { ask } = await forwarding(t, upstream)
  await until(() => upstream.connections.length === 1)
  const all = Array.from({ length: 100 }, (_, i) => ask(`n${i}.example.com`))
  for (const outcome of await Promise.all(all)) t.equal(outcome.kind, 'response')
  await until(() => upstream.connections.length === 2)
})

t.test('presents a client certificate', async t => {
  const client = makeCertificate({ issuer: AUTHORITY, names: ['gateway.example'] })
  const upstream = await TlsUpstream.open(t, { ...served(), requestCert: true, ca: CA })
  const { certificate, key } = client
  const { ask } = await forwarding(t, upstream, { ca: CA, client: { certificate, key } })
  await ask('www.example.com')
  t.equal(upstream.connections[0]!.getPeerCertificate().subject.CN, 'gateway.example')
})
