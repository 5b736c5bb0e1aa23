import t, { type Test } from 'tap'
import { BadUpstream, good } from '../upstream/bad-upstream.js'
import { askTcp, askUdp } from './dns-client.js'
import { Relay } from './relay.js'
import { kinds, serving, type Rig, type Setting } from './serve.js'
import { eventually } from './site.js'

const FOUND = 'forwarding loop; upstream disabled'
const GONE = 'forwarding loop resolved; upstream enabled'
/** Short, so that it expires before the loop is detected. */
const HASTE = 'timeout: 100ms, give-up: 400ms'
/** Most tries of one inquiry (`MAX_TRIES`), whatever happens. */
const MOST_TRIES = 8

interface Pair {
  readonly first: Rig
  readonly second: Rig
  /** What the first sends arrives at the second, and the other way round. */
  readonly there: Relay
  readonly back: Relay
}

/** Two gateways that forward to each other. */
async function pair(t: Test, setting: Setting = {}, more: Setting = {}): Promise<Pair> {
  const [there, back] = [await Relay.open(t), await Relay.open(t)]
  const first = await serving(t, { upstream: there.endpoint, ...setting })
  back.target = first.at
  const second = await serving(t, { upstream: back.endpoint, ...setting, ...more })
  there.target = second.at
  return { first, second, there, back }
}

for (const transport of kinds) {
  t.test(`${transport}: two gateways that forward to each other detect the loop`, async t => {
    const { first, second, there, back } = await pair(t, { transport, loopCheck: '1s' })
    const logs = [first.log, second.log]
    const found = (): number => logs.flatMap(log => log.with(FOUND)).length
    await eventually('one finds the loop', () => found() > 0)
    for (const [at, ask] of [first.at, second.at].flatMap(at =>
      [askUdp, askTcp].map(ask => [at, ask] as const)
    )) {
      const reply = await ask(at, 'www.example')
      t.match(
        reply,
        { rcode: 'SERVFAIL', answers: [], ede: 23 },
        'it says that it has nobody to ask'
      )
    }
    t.ok(
      there.count('www.example') + back.count('www.example') <= 1,
      'the circle is not gone round'
    )
    t.match(await askUdp(first.at, 'banned.example'), { rcode: 'NXDOMAIN' }, 'bans go on')
    // Rounds continue: a persisting loop is logged once.
    const rounds = there.names.length + back.names.length
    await eventually('more rounds', () => there.names.length + back.names.length >= rounds + 4)
    for (const log of logs) t.ok(log.with(FOUND).length <= 1, 'it is logged once')
    t.equal(logs.flatMap(log => log.with(GONE)).length, 0)
  })
}

t.test('when a loop is resolved, upstreams are used again', async t => {
  const upstream = await BadUpstream.open(good(7))
  t.teardown(() => upstream.close())
  const { first, second, there, back } = await pair(t, { loopCheck: '1s' })
  const finders = (): Rig[] => [first, second].filter(({ log }) => log.with(FOUND).length > 0)
  await eventually('one finds the loop', () => finders().length > 0)
  const finder = finders()[0]!
  const way = finder === first ? there : back
  way.target = upstream.endpoint
  await finder.log.says(GONE)
  // Workers learn of it after it is logged; failures until then are cached.
  let tries = 0
  await eventually('the upstream is asked', async () => {
    const { answers } = await askUdp(finder.at, `n${tries++}.example`)
    return answers.some(answer => answer.includes('192.0.2.7'))
  })
  t.equal(finder.log.with(GONE).length, 1)
})

