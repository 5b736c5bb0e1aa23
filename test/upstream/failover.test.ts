import t from 'tap'
import { RCODE } from '../../src/wire/dns/registry/rcode.js'
import { failing, good, silent, type BadUpstream } from './bad-upstream.js'
import { labelOf, markOf, rcodeOf, responseTo } from './messages.js'
import { messageOf, rig, settled } from './rig.js'

/** Unique names, so that no upstream query is shared. */
const name = (n: number): string => `n${n}.example.com`

t.test('fails over to the next upstream after a timeout', async t => {
  const { time, upstreams, ask, health } = await rig(t, [silent, good(2)])
  const outcome = ask(name(1))
  await upstreams[0]!.sees(1)
  time.advance(700)
  t.equal(upstreams[1]!.seen.length, 0)
  time.advance(120)
  t.equal(markOf(messageOf(await outcome)), 2)
  t.match(await outcome, { upstream: 1, took: 820 })
  t.strictSame(health, [], 'one failure is not a trend')
})

t.test('takes a dead upstream out of rotation, and detects its return by probing', async t => {
  const { time, upstreams, ask, health, forwarder } = await rig(t, [good(1), silent])
  const [first, second] = [upstreams[0]!, upstreams[1]!]
  second.behaviour = query => {
    time.advance(50)
    good(2)(query)
  }
  // Once to each, then to the faster one.
  for (let n = 0; n < 5; n++) await ask(name(n))
  await first.kill()
  const outcome = ask(name(10))
  time.advance(820)
  t.equal(markOf(messageOf(await outcome)), 2, 'one client had to wait')
  t.match(forwarder.states, [
    { health: 'outOfRotation', counts: { timeouts: 1 } },
    { health: 'up' }
  ])
  for (let n = 11; n < 21; n++) t.match(await ask(name(n)), { upstream: 1, took: 50 })

  for (let step = 0; step < 20; step++) time.advance(1000)
  t.strictSame(health, ['down 0'])
  t.match(forwarder.states, [
    { health: 'down', answeredAgo: Number, unavailableFor: Number },
    { health: 'up', answeredAgo: Number, unavailableFor: undefined }
  ])
  const { answeredAgo, unavailableFor } = forwarder.states[0]!
  t.ok(unavailableFor! < answeredAgo!, 'it has not answered since')

  await first.revive()
  for (let step = 0; step < 30 && health.length < 2; step++) {
    time.advance(500)
    await settled()
  }
  t.strictSame(health, ['down 0', 'up 0'], 'without a client query')
  t.match(forwarder.states, [{ health: 'up', unavailableFor: undefined }, { health: 'up' }])
})

t.test('accepts the answer of a slow upstream after failover', async t => {
  const { time, upstreams, ask, forwarder } = await rig(t, [silent])
  const outcome = ask(name(1))
  await upstreams[0]!.sees(1)
  time.advance(820)
  await upstreams[0]!.sees(2)
  const [query] = upstreams[0]!.seen
  query!.send(responseTo(query!.message, { mark: 9 }))
  t.equal(markOf(messageOf(await outcome)), 9)
  t.equal(forwarder.inFlight, 0)
})

t.test('one name that times out does not take an upstream out of rotation', async t => {
  const { time, upstreams, ask, health } = await rig(t, [good(1), good(2)])
  await ask(name(1))
  await ask(name(2))
  for (const upstream of upstreams) {
    const answer = upstream.behaviour
    upstream.behaviour = query => {
      if (labelOf(query.message) !== 'x') answer(query)
    }
  }
  const lost = ask('x.example.com')
  for (let step = 0; step < 6; step++) {
    time.advance(400)
    await ask(name(10 + step))
    time.advance(420)
    await ask(name(20 + step))
  }
  t.match(await lost, { kind: 'failure', ede: 22 })
  t.strictSame(health, [])
})

/** How many names each upstream was queried for. */
const names = (upstreams: readonly BadUpstream[]): number[] =>
  upstreams.map(({ seen }) => new Set(seen.map(({ message }) => labelOf(message))).size)

for (const rcode of [
  ...[RCODE.SERVFAIL, RCODE.REFUSED, RCODE.FORMERR, RCODE.NOTIMP],
  ...[RCODE.NOTAUTH, RCODE.NOTZONE, RCODE.YXRRSET]
]) {
  t.test(`tries each other upstream after RCODE ${rcode}`, async t => {
    const all = [failing(rcode), failing(rcode), good(3)]
    const { ask, upstreams } = await rig(t, all, { cookies: false })
    t.match(await ask(name(1)), { kind: 'response', upstream: 2 })
    t.strictSame(names(upstreams), [1, 1, 1])
  })

  t.test(`returns RCODE ${rcode} if all upstreams return it`, async t => {
    const all = [failing(rcode), failing(rcode), failing(rcode)]
    const { ask, upstreams } = await rig(t, all, { cookies: false })
    const outcome = await ask(name(1))
    t.equal(rcodeOf(messageOf(outcome)), rcode)
    t.strictSame(names(upstreams), [1, 1, 1], 'each was queried for it')
  })
}

t.test('returns NXDOMAIN without trying another upstream', async t => {
  const { ask, upstreams } = await rig(t, [failing(RCODE.NXDOMAIN), good(2)])
  t.equal(rcodeOf(messageOf(await ask(name(1)))), RCODE.NXDOMAIN)
  t.equal(upstreams[1]!.seen.length, 0)
})

