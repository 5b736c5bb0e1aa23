import t, { type Test } from 'tap'
import { healthOf } from '../../src/gateway/status/health.js'
import { freePort } from '../udp/free-port.js'
import { BadUpstream, good, silent, type Behaviour } from '../upstream/bad-upstream.js'
import { askUdp } from './dns-client.js'
import { kinds, serving, type Rig } from './serve.js'
import { eventually } from './site.js'

async function codes({ gateway }: Rig): Promise<readonly string[]> {
  return healthOf(await gateway.status()).problems.map(({ code }) => code)
}

async function open(t: Test, behaviour: Behaviour): Promise<BadUpstream> {
  const upstream = await BadUpstream.open(behaviour)
  t.teardown(() => upstream.close())
  return upstream
}

for (const transport of kinds) {
  t.test(`${transport}: an upstream that is dead from the start, and no query`, async t => {
    const upstream = { address: '127.0.0.1', port: await freePort() }
    const rig = await serving(t, {
      transport,
      upstream,
      idleProbe: '1s',
      upstreams: 'timeout: 100ms'
    })
    t.match(await codes(rig), /UPSTREAMS_(UNKNOWN|DOWN)/, 'not ready from the first moment on')
    await eventually('it is known to be down', async () => {
      const health = healthOf(await rig.gateway.status())
      if (health.ready) throw new Error('ready')
      return health.problems.some(({ code }) => code === 'UPSTREAMS_DOWN')
    })
  })
}

t.test('an upstream that dies and returns, and no query', async t => {
  let isDead = false
  const upstream = await open(t, query => (isDead ? silent : good(1))(query))
  const setting = { workers: 2, upstream: upstream.endpoint, idleProbe: '100ms' }
  const rig = await serving(t, { ...setting, upstreams: 'timeout: 100ms' })
  await eventually('ready', async () => (await codes(rig)).length === 0)
  isDead = true
  await eventually('it is known to be down', async () =>
    (await codes(rig)).includes('UPSTREAMS_DOWN')
  )
  isDead = false
  await eventually('ready again', async () => (await codes(rig)).length === 0)
  t.equal((await rig.gateway.status()).queries.forwarded, 0)
})

t.test('with idle-probe 0s no probe is sent, and a gateway is ready without', async t => {
  const upstream = await open(t, good(1))
  const rig = await serving(t, { upstream: upstream.endpoint })
  t.strictSame(await codes(rig), [])
  await askUdp(rig.at, 'www.example')
  t.equal(upstream.seen.length, 1)
})

t.test('an upstream that answers clients is not probed', async t => {
  const upstream = await open(t, good(1))
  const rig = await serving(t, { upstream: upstream.endpoint, idleProbe: '1h' })
  await upstream.sees(1)
  await askUdp(rig.at, 'www.example')
  t.equal(upstream.seen.length, 2, 'one probe at the start')
})
