import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { chmodSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { openFeed } from '../../../src/gateway/bindings/open-feed.js'
import { BindingStore } from '../../../src/policy/bindings/binding-store.js'
import { systemClock } from '../../../src/base/time/clock.js'
import { readPrefix } from '../../../src/base/values/address.js'
import { MemoryLog } from '../../daemon/serve.js'
import { eventually } from '../../daemon/site.js'
import { accountingRequest, session } from './radius-request.js'

const nothing = (): void => undefined

t.test('receives accounting over UDP, and logs what it refuses', async t => {
  const folder = t.testdir({ secret: 'a shared secret\n' })
  const secretFile = join(folder, 'secret')
  const log = new MemoryLog()
  const listener = { begin: nothing, end: nothing, feed: nothing }
  const store = new BindingStore({ skew: 0, limit: 10, listener })
  const probe = createSocket('udp4').bind(0, '127.0.0.1')
  await once(probe, 'listening')
  const { port } = probe.address()
  probe.close()
  const feed = openFeed(
    {
      ...{ name: 'wifi', type: 'radius', listen: { address: '127.0.0.1', port } },
      nas: [{ prefix: readPrefix('127.0.0.1'), secretFile }],
      ...{ needsMessageAuthenticator: true, lifetime: 3_600_000, every: 1000, family: 4 },
      ...{
        file: undefined,
        http: false,
        socket: undefined,
        position: { file: '', line: 1, column: 1 }
      }
    },
    store,
    systemClock,
    log
  )
  t.teardown(() => feed.close())
  chmodSync(secretFile, 0o666)
  feed.start()
  t.match(log.with('feed wifi of bindings is down'), [{ fields: { code: 'BINDINGS_FEED' } }])
  chmodSync(secretFile, 0o600)
  feed.close()
  feed.start()
  await eventually('the socket', () => store.isUp('wifi'))
  const nas = createSocket('udp4')
  t.teardown(() => nas.close())
  const at = Date.now()
  nas.send(accountingRequest(session('start', at), { secret: 'forged' }), port, '127.0.0.1')
  t.match(await log.says('wrong Request Authenticator'), { fields: { code: 'RADIUS_REFUSED' } })
  t.equal(store.size, 0)
  const response = once(nas, 'message') as Promise<[Buffer]>
  nas.send(accountingRequest(session('start', at)), port, '127.0.0.1')
  t.equal((await response)[0][0], 5)
  t.match(store.certainDevice('10.20.3.4', Date.now()), { device: { port: 'ge-0/0/7' } })
})
