import t, { type Test } from 'tap'
import { BadUpstream, good } from '../upstream/bad-upstream.js'
import { askMany, askTcp } from './dns-client.js'
import { kinds, serving, type Rig } from './serve.js'
import { banning } from './site.js'

const DIED = 'worker died'

/** No port leads to a dead worker. */
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

/** Waits until the dead worker is restarted and listens. */
async function whole({ log }: Rig, deaths: number): Promise<void> {
  await log.says('worker restarted', deaths)
}

for (const transport of kinds) {
  t.test(`${transport}: a worker dies: the others keep serving, and it is restarted`, async t => {
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
    t.equal(log.with(DIED).length, 3, 'each death is logged once')
  })

  t.test(`${transport}: a worker dies while it waits for upstreams`, async t => {
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
      'it is restarted, with upstream sockets'
    )
    await lost
  })
}

t.test('a restarted worker has the active rules', async t => {
  const rig = await serving(t, { workers: 2 })
  rig.site.write('rules/networks.yaml', banning('other.example'))
  await rig.generation(2)
  await rig.threads.kill('worker')
  await whole(rig, 1)
  const replies = await askMany(rig.at, 'other.example', 32)
  t.ok(replies.every(({ rcode }) => rcode === 'NXDOMAIN'))
})
