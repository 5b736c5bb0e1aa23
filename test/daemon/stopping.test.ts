import t from 'tap'
import { BadUpstream, good, silent, type Seen } from '../upstream/bad-upstream.js'
import { responseTo } from '../upstream/messages.js'
import { askMany, askTcp, askUdp } from './dns-client.js'
import { kinds, serving } from './serve.js'

const COUNT = 20
const ADDRESS = /192\.0\.2\.9$/

for (const transport of kinds) {
  t.test(`${transport}: pending queries are answered at shutdown`, async t => {
    const upstream = await BadUpstream.open(silent)
    t.teardown(() => upstream.close())
    const held: Seen[] = []
    upstream.behaviour = query => held.push(query)
    const { gateway, at, site } = await serving(t, {
      transport,
      workers: 2,
      upstream: upstream.endpoint,
      upstreams: 'timeout: 4s',
      grace: '1m'
    })
    const overUdp = Array.from({ length: COUNT }, (_, i) => askUdp(at, `u${i}.example`))
    const overTcp = Array.from({ length: COUNT }, (_, i) => askTcp(at, `t${i}.example`))
    await upstream.sees(2 * COUNT)
    await askMany(at, 'banned.example', COUNT)
    const stopped = gateway.stop()
    for (const query of held) query.send(responseTo(query.message, { mark: 9 }))
    upstream.behaviour = good(9)
    for (const { answers } of await Promise.all(overUdp)) t.match(answers, [ADDRESS], 'UDP')
    for (const { answers } of await Promise.all(overTcp)) t.match(answers, [ADDRESS], 'TCP')
    await stopped
    t.equal(site.records().length, COUNT, 'the query log is complete')
    await t.rejects(askUdp(at, 'banned.example', { patience: 300 }), 'the port is closed')
    await t.rejects(askTcp(at, 'banned.example'))
  })

  t.test(`${transport}: an upstream that never answers does not prevent shutdown`, async t => {
    const upstream = await BadUpstream.open(silent)
    t.teardown(() => upstream.close())
    const { gateway, at } = await serving(t, {
      transport,
      upstream: upstream.endpoint,
      upstreams: 'timeout: 4s, give-up: 4900ms',
      grace: '50ms'
    })
    const slow = askUdp(at, 'slow.example', { patience: 2000 })
    const lost = t.rejects(slow, 'nor did it fail with SERVFAIL')
    await upstream.sees(1)
    await gateway.stop()
    await lost
  })
}

t.test('stops while rules are compiled, and before any query', async t => {
  const { gateway, site } = await serving(t, { ownThreads: true })
  void gateway.reload('SIGHUP')
  void gateway.reload('SIGHUP')
  await gateway.stop()
  t.strictSame(site.records(), [])
})

t.test('every query of a burst is in the query log after shutdown', async t => {
  const { gateway, at, site } = await serving(t, {
    workers: 2,
    queries: 'which: all, flush: 10s',
    ownThreads: true
  })
  for (let i = 0; i < 5; i++) await askMany(at, `n${i}.banned.example`, 40)
  await gateway.stop()
  t.equal(site.records().length, 200)
})
