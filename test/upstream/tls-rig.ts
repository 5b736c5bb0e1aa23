import { X509Certificate } from 'node:crypto'
import type { Socket } from 'node:net'
import type { TlsOptions } from 'node:tls'
import type { Test } from 'tap'
import type { UpstreamOutcome } from '../../src/resolver/upstream/forwarder.js'
import { pinOf } from '../../src/resolver/upstream/tcp/tls-connector.js'
import type { UpstreamTls } from '../../src/wire/sockets/upstream-server.js'
import { makeCertificate } from '../tls/certificates.js'
import type { Transport } from '../../src/wire/sockets/datagram.js'
import { rig, type Rig } from './rig.js'
import { TlsUpstream } from './tls-upstream.js'

/*
 * What tests of upstreams over TLS and over HTTPS share: certificates, and upstreams that must get no query.
 */

const DAY = 86_400_000
export const AUTHORITY = makeCertificate({ names: [], subject: 'authority' })
export const SERVER = makeCertificate({ issuer: AUTHORITY })
export const CA = AUTHORITY.certificate
export const PIN = pinOf(new X509Certificate(SERVER.certificate))
const OTHER = makeCertificate()
export const OTHER_PIN = pinOf(new X509Certificate(makeCertificate().certificate))

export const served = ({ certificate: cert, key } = SERVER): TlsOptions => ({ cert, key })

/** Waits for a condition that needs no fake time. */
export async function until(condition: () => boolean): Promise<void> {
  for (let turn = 0; turn < 60_000 && !condition(); turn++)
    await new Promise<void>(resolve => void setTimeout(resolve, 1))
  if (!condition()) throw new Error('it did not happen')
}

/** Lets fake time pass until the outcome has come. */
export async function impatiently(
  time: Rig['time'],
  outcome: Promise<UpstreamOutcome>
): Promise<UpstreamOutcome> {
  let found: UpstreamOutcome | undefined
  void outcome.then(it => (found = it))
  for (let turn = 0; turn < 2000 && found === undefined; turn++) {
    await new Promise<void>(resolve => void setTimeout(resolve, 1))
    if (turn % 20 === 19) time.advance(500)
  }
  return outcome
}

const past = { notBefore: new Date(Date.now() - 9 * DAY), notAfter: new Date(Date.now() - DAY) }
const future = { notBefore: new Date(Date.now() + DAY), notAfter: new Date(Date.now() + 9 * DAY) }

interface Broken {
  readonly it: string
  readonly server: TlsOptions | ((socket: Socket) => void)
  readonly tls?: Partial<UpstreamTls>
  readonly says?: RegExp
}

/** Each fails before a query could be sent. */
const BROKEN: readonly Broken[] = [
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
  { it: 'an unknown authority', server: served(), tls: {}, says: /unable to|self-signed/ },
  {
    it: 'a wrong public key',
    server: served(),
    tls: { ca: CA, pins: [OTHER_PIN] },
    says: /none of the public keys in pin-sha256/
  },
  {
    it: 'the pinned certificate behind one that it has not signed',
    server: { ...served(OTHER), cert: OTHER.certificate + SERVER.certificate },
    tls: { name: undefined, pins: [PIN] },
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
  { it: 'another ALPN protocol', server: { ...served(), ALPNProtocols: ['http/1.1'] } },
  { it: 'a closed connection', server: socket => socket.end() }
]

/**
 * Tests that upstreams with a broken TLS server get no octet of a query, and are down.
 *
 * @param alpn of a right server
 * @param more settings of the upstream
 */
export function sendsNothing(
  t: Test,
  alpn: string,
  more: Partial<UpstreamTls>,
  transport: Transport
): void {
  for (const { it, server, tls = { ca: CA }, says = /./ } of BROKEN) {
    t.test(`sends no query to an upstream with ${it} (${transport.kind})`, async t => {
      const options = typeof server === 'function' ? server : { ALPNProtocols: [alpn], ...server }
      const upstream = await TlsUpstream.open(t, options)
      const { ask, time, forwarder, health } = await rig(t, [], {
        others: [upstream.with({ ...more, ...tls })],
        transport
      })
      const outcome = await impatiently(time, ask('www.secret.example'))
      t.match(outcome, { kind: 'failure', ede: /^2[23]$/ })
      if (outcome.kind === 'failure') t.match(outcome.text ?? 'none', says)
      t.notMatch(Buffer.concat(upstream.clear).toString('latin1'), /secret/)
      for (let i = 0; i < 4; i++) {
        time.advance(11_000)
        await impatiently(time, ask(`${i}.secret.example`))
      }
      t.strictSame(health, ['down 0'])
      t.match(forwarder.states, [{ health: 'down' }])
      t.strictSame(upstream.received, [], 'nothing after a handshake')
    })
  }
}
