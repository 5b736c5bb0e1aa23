import { cpSync, rmSync } from 'node:fs'
import t from 'tap'
import { withHealth } from '../../src/gateway/status/health.js'
import { historyFolder } from '../../src/policy/history/history-folder.js'
import { RulesHistory } from '../../src/policy/history/rules-history.js'
import { banned } from './banned.js'
import { serving, type Rig } from './serve.js'
import { banning, eventually } from './site.js'

const NETWORKS = 'rules/networks.yaml'
const WRITTEN = 'history of rules written again'
const BLOCKING = `networks:
  all: { prefixes: [127.0.0.0/8], block: [{ id: noise, names: [noise.example] }] }
`

const historyOf = (rig: Rig): Promise<RulesHistory> =>
  RulesHistory.open(historyFolder(rig.site.path('state')))

/** Waits until the history has so many events. */
async function events(rig: Rig, count: number) {
  let found = await historyOf(rig)
  await eventually(`${count} events`, async () => {
    found = await historyOf(rig)
    return found.stretches.length >= count
  })
  return found.stretches
}

/** As the HTTP API does. */
async function pause(rig: Rig, rule: string, seconds: number, by: string): Promise<void> {
  const { parts } = rig.gateway as unknown as {
    parts: { reloader: { pause(wanted: object): Promise<unknown> } }
  }
  await parts.reloader.pause({ rule, seconds, by, reason: 'ticket 7' })
}

async function problems(rig: Rig): Promise<readonly string[]> {
  const { health } = withHealth(await rig.gateway.status())
  return health.problems.map(({ code }) => code)
}

t.test('the start and each reload are recorded, with what caused and what changed', async t => {
  const rig = await serving(t)
  const [first] = await events(rig, 1)
  const { sha256 } = rig.gateway.rules.origin
  t.match(first, { event: { event: 'start', reason: 'startup', sha256, by: null, pauses: [] } })
  rig.site.write(NETWORKS, banning('other.example'))
  await rig.generation(2)
  const [, second] = await events(rig, 2)
  t.match(second!.event, {
    ...{ event: 'reload', reason: 'file changed', sha256: rig.gateway.rules.origin.sha256 },
    ...{ changed: ['networks.yaml'], summary: /name added/, generation: 2 }
  })
  t.equal((await second!.version!.file('networks.yaml'))?.toString(), banning('other.example'))
  t.equal((await first!.version!.file('networks.yaml'))?.toString(), banning('banned.example'))
  await rig.gateway.reload('SIGHUP')
  t.equal((await historyOf(rig)).stretches.length, 2, 'nothing has changed')
  await rig.gateway.stop()
  t.match((await historyOf(rig)).stretches.at(-1)!.event, { event: 'stop' })
  t.notOk((await problems(rig)).includes('HISTORY_GAP'))
})

t.test('settings that decide are recorded, others are not', async t => {
  const rig = await serving(t, { reloads: true })
  await events(rig, 1)
  const settings = rig.site.read('interdict.yaml')
  rig.site.write('interdict.yaml', `${settings}rebinding-guard: { enabled: true }\n`)
  const [, event] = await events(rig, 2)
  t.match(event!.event, { event: 'settings' })
  t.match(JSON.parse((await event!.version!.settings())!), { rebindingGuard: { enabled: true } })
  rig.site.write('interdict.yaml', settings.replace('grace: 5s', 'grace: 4s'))
  await eventually('the guard is off', async () => (await historyOf(rig)).stretches.length === 3)
  rig.site.write('interdict.yaml', settings)
  await rig.log.says('settings reloaded', 3)
  t.equal((await historyOf(rig)).stretches.length, 3)
})

