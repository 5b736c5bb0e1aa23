import t from 'tap'
import type { UpstreamOutcome } from '../../src/resolver/upstream/forwarder.js'
import { good, silent, truncating } from './bad-upstream.js'
import { questionFor, markOf, responseTo } from './messages.js'
import { messageOf, rig, settled, outcomeOf } from './rig.js'

t.test('equal questions in flight share one upstream query', async t => {
  const { ask, upstreams, forwarder } = await rig(t, [good(7)])
  const outcomes = await Promise.all(Array.from({ length: 50 }, () => ask('www.example.com')))
  t.equal(upstreams[0]!.seen.length, 1)
  t.ok(outcomes.every(outcome => outcome === outcomes[0]))
  t.equal(markOf(messageOf(outcomes[0]!)), 7)
  t.match(forwarder.counts, { queries: 1, shared: 49 })
  await ask('www.example.com')
  t.equal(upstreams[0]!.seen.length, 2, 'nothing is kept')
})

t.test('names in different letter case share one upstream query', async t => {
  const { ask, upstreams } = await rig(t, [good()], { caseRandomization: false })
  await Promise.all(['www.example.com', 'WWW.example.COM', 'wWw.eXaMpLe.com'].map(ask))
  t.equal(upstreams[0]!.seen.length, 1)
})

t.test('types that differ only in the case bit do not share', async t => {
  const { forwarder, upstreams } = await rig(t, [good()])
  const outcomes = [65, 97].map(qtype =>
    outcomeOf(forwarder, questionFor('www.example.com', qtype))
  )
  await Promise.all(outcomes)
  t.equal(upstreams[0]!.seen.length, 2)
})

t.test('questions with and without DO do not share', async t => {
  const { forwarder, upstreams } = await rig(t, [good()])
  const question = questionFor('www.example.com')
  let answered = 0
  const waiter = { onOutcome: () => answered++ }
  forwarder.forward(question, waiter)
  forwarder.forward({ ...questionFor('www.example.com'), dnssecOk: true }, waiter)
  t.equal(forwarder.inFlight, 2)
  while (answered < 2) await settled()
  t.equal(upstreams[0]!.seen.length, 2)
})

t.test('fails waiters above the limit of one upstream query, and only those', async t => {
  const { ask, forwarder, upstreams } = await rig(t, [silent], { limits: { maxWaiters: 3 } })
  const outcomes = Array.from({ length: 5 }, () => ask('www.example.com'))
  t.match(await Promise.all(outcomes.slice(3)), [{ kind: 'failure' }, { kind: 'failure' }])
  await upstreams[0]!.sees(1)
  const [query] = upstreams[0]!.seen
  query!.send(responseTo(query!.message))
  for (const outcome of outcomes.slice(0, 3)) t.match(await outcome, { kind: 'response' })
  t.equal(forwarder.counts.rejected, 2)
})

t.test('fails upstream queries above the limit', async t => {
  const { ask, forwarder } = await rig(t, [silent], { limits: { maxInFlight: 4 } })
  for (let n = 0; n < 4; n++) void ask(`n${n}.example.com`)
  t.match(await ask('n4.example.com'), { kind: 'failure', ede: 22, upstream: -1 })
  t.match(forwarder, { inFlight: 4, counts: { rejected: 1, queries: 4 } })
})

t.test('a waiter may forward again from its outcome handler', async t => {
  const { forwarder, ask, upstreams } = await rig(t, [good(3)])
  const again = new Promise<UpstreamOutcome>(done => {
    forwarder.forward(questionFor('www.example.com'), {
      onOutcome() {
        forwarder.forward(questionFor('www.example.com'), { onOutcome: done })
      }
    })
  })
  t.equal(markOf(messageOf(await again)), 3)
  await ask('ftp.example.com')
  t.equal(upstreams[0]!.seen.length, 3)
})

const closings = [
  { it: 'over UDP', behaviour: silent, queries: 1 },
  { it: 'over TCP', behaviour: truncating(silent), queries: 2 }
]

for (const { it, behaviour, queries } of closings) {
  t.test(`fails all waiters ${it} once when it is closed`, async t => {
    const { forwarder, upstreams, time } = await rig(t, [behaviour])
    const outcomes: UpstreamOutcome[] = []
    const waiter = { onOutcome: (outcome: UpstreamOutcome) => outcomes.push(outcome) }
    for (let n = 0; n < 3; n++) forwarder.forward(questionFor('a.example.com'), waiter)
    forwarder.forward(questionFor('b.example.com'), waiter)
    await upstreams[0]!.sees(2 * queries)
    forwarder.close()
    t.match(outcomes, Array<object>(4).fill({ kind: 'failure' }))
    t.equal(forwarder.inFlight, 0)
    const [query] = upstreams[0]!.seen
    query!.send(responseTo(query!.message))
    time.advance(10_000)
    await settled()
    t.equal(outcomes.length, 4)
    t.equal(time.waiting, 0, 'no timer is left')
  })
}

t.test('fails questions after it was closed, asynchronously', async t => {
  const { forwarder, ask } = await rig(t, [good()])
  forwarder.close()
  const outcome = ask('www.example.com')
  t.equal(forwarder.inFlight, 0)
  t.match(await outcome, { kind: 'failure' })
})
