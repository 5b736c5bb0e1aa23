import { setTimeout as sleep } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { LOCK } from '../../src/resolver/cache/shard-memory.js'
import { readConfig } from '../../src/gateway/config/load-settings.js'
import { openCaches, SharedCache, shelfSizeOf } from '../../src/gateway/workers/shared-cache.js'
import { WorkerPool } from '../../src/gateway/workers/worker-pool.js'
import { questionKey } from '../../src/wire/dns/message/question.js'
import { createRing } from '../../src/lookups/event/ring.js'
import { BadUpstream, failing, good, silent, type Behaviour } from '../upstream/bad-upstream.js'
import { FakeTime } from '../upstream/fake-time.js'
import { labelOf, nxdomainTo, questionFor } from '../upstream/messages.js'
import { askMany, askUdp } from './dns-client.js'
import { MemoryLog, serving, type Setting } from './serve.js'

/** Workers are chosen by a hash of the port: that all of 48 clients reach one is practically impossible. */
const CLIENTS = 48
const WORKERS = 3
/** How long the upstream takes: longer than 48 queries need to arrive. */
const SLOW = 300

async function sharing(t: Test, behaviour: Behaviour, setting: Setting = {}) {
  const upstream = await BadUpstream.open(behaviour)
  t.teardown(() => upstream.close())
  const rig = await serving(t, { workers: WORKERS, upstream: upstream.endpoint, ...setting })
  return { upstream, rig }
}

t.test('the largest cache of the settings has shelves that fit into an array', t => {
  const read = readConfig('cache: { size: 64 GB }', '/x/interdict.yaml')
  if (!read.ok) throw new Error('settings')
  const { size } = read.config.cache
  t.equal(size, 64 * 2 ** 30)
  // V8 on Node 20: 2^32 elements, before 2^33.
  for (const workers of [1, 2, 64]) t.ok(shelfSizeOf(size, workers) <= 2 ** 30)
  t.equal(shelfSizeOf(2 ** 20, 2), 2 ** 17, 'a quarter for all')
  t.end()
})

t.test('workers that miss at the same time query the upstream once', async t => {
  const behaviours: Readonly<Record<string, Behaviour>> = {
    noerror: good(1),
    nxdomain: query => query.send(nxdomainTo(query.message)),
    servfail: failing(2)
  }
  const { upstream, rig } = await sharing(t, query => {
    setTimeout(behaviours[labelOf(query.message)]!, SLOW, query)
  })
  for (const [label, count] of [
    ['noerror', 1],
    ['nxdomain', 2],
    ['servfail', 3]
  ] as const) {
    for (const it of ['the first answer', 'the cached answer']) {
      const replies = await askMany(rig.at, `${label}.example`, CLIENTS)
      t.ok(
        replies.every(({ rcode }) => rcode === label.toUpperCase()),
        `${label}: ${it}`
      )
      t.equal(upstream.seen.length, count)
    }
  }
})

t.test('workers share a stale answer, and one of them retries the upstream', async t => {
  const { upstream, rig } = await sharing(t, good(1), {
    cache: 'max-ttl: 1s, stale-after: 100ms',
    upstreams: 'timeout: 500ms, give-up: 500ms'
  })
  await askUdp(rig.at, 'www.example')
  upstream.behaviour = silent
  await sleep(1100)
  const before = upstream.seen.length
  const replies = await askMany(rig.at, 'www.example', CLIENTS)
  t.ok(replies.every(({ answers, ede }) => ede === 3 && answers[0]?.endsWith('192.0.2.1')))
  t.equal(upstream.seen.length - before, 1)
})

t.test('when a worker has died, others do not wait for it, and its lock is freed', async t => {
  const log = new MemoryLog()
  const cache = new SharedCache(2 ** 20, 2, log)
  let die = (): void => undefined
  const pool = new WorkerPool({
    startThread: (_file, _data, handlers) => {
      die = () => handlers.exited(new Error('died'))
      return { send: () => undefined, end: () => Promise.resolve() }
    },
    init: { cache: cache.memory } as never,
    rings: [createRing()],
    log,
    onDeath: worker => cache.onDeath(worker),
    onAdopted: () => undefined,
    onProbe: () => undefined,
    onNotify: () => undefined
  })
  const { clock } = new FakeTime()
  const [dead, other] = [0, 1].map(number => openCaches(cache.memory, clock, 0, number))
  const key = questionKey(questionFor('www.example'))
  t.ok(dead!.inFlight!.claim(key))
  t.notOk(other!.inFlight!.claim(key))
  const lock = new Int32Array(cache.memory.answers.shards[0]!)
  lock[LOCK] = 1
  pool.start()
  die()
  t.ok(other!.inFlight!.claim(key))
  t.equal(lock[LOCK], 0)
  t.match(log.with('worker died while writing')[0], { level: 'warn', fields: { worker: 0 } })
})
