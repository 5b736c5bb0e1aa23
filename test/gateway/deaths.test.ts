import t, { type Test } from 'tap'
import { BadUpstream, good } from '../upstream/bad-upstream.js'
import { askMany, askTcp, askUdp } from './asker.js'
import { kinds, serving, type Rig } from './serve.js'
import { banning, eventually } from './site.js'

const DIED = 'a worker died'

/** That no port leads to a worker that is no more. */
async function noBlackHole(t: Test, { at }: Rig, when: string): Promise<void> {
  const overUdp = await askMany(at, 'banned.example', 64)
  t.ok(
    overUdp.every(({ rcode }) => rcode === 'NXDOMAIN'),
    `${when}: all are answered over UDP`
  )
  const overTcp = await Promise.all(Array.from({ length: 16 }, () => askTcp(at, 'banned.example')))
  t.ok(
    overTcp.every(({ rcode }) => rcode === 'NXDOMAIN'),
    `${when}: and over TCP`
  )
}

/** Waits until the worker that died is replaced, and the new one listens. */
async function whole({ log }: Rig, deaths: number): Promise<void> {
  await log.says('the worker is replaced', deaths)
}

for (const transport of kinds) {
  t.test(`${transport}: a worker dies: the others go on, and it is replaced`, async t => {
    const rig = await serving(t, { transport, workers: 2 })
    const { threads, log, gateway } = rig
    for (let round = 1; round <= 3; round++) {
      await threads.kill('worker')
      const { level, fields } = await log.says(DIED, round)
      t.match({ level, fields }, { level: 'error', fields: { worker: Number, restartMs: Number } })
      if (gateway.workers > 1) await noBlackHole(t, rig, `${round}: right after`)
      await whole(rig, round)
      await noBlackHole(t, rig, `${round}: when it is replaced`)
    }
    t.equal(log.with(DIED).length, 3, 'each death is told once')
  })

  t.test(`${transport}: a worker dies that waits for upstreams`, async t => {
    const upstream = await BadUpstream.open(() => undefined)
    t.teardown(() => upstream.close())
    const rig = await serving(t, { transport, workers: 2, upstream: upstream.endpoint })
    const lost = askMany(rig.at, 'slow.example', 8, { patience: 1000 }).catch(() => 'lost')
    await upstream.sees(1)
    await rig.threads.kill('worker')
    await whole(rig, 1)
    upstream.behaviour = good(7)
    const replies = await askMany(rig.at, 'other.example', 32)
    t.ok(
      replies.every(({ answers }) => answers[0]?.endsWith('192.0.2.7')),
      'its place is taken, upstream sockets and all'
    )
    await lost
  })
}

t.test('a replaced worker has the rules that are in force by then', async t => {
  const rig = await serving(t, { workers: 2 })
  rig.site.write('rules/networks.yaml', banning('other.example'))
  await rig.generation(2)
  await rig.threads.kill('worker')
  await whole(rig, 1)
  const replies = await askMany(rig.at, 'other.example', 32)
  t.ok(replies.every(({ rcode }) => rcode === 'NXDOMAIN'))
})

t.test('the recorder dies: answers go on, and records come again', async t => {
  const { threads, log, site, at, gateway } = await serving(t)
  await askUdp(at, 'one.banned.example')
  await eventually('the first record', () => site.records().length === 1)
  await threads.kill('recorder')
  await askUdp(at, 'two.banned.example')
  const { level } = await log.says('the recorder died')
  t.equal(level, 'error')
  await askUdp(at, 'three.banned.example')
  await eventually('all records', () => site.records().length === 3)
  t.strictSame(
    site
      .records()
      .map(({ qname }) => qname)
      .sort(),
    ['one.banned.example', 'three.banned.example', 'two.banned.example']
  )
  t.ok(
    site.records().every(({ rule }) => rule !== undefined),
    'the new one knows the rules'
  )
  await gateway.stop()
  t.equal(site.records().length, 3)
})

t.test('the recorder dies at the end: what was recorded is written all the same', async t => {
  const { threads, site, at, gateway } = await serving(t)
  await threads.kill('recorder')
  await askMany(at, 'banned.example', 20)
  await gateway.stop()
  t.equal(site.records().length, 20)
})

t.test('the compiler dies idle: the next reload works', async t => {
  const rig = await serving(t)
  await rig.gateway.reload('SIGHUP')
  await rig.threads.kill('compiler')
  await rig.log.says('the compiler died')
  t.equal((await askUdp(rig.at, 'banned.example')).rcode, 'NXDOMAIN', 'the rules stay in force')
  rig.site.write('rules/networks.yaml', banning('other.example'))
  await rig.generation(2)
  t.equal((await askUdp(rig.at, 'other.example')).rcode, 'NXDOMAIN')
  const { fields } = await rig.log.says('rules in force', 2)
  t.match(fields, { changes: { names: { added: 1, removed: 1 } } }, 'it knows what was before')
})

t.test('the compiler dies twice at the same work: later it is tried again', async t => {
  const rig = await serving(t)
  const reloaded = rig.gateway.reload('SIGHUP')
  await rig.threads.kill('compiler')
  await rig.threads.kill('compiler')
  await reloaded
  await rig.log.says('were not accepted')
  t.equal((await askUdp(rig.at, 'banned.example')).rcode, 'NXDOMAIN', 'the rules stay in force')
  const { fields, message } = await rig.log.says('unchanged')
  t.match(fields, { reason: 'they could not be read' })
  t.match(message, 'good again')
})

t.test('the compiler dies at work: another does the same work', async t => {
  const rig = await serving(t)
  rig.site.write('rules/networks.yaml', banning('other.example'))
  const reloaded = rig.gateway.reload('SIGHUP')
  await rig.threads.kill('compiler')
  await reloaded
  await rig.generation(2)
  t.equal((await askUdp(rig.at, 'other.example')).rcode, 'NXDOMAIN')
})
