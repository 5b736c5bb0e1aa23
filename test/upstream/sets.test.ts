import t from 'tap'
import { setRoute } from '../../src/resolver/upstream/create-forwarder.js'
import type { ForwardedQuestion } from '../../src/resolver/upstream/forwarder.js'
import { BadUpstream, failing, good, silent } from './bad-upstream.js'
import { markOf, questionFor, wire } from './messages.js'
import { messageOf, outcomeOf, rig, settled, type Rig } from './rig.js'

const asked = (forwarders: number, name = 'www.example'): ForwardedQuestion => ({
  ...questionFor(name),
  forwarders
})
const ROOT = wire('')

/** The common upstream is the first one; set 7 has the second for all names, set 8 the third for corp.example. */
async function withSets(t: Parameters<typeof rig>[0]): Promise<Rig> {
  const it = await rig(t, [good(9)])
  const [second, third] = await Promise.all([BadUpstream.open(good(2)), BadUpstream.open(good(3))])
  t.teardown(() => Promise.all([second.close(), third.close()]))
  const upstreams = [...it.upstreams, second, third]
  const sets = [
    { id: 7, domains: [{ name: ROOT, servers: [second.endpoint] }] },
    { id: 8, domains: [{ name: wire('corp.example'), servers: [third.endpoint] }] }
  ]
  it.forwarder.configure({ upstreams: [it.upstreams[0]!.endpoint], sets }, new Set())
  return { ...it, upstreams }
}

t.test('each set has its upstreams, and its queries in flight', async t => {
  const { forwarder, upstreams } = await withSets(t)
  const sets = [asked(0), asked(7), asked(8), asked(8, 'www.corp.example'), asked(7)]
  const outcomes = await Promise.all(sets.map(one => outcomeOf(forwarder, one)))
  t.strictSame(
    outcomes.map(outcome => markOf(messageOf(outcome))),
    [9, 2, 9, 3, 2]
  )
  t.strictSame(
    upstreams.map(({ seen }) => seen.length),
    [2, 1, 1]
  )
})

t.test('a set whose upstreams fail does not fall back', async t => {
  const it = await withSets(t)
  const [common, second] = it.upstreams
  second!.behaviour = silent
  const silence = outcomeOf(it.forwarder, asked(7))
  for (let i = 0; i < 10; i++) {
    await settled()
    it.time.advance(1000)
  }
  t.match(await silence, { kind: 'failure', ede: 22 })
  second!.behaviour = failing(2)
  t.match(await outcomeOf(it.forwarder, asked(7, 'other.example')), { kind: 'response' })
  t.equal(common!.seen.length, 0)
})

t.test('an unknown set fails', async t => {
  const { forwarder, upstreams } = await withSets(t)
  t.match(await outcomeOf(forwarder, asked(-1)), {
    kind: 'failure',
    ede: 23,
    upstream: -1,
    text: /forwarders of the network/
  })
  forwarder.configure({ upstreams: [upstreams[0]!.endpoint] }, new Set())
  t.match(await outcomeOf(forwarder, asked(7)), { kind: 'failure', ede: 23 })
  t.equal(upstreams[0]!.seen.length, 0)
})

t.test('a set whose only route is a forwarding loop fails', async t => {
  const { forwarder, upstreams } = await withSets(t)
  const route = setRoute(7, ROOT, upstreams[1]!.endpoint)
  forwarder.excludeRoutes(new Set([route]))
  t.match(await outcomeOf(forwarder, asked(7)), { kind: 'failure', ede: 23, text: /loop/ })
  t.match(await outcomeOf(forwarder, asked(8)), { kind: 'response' })
  forwarder.excludeRoutes(new Set())
  t.match(await outcomeOf(forwarder, asked(7)), { kind: 'response' })
})