t.test('until a loop is detected, a query goes round only once', async t => {
  const { first, second, there, back } = await pair(t, { upstreams: HASTE })
  const names = Array.from({ length: 20 }, (_, i) => `n${i}.example`)
  const replies = await Promise.all(names.map(name => askUdp(first.at, name)))
  for (const reply of replies) t.match(reply, { rcode: 'SERVFAIL', answers: [] })
  for (const name of names) {
    t.ok(
      there.count(name) >= 1 && there.count(name) <= MOST_TRIES,
      `${name} is sent so often, and no more`
    )
    t.ok(back.count(name) <= MOST_TRIES, 'and does not return more often')
  }
  for (let i = 0; i < MOST_TRIES; i++)
    t.match(await askUdp(first.at, names[0]!), { rcode: 'SERVFAIL' })
  t.ok(there.count(names[0]!) <= MOST_TRIES, 'its failure is cached, and costs nothing')
  t.match(await askUdp(second.at, 'banned.example'), { rcode: 'NXDOMAIN' })
})

const alone = kinds[0] === 'portable' && 'threads cannot share a port here'
t.test('with several workers, each forwards it once', { skip: alone }, async t => {
  const { first, there, back } = await pair(t, { upstreams: HASTE, workers: 3 })
  t.match(await askUdp(first.at, 'www.example'), { rcode: 'SERVFAIL' })
  t.ok(there.count('www.example') <= 3 * MOST_TRIES)
  t.ok(back.count('www.example') <= 3 * MOST_TRIES)
})

t.test('an upstream whose address is translated to this gateway is detected', async t => {
  const nat = await Relay.open(t)
  const { at, log } = await serving(t, { upstream: nat.endpoint, loopCheck: '1s', workers: 2 })
  nat.target = at
  await log.says(FOUND)
  t.match(await askUdp(at, 'www.example'), { rcode: 'SERVFAIL', ede: 23 })
  t.equal(nat.count('www.example'), 0)
})

t.test('a worker started later knows of the loop', async t => {
  const nat = await Relay.open(t)
  const { at, log, threads } = await serving(t, { upstream: nat.endpoint, loopCheck: '1s' })
  nat.target = at
  await log.says(FOUND)
  await threads.kill('worker')
  await log.says('worker restarted')
  t.match(await askUdp(at, 'www.example'), { rcode: 'SERVFAIL', ede: 23 })
  t.equal(nat.count('www.example'), 0)
})

t.test('a loop for one domain affects that domain only', async t => {
  const upstream = await BadUpstream.open(good(3))
  t.teardown(() => upstream.close())
  const nat = await Relay.open(t)
  const server = `'127.0.0.1:${nat.endpoint.port}'`
  const { at, log } = await serving(t, {
    upstream: upstream.endpoint,
    upstreams: `forward: { corp.example: [${server}] }`,
    loopCheck: '1s'
  })
  nat.target = at
  const line = await log.says(FOUND)
  t.match(line.fields, { domain: 'corp.example', upstream: `127.0.0.1:${nat.endpoint.port}` })
  t.match(await askUdp(at, 'www.corp.example'), { rcode: 'SERVFAIL', ede: 23 })
  t.match(await askUdp(at, 'www.example'), { answers: [/192\.0\.2\.3/] })
})

t.test('if one of two upstreams loops, the other one is used', async t => {
  const upstream = await BadUpstream.open(good(4))
  t.teardown(() => upstream.close())
  const nat = await Relay.open(t)
  const servers = [nat, upstream].map(({ endpoint }) => `'127.0.0.1:${endpoint.port}'`)
  const { at, log } = await serving(t, {
    upstreams: `forward: { .: [${servers.join(', ')}] }`,
    loopCheck: '1s'
  })
  nat.target = at
  await log.says(FOUND)
  for (let i = 0; i < 40; i++)
    t.match(await askUdp(at, `n${i}.example`), { answers: [/192\.0\.2\.4/] })
  t.notOk(nat.names.some(name => /^n\d+\.example$/.test(name)))
})

t.test('with loop-check 0s no probe is sent', async t => {
  const upstream = await BadUpstream.open(good(5))
  t.teardown(() => upstream.close())
  const { at } = await serving(t, { upstream: upstream.endpoint, loopCheck: '0s' })
  t.match(await askUdp(at, 'www.example'), { answers: [/192\.0\.2\.5/] })
  t.equal(upstream.seen.length, 1)
})