t.test('returns an error if the other upstream times out', async t => {
  const { ask, time, upstreams } = await rig(t, [failing(RCODE.SERVFAIL), silent])
  const outcome = ask(name(1))
  await upstreams[1]!.sees(1)
  time.advance(820)
  t.match(await outcome, { kind: 'response', upstream: 0 })
  t.equal(rcodeOf(messageOf(await outcome)), RCODE.SERVFAIL)
})

t.test(
  'before an error is returned, an upstream that is down is tried: it may be up again',
  async t => {
    const { ask, time, upstreams, forwarder } = await rig(t, [silent, good(2)])
    const [recovering, other] = [upstreams[0]!, upstreams[1]!]
    for (let step = 0; step < 200 && forwarder.states[0]!.health !== 'down'; step++) {
      const outcome = ask(name(step))
      time.advance(820)
      await outcome
    }
    t.match(forwarder.states, [{ health: 'down' }, { health: 'up' }])
    recovering.behaviour = good(1)
    other.behaviour = failing(RCODE.SERVFAIL)
    t.equal(markOf(messageOf(await ask('recovered.example.com'))), 1)
    t.match(forwarder.states, [{ health: 'up' }, { health: 'up' }])
  }
)

t.test('an error is returned when the upstreams that are down do not answer, in time', async t => {
  const all = [failing(RCODE.SERVFAIL), ...Array.from({ length: 6 }, () => silent)]
  const { ask, time, upstreams } = await rig(t, all)
  const outcome = ask(name(1))
  await upstreams[0]!.sees(1)
  for (let waited = 0; waited < 4200; waited += 20) {
    time.advance(20)
    await settled()
  }
  t.match(await outcome, { kind: 'response', upstream: 0 })
  t.equal(rcodeOf(messageOf(await outcome)), RCODE.SERVFAIL)
  t.ok((await outcome).took <= 4020, 'within give-up')
})

t.test('takes an upstream that always refuses out of rotation', async t => {
  const { ask, upstreams, time } = await rig(t, [failing(RCODE.REFUSED), good(2)])
  for (let n = 0; n < 60; n++) await ask(name(n))
  const asked = upstreams[0]!.seen.length
  t.ok(asked <= 10, `${asked} queries`)
  time.advance(11_000)
  for (let n = 60; n < 160; n++) await ask(name(n))
  t.ok(upstreams[0]!.seen.length > asked, 'is tried again')
})

t.test('prefers the faster upstream and keeps measuring the slower', async t => {
  const { ask, upstreams, time } = await rig(t, [silent, silent])
  const [fast, slow] = [upstreams[0]!, upstreams[1]!]
  fast.behaviour = query => {
    time.advance(5)
    good(1)(query)
  }
  slow.behaviour = query => {
    time.advance(60)
    good(2)(query)
  }
  for (let n = 0; n < 130; n++) await ask(name(n))
  t.ok(slow.seen.length >= 2 && slow.seen.length <= 6, `${slow.seen.length} of 130`)
  t.match([fast.seen.length + slow.seen.length], [130])
  fast.behaviour = query => {
    time.advance(200)
    good(1)(query)
  }
  for (let n = 130; n < 200; n++) await ask(name(n))
  t.ok(slow.seen.length > 50, 'and changes its mind')
})

t.test(
  'fails within five seconds when all upstreams are dead, and sooner once they are down',
  async t => {
    const { ask, time, upstreams, health } = await rig(t, [silent, silent])
    const first = ask(name(1))
    await Promise.race([upstreams[0]!.sees(1), upstreams[1]!.sees(1)])
    for (let step = 0; step < 5; step++) time.advance(820)
    t.match(await first, { kind: 'failure', ede: 22 })
    t.ok((await first).took < 5000)
    for (let step = 0; step < 30; step++) time.advance(1000)
    t.strictSame([...health].sort(), ['down 0', 'down 1'])
    const second = ask(name(2))
    time.advance(820)
    time.advance(820)
    t.match(await second, { kind: 'failure', ede: 22 })
    t.ok((await second).took < 1700, 'each had one chance')
  }
)

t.test('fails with EDE 23 without an upstream, and not from within the call', async t => {
  const { forwarder, ask } = await rig(t, [])
  const outcome = ask(name(1))
  t.equal(forwarder.inFlight, 0)
  t.match(await outcome, { kind: 'failure', ede: 23, upstream: -1 })
})

t.test('fails with EDE 23 without a socket of the address family', async t => {
  const { ask, health, forwarder } = await rig(t, [], {
    others: [{ address: '2001:db8::1', port: 53 }],
    transport: {
      kind: 'portable',
      sharesPorts: false,
      open: () => {
        throw new Error('address family not supported')
      },
      peer: () => ({}),
      bind: () => Promise.reject(new Error('not used')),
      tcpListen: () => Promise.reject(new Error('not used')),
      probe: () => Promise.resolve()
    }
  })
  for (let n = 0; n < 3; n++) t.match(await ask(name(n)), { kind: 'failure', ede: 23, upstream: 0 })
  t.strictSame(health, ['down 0'])
  t.strictSame(forwarder.upstreams, ['2001:db8::1'])
})
