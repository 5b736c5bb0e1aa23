import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { BadUpstream, good } from '../upstream/bad-upstream.js'
import { askUdp } from './dns-client.js'
import { serving } from './serve.js'

/** How long the upstream takes for all but the first answer. */
const SLOW = 300
const STEP = 50

// Most of each test is waiting for a TTL, so they run side by side.
t.jobs = 2
const parallel = { buffered: true }

type Test = Parameters<typeof serving>[0]

/** Queries until an answer other than the first comes; answers are numbered. */
async function untilRenewed(t: Test, cache: string) {
  const upstream = await BadUpstream.open(query => {
    const mark = upstream.seen.length
    if (mark === 1) good(mark)(query)
    else setTimeout(good(mark), SLOW, query)
  })
  t.teardown(() => upstream.close())
  const { at } = await serving(t, {
    workers: 2,
    upstream: upstream.endpoint,
    // However slow the machine is: no second upstream query, and no stale answer.
    upstreams: 'timeout: 4s, give-up: 4s',
    cache: `max-ttl: 10s, stale-after: 4s, ${cache}`
  })
  /** Previous answers given while the refresh was in flight. */
  let given = 0
  for (let mark = 0; mark < 2;) {
    await sleep(STEP)
    const { answers } = await askUdp(at, 'www.example')
    mark = Number(/192\.0\.2\.(\d+)$/.exec(answers[0] ?? '')![1])
    if (mark < upstream.seen.length) given++
  }
  return { given, asked: upstream.seen.length }
}

t.test('a popular name is refreshed before it expires', parallel, async t => {
  const { given, asked } = await untilRenewed(t, '')
  t.ok(given > 0, 'clients were answered meanwhile')
  t.equal(asked, 2, 'the upstream got one more query, however many clients queried meanwhile')
})

t.test('with prefetch: false it is refreshed when it has expired', parallel, async t => {
  t.strictSame(await untilRenewed(t, 'prefetch: false'), { given: 0, asked: 2 })
})
