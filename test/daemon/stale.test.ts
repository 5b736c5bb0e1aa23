import t from 'tap'
import { BadUpstream, good, silent } from '../upstream/bad-upstream.js'
import { askTcp, askUdp } from './dns-client.js'
import { kinds, serving } from './serve.js'
import { eventually } from './site.js'

/** Longer than the longest TTL of these gateways. */
const OVER = 1100
const settings = {
  cache: 'max-ttl: 1s, failure-ttl: 1s, stale-recheck: 1s, stale-after: 100ms',
  upstreams: 'timeout: 150ms, give-up: 300ms'
}

for (const transport of kinds) {
  t.test(`${transport}: stale answers are served while the upstream is silent`, async t => {
    const upstream = await BadUpstream.open(good(1))
    t.teardown(() => upstream.close())
    const { at, threads } = await serving(t, {
      transport,
      upstream: upstream.endpoint,
      ...settings
    })
    t.match(await askUdp(at, 'www.example'), { answers: [/192\.0\.2\.1/], ede: -1 })
    upstream.behaviour = silent
    await threads.letPass(OVER)
    for (const ask of [askUdp, askTcp]) {
      t.match(await ask(at, 'www.example'), { answers: ['www.example 30 A 192.0.2.1'], ede: 3 })
      t.match(await ask(at, 'other.example'), { rcode: 'SERVFAIL', ede: 22 })
    }
    upstream.behaviour = good(2)
    await eventually('the new answer', async () => {
      const { answers, ede } = await askUdp(at, 'www.example')
      return ede === -1 && answers[0]?.endsWith('192.0.2.2') === true
    })
  })
}

for (const transport of kinds) {
  t.test(`${transport}: when the upstream recovers, cached failures are flushed`, async t => {
    const upstream = await BadUpstream.open(good(1))
    t.teardown(() => upstream.close())
    const { at, threads } = await serving(t, {
      transport,
      upstream: upstream.endpoint,
      upstreams: settings.upstreams,
      cache: 'max-ttl: 1s, failure-ttl: 5m, stale-recheck: 5m, stale-after: 100ms'
    })
    t.match(await askUdp(at, 'www.example'), { answers: [/192\.0\.2\.1/], ede: -1 })
    upstream.behaviour = silent
    await threads.letPass(OVER)
    await eventually('the upstream rests', async () => {
      await askUdp(at, `${Math.random()}.example`)
      const { ede } = await askUdp(at, 'www.example')
      return ede === 3 && (await askUdp(at, 'other.example')).rcode === 'SERVFAIL'
    })
    upstream.behaviour = good(2)
    for (const name of ['www.example', 'other.example']) {
      await eventually(`${name} is asked for again`, async () => {
        const { answers, ede } = await askUdp(at, name)
        return ede === -1 && answers[0]?.endsWith('192.0.2.2') === true
      })
    }
  })
}

t.test('with stale-max 0 no stale answer is served', async t => {
  const upstream = await BadUpstream.open(good(1))
  t.teardown(() => upstream.close())
  const { cache, upstreams } = settings
  const { at, threads } = await serving(t, {
    upstream: upstream.endpoint,
    upstreams,
    cache: `${cache}, stale-max: 0s`
  })
  t.match(await askUdp(at, 'www.example'), { answers: [/192\.0\.2\.1/] })
  upstream.behaviour = silent
  await threads.letPass(OVER)
  t.match(await askUdp(at, 'www.example'), { rcode: 'SERVFAIL', answers: [], ede: 22 })
})
