import { once } from 'node:events'
import { connect } from 'node:tls'
import t from 'tap'
import { ConnectionLimit } from '../../src/resolver/server/connection-limit.js'
import { serveTcp } from '../../src/resolver/server/tcp.js'
import { FakeResponder } from './fake-responder.js'
import { queries } from './tcp-client.js'
import { tlsListenOptions } from './tls-options.js'
import { transports } from './transports.js'

/** The hybrid of X25519 and ML-KEM-768, draft-ietf-tls-ecdhe-mlkem. */
const HYBRID = 'X25519MLKEM768'
const [major = 0, minor = 0] = process.versions.openssl.split('.').map(Number)
const hasHybrid = major > 3 || (major === 3 && minor >= 5)

for (const transport of transports()) {
  t.test(
    `a client that offers only post-quantum key exchange is served (${transport.kind})`,
    { skip: !hasHybrid && 'needs OpenSSL 3.5, which Node 24 has' },
    async t => {
      const terms = { bits: { ipv4: 32, ipv6: 56 }, exempt: undefined }
      const responder = new FakeResponder()
      const service = await serveTcp(transport, { address: '127.0.0.1', port: 0 }, responder, {
        limits: { idle: 10_000, connections: 100, queriesInFlight: 10 },
        clock: { now: () => 1, wall: () => 1 },
        connectionLimit: new ConnectionLimit(100, terms),
        proxies: undefined,
        tls: tlsListenOptions()
      })
      t.teardown(() => service.close())
      const { port } = service.local
      const client = connect({
        port,
        host: '127.0.0.1',
        ecdhCurve: HYBRID,
        rejectUnauthorized: false
      })
      t.teardown(() => client.destroy())
      await once(client, 'secureConnect')
      t.equal(client.getProtocol(), 'TLSv1.3')
      client.write(queries('now'))
      const [answer] = (await once(client, 'data')) as [Buffer]
      t.strictSame(answer, queries('re: now'))
    }
  )
}
