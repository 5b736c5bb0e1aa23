import t from 'tap'
import { healthOf } from '../../src/gateway/status/health.js'
import { chooseTransport } from '../../src/wire/sockets/transport.js'
import { serving } from './serve.js'

t.test('portable sockets where the settings ask for more workers are a problem', async t => {
  const { gateway } = await serving(t, { transport: 'portable', workers: 4 })
  const status = await gateway.status()
  if (chooseTransport('portable').transport.sharesPorts) {
    t.match({ workers: gateway.workers, status }, { workers: 4, status: { slowTransport: null } })
    return
  }
  t.equal(gateway.workers, 1)
  t.match(status.slowTransport, /with one worker instead of 4: portable sockets are configured$/)
  t.match(
    healthOf(status).problems.filter(({ state }) => state === 'serving'),
    [{ code: 'UPSTREAMS_DOWN' }, { code: 'TRANSPORT_PORTABLE' }]
  )
})

t.test('portable sockets as configured, with one worker, are none', async t => {
  const { gateway } = await serving(t, { transport: 'portable' })
  t.equal((await gateway.status()).slowTransport, null)
})
