import t, { type Test } from 'tap'
import { BadUpstream, good, type Seen } from '../upstream/bad-upstream.js'
import { askUdp } from './dns-client.js'
import { serving } from './serve.js'
import { eventually } from './site.js'

/** In milliseconds after a first answer with a TTL of 10 s: in its last tenth, and after its end. */
const ALMOST_EXPIRED = 9_300
const EXPIRED = 10_100

/** A gateway with an answer of this age, whose upstream keeps the next query until it is released. */
async function holding(t: Test, cache: string, age: number) {
  const held: Seen[] = []
  const upstream = await BadUpstream.open(query => {
    if (upstream.seen.length === 1) good(1)(query)
    else held.push(query)
  })
  t.teardown(() => upstream.close())
  const { at, threads } = await serving(t, {
    workers: 2,
    upstream: upstream.endpoint,
    // However slow the machine is: no second upstream query, and no stale answer.
    upstreams: 'timeout: 4s, give-up: 4s',
    cache: `max-ttl: 10s, stale-after: 4s, ${cache}`
  })
  const answers = async (): Promise<readonly string[]> => (await askUdp(at, 'www.example')).answers
  // Answers are refreshed early only if they have been served from the cache before.
  for (let i = 0; i < 3; i++) t.match(await answers(), [/192\.0\.2\.1$/])
  await threads.letPass(age)
  const release = (): void => held.forEach(good(2))
  return { answers, upstream, release }
}

t.test('a popular name is refreshed before it expires', async t => {
  const { answers, upstream, release } = await holding(t, '', ALMOST_EXPIRED)
  t.match(await answers(), [/192\.0\.2\.1$/])
  await upstream.sees(2)
  for (let i = 0; i < 5; i++) {
    t.match(await answers(), [/192\.0\.2\.1$/], 'clients are answered meanwhile')
  }
  release()
  await eventually('the new answer', async () => ((await answers())[0] ?? '').endsWith('192.0.2.2'))
  t.equal(
    upstream.seen.length,
    2,
    'the upstream got one more query, however many clients there were'
  )
})

t.test('with prefetch: false it is refreshed when it has expired', async t => {
  const early = await holding(t, 'prefetch: false', ALMOST_EXPIRED)
  t.match(await early.answers(), [/192\.0\.2\.1$/])
  t.equal(early.upstream.seen.length, 1)
  const late = await holding(t, 'prefetch: false', EXPIRED)
  const answers = late.answers()
  await late.upstream.sees(2)
  late.release()
  t.match(await answers, [/192\.0\.2\.2$/])
})