t.test(
  'a history that cannot be written delays no rules; health says so until it is complete',
  async t => {
    const rig = await serving(t, {}, ({ site }) => site.write('state/history', 'in the way'))
    await rig.log.says('cannot write the history of rules')
    rig.site.write(NETWORKS, banning('other.example'))
    await rig.generation(2)
    t.ok(await banned(rig, 'other.example'), 'in force')
    t.ok((await problems(rig)).includes('HISTORY_GAP'))
    t.equal(
      withHealth(await rig.gateway.status()).health.problems.find(
        ({ code }) => code === 'RULES_REFUSED'
      ),
      undefined
    )
    rmSync(rig.site.path('state/history'))
    await rig.log.says(WRITTEN)
    const stretches = await events(rig, 2)
    t.match(
      stretches.map(({ event }) => event.event),
      ['start', 'reload']
    )
    for (const { version } of stretches) t.strictSame(await version!.missing(), [], 'both in full')
    t.notOk((await problems(rig)).includes('HISTORY_GAP'))
    t.equal(rig.log.with('cannot write the history').length, 1, 'logged once')
  }
)

t.test('a compiler thread that dies before it has written: the files are read again', async t => {
  const rig = await serving(t, { ownThreads: true }, ({ site }) => site.write('state/history', 'x'))
  await rig.log.says('cannot write the history of rules')
  await rig.threads.kill('compiler')
  rmSync(rig.site.path('state/history'))
  await rig.log.says(WRITTEN)
  const { latest } = await historyOf(rig)
  t.strictSame(await latest!.version.missing(), [])
})

t.test('a compiler thread that does not record delays no rules', async t => {
  const rig = await serving(t, {}, ({ threads }) => {
    threads.lost = ({ kind }) => kind === 'record'
  })
  for (let round = 2; round < 5; round++) {
    rig.site.write(NETWORKS, banning(`r${round}.example`))
    await rig.generation(round)
  }
  t.ok(await banned(rig, 'r4.example'))
})

t.test('a pause is recorded with who has asked for it', async t => {
  const rig = await serving(t, { files: { [NETWORKS]: BLOCKING } })
  await events(rig, 1)
  await pause(rig, 'noise', 60, 'user:alice')
  const [, paused] = await events(rig, 2)
  const stored = { rule: 'noise', by: 'user:alice', reason: 'ticket 7' }
  t.match(paused!.event, { event: 'pause', by: 'user:alice', pauses: [stored] })
  await pause(rig, 'noise', 0, 'user:alice')
  const [, , resumed] = await events(rig, 3)
  t.match(resumed!.event, { event: 'pause', pauses: [] })
})

t.test('a restart continues a pause, and its end is recorded', async t => {
  const began = performance.now()
  const first = await serving(t, { files: { [NETWORKS]: BLOCKING } })
  await events(first, 1)
  // Longer than another start takes, however busy the machine is.
  const seconds = 3 + Math.ceil((5 * (performance.now() - began)) / 1000)
  const { sha256 } = first.gateway.rules.origin
  await pause(first, 'noise', seconds, 'user:alice')
  await events(first, 2)
  t.ok((await problems(first)).includes('BLOCK_PAUSED'))
  await first.gateway.stop()
  const rig = await serving(t, { files: { [NETWORKS]: BLOCKING } }, ({ site }) =>
    cpSync(first.site.path('state/history'), site.path('state/history'), { recursive: true })
  )
  const { enforcement, rules } = withHealth(await rig.gateway.status())
  t.equal(rules.sha256, sha256, 'the rules are the same')
  const found = enforcement.against.filter(({ kind }) => kind === 'pause')
  t.match(found, [
    {
      ...{ kind: 'pause', code: 'BLOCK_PAUSED', subject: 'noise', by: 'user:alice' },
      ...{ reason: 'ticket 7', until: /^20/ }
    }
  ])
  t.ok(rig.log.lines.some(({ message }) => message === 'pause continues after the restart'))
  await eventually('the end is recorded', async () => {
    const { event } = (await historyOf(rig)).stretches.at(-1)!
    return event.event === 'pause' && 'pauses' in event && event.pauses.length === 0
  })
  t.notOk((await problems(rig)).includes('BLOCK_PAUSED'))
})
