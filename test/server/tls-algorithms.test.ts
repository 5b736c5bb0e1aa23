import { once } from 'node:events'
import { connect, type ConnectionOptions, type TLSSocket } from 'node:tls'
import t, { type Test } from 'tap'
import { ConnectionLimit } from '../../src/resolver/server/connection-limit.js'
import { serveTcp } from '../../src/resolver/server/tcp.js'
import { hasGroup, type TlsAlgorithms } from '../../src/wire/tls/tls-algorithms.js'
import { FakeResponder } from './fake-responder.js'
import { tlsListenOptions } from './tls-options.js'
import { transports } from './transports.js'

const POST_QUANTUM = 'X25519MLKEM768'

type Connect = (options?: ConnectionOptions) => Promise<TLSSocket>

/** With OpenSSL directly where that is possible, and with node:tls. */
function test(
  name: string,
  algorithms: Partial<TlsAlgorithms>,
  run: (t: Test, open: Connect) => Promise<void>
): void {
  for (const transport of transports()) {
    t.test(`${name} (${transport.kind})`, async t => {
      const terms = { bits: { ipv4: 32, ipv6: 56 }, exempt: undefined }
      const tls = tlsListenOptions()
      const all = { groups: [], ciphers: [], cipherSuites: [], ...algorithms }
      const endpoint = { address: '127.0.0.1', port: 0 }
      const service = await serveTcp(transport, endpoint, new FakeResponder(), {
        limits: { idle: 10_000, connections: 100, queriesInFlight: 10 },
        clock: { now: () => 1, wall: () => 1 },
        connectionLimit: new ConnectionLimit(100, terms),
        proxies: undefined,
        tls: { ...tls, material: { ...tls.material, algorithms: all } }
      })
      t.teardown(() => service.close())
      await run(t, async options => {
        const { port } = service.local
        const socket = connect({ port, host: '127.0.0.1', rejectUnauthorized: false, ...options })
        t.teardown(() => socket.destroy())
        await once(socket, 'secureConnect')
        return socket
      })
    })
  }
}

const groupOf = (socket: TLSSocket): string | undefined =>
  (socket.getEphemeralKeyInfo() as { readonly name?: string }).name

test('by default clients choose among all algorithms', {}, async (t, open) => {
  for (const ecdhCurve of ['X25519', 'P-256', 'P-384', 'P-521'])
    t.match(groupOf(await open({ ecdhCurve })), /X25519|prime256v1|secp384r1|secp521r1/, ecdhCurve)
  for (const ciphers of ['TLS_AES_256_GCM_SHA384', 'TLS_CHACHA20_POLY1305_SHA256'])
    t.equal((await open({ ciphers })).getCipher().name, ciphers)
  if (hasGroup(POST_QUANTUM)) await open({ ecdhCurve: POST_QUANTUM })
})

test('the group is the one that is set', { groups: ['P-384'] }, async (t, open) => {
  for (const maxVersion of ['TLSv1.2', 'TLSv1.3'] as const)
    t.equal(groupOf(await open({ maxVersion })), 'secp384r1', maxVersion)
  await t.rejects(open({ ecdhCurve: 'X25519' }))
})

test(
  'the first group that a client has too is used',
  { groups: ['P-521', 'X25519'] },
  async (t, open) => {
    t.equal(groupOf(await open({ ecdhCurve: 'P-256:P-521' })), 'secp521r1')
    t.equal(groupOf(await open({ ecdhCurve: 'P-256:X25519' })), 'X25519')
  }
)

if (hasGroup(POST_QUANTUM)) {
  test('key exchange resists quantum computers', { groups: [POST_QUANTUM] }, async (t, open) => {
    const socket = await open({ ecdhCurve: `X25519:${POST_QUANTUM}` })
    t.equal(socket.getProtocol(), 'TLSv1.3')
    await t.rejects(open({ ecdhCurve: 'X25519' }), 'there is no other group')
  })
}

const RESTRICTED = {
  ciphers: ['ECDHE-ECDSA-AES256-GCM-SHA384'],
  cipherSuites: ['TLS_AES_256_GCM_SHA384']
}
test('ciphers are those that are set', RESTRICTED, async (t, open) => {
  t.equal((await open()).getCipher().name, 'TLS_AES_256_GCM_SHA384')
  const socket = await open({ maxVersion: 'TLSv1.2' })
  t.equal(socket.getCipher().name, 'ECDHE-ECDSA-AES256-GCM-SHA384')
  await t.rejects(open({ ciphers: 'TLS_AES_128_GCM_SHA256', minVersion: 'TLSv1.3' }))
  await t.rejects(open({ ciphers: 'ECDHE-ECDSA-AES128-GCM-SHA256', maxVersion: 'TLSv1.2' }))
})
