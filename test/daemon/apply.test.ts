import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { sendAdminRequest } from '../../src/gateway/socket/admin-client.js'
import type { AdminRequest, ApplyResult } from '../../src/gateway/socket/admin-protocol.js'
import type { StatusReply } from '../../src/gateway/status/health.js'
import { banned } from './banned.js'
import { Rig, serving } from './serve.js'
import { banning, eventually } from './site.js'

const NETWORKS = 'rules/networks.yaml'
const MORE = 'rules: { folder: rules, activate: manual }\nadmin: { socket: admin.sock }'
const FILES = {
  [NETWORKS]: banning('banned.example'),
  'rules/tests/a.yaml':
    'tests:\n  - title: any\n    rows:\n      - [127.0.0.1, banned.example, nxdomain]\n'
}
const BOTH = banning('banned.example', 'other.example')

async function ask<Result>({ site }: Rig, request: AdminRequest): Promise<Result> {
  const reply = await sendAdminRequest<Result>(site.path('admin.sock'), request, 60_000)
  if (!reply.ok) throw new Error(`${reply.code} ${reply.message}`)
  return reply.result
}

const statusOf = (rig: Rig): Promise<StatusReply> => ask(rig, { do: 'status' })
const apply = (rig: Rig, sha256?: string): Promise<ApplyResult> => ask(rig, { do: 'apply', sha256 })

/** Waits until saved rules wait. @returns their SHA-256 */
async function waiting(rig: Rig, not?: string): Promise<string> {
  let sha256: string | null = null
  await eventually('waiting rules', async () => {
    sha256 = (await statusOf(rig)).rules.waiting?.sha256 ?? null
    return sha256 !== null && sha256 !== not
  })
  return sha256!
}

t.test('saved rules wait until exactly these are applied', async t => {
  const rig = await serving(t, { files: FILES, more: MORE })
  t.match((await statusOf(rig)).rules, { waiting: null, tests: { passed: 1 } })
  rig.site.write(NETWORKS, BOTH)
  const planned = await waiting(rig)
  t.notOk(await banned(rig, 'other.example'))
  t.match((await statusOf(rig)).health, {
    problems: [{ code: 'RULES_WAITING', message: new RegExp(`since .*SHA-256 ${planned}`) }]
  })
  await rig.gateway.reload('SIGHUP')
  t.equal(rig.gateway.rules.generation, 1, 'a reload only checks')

  rig.site.write(NETWORKS, banning('banned.example', 'third.example'))
  const later = await waiting(rig, planned)
  t.match(await apply(rig, planned), { sha256: null, errors: [{ code: 'APPLY_CHANGED' }] })
  t.equal(rig.gateway.rules.generation, 1)
  t.strictSame(await apply(rig, later), { sha256: later, errors: [] })
  t.ok(await banned(rig, 'third.example'))
  t.equal(rig.gateway.rules.origin.sha256, later, 'the SHA-256 that was planned is in force')
  t.match((await statusOf(rig)).rules.waiting, null)
})

t.test('rules that fail their tests are not applied, and a restart serves what was', async t => {
  const rig = await serving(t, { files: FILES, more: MORE })
  rig.site.write(NETWORKS, banning('other.example'))
  const planned = await waiting(rig)
  t.match(await apply(rig, planned), {
    sha256: null,
    errors: [{ code: 'POLICY_TEST', message: /rules\/tests\/a\.yaml:4:/ }]
  })
  t.ok(await banned(rig, 'banned.example'))
  t.equal(await waiting(rig), planned, 'they still wait')
  rig.site.write(NETWORKS, 'networks: many\n')
  await eventually('errors', async () => (await statusOf(rig)).rules.waiting?.errors === 1)
  t.match(await apply(rig), { sha256: null, errors: [{ code: 'DOCUMENT_INVALID' }] })
  t.notOk(rig.site.has('state/applied/rules.previous'))

  await rig.gateway.stop()
  const files = Object.fromEntries(
    ['networks.yaml', 'tests/a.yaml'].flatMap(name => [
      [`state/applied/rules/${name}`, rig.site.read(`state/applied/rules/${name}`)],
      [`rules/${name}`, rig.site.read(`rules/${name}`)]
    ])
  )
  const next = await serving(t, { files, more: MORE })
  t.ok(await banned(next, 'banned.example'))
  t.match((await statusOf(next)).rules.waiting, { sha256: null, errors: 1 })
})

t.test('a file outside the folder cannot be applied; saved rules cannot, either', async t => {
  const list = `    block: [{ lists: [bad] }]\nlists:\n  bad: { file: ../bad.txt }\n`
  const files = { ...FILES, 'bad.txt': 'one.example\n' }
  const rig = await serving(t, { files, more: MORE })
  rig.site.write(NETWORKS, banning('banned.example') + list)
  await eventually('errors', async () => (await statusOf(rig)).rules.waiting?.errors === 1)
  t.match(await apply(rig), { sha256: null, errors: [{ code: 'RULES_UNREADABLE' }] })
  const onSave = await serving(t, { files: FILES, more: 'admin: { socket: admin.sock }' })
  await t.rejects(apply(onSave), /APPLY_OFF/)
})

t.test('a file that changes during an application that fails is read again', async t => {
  const rig = await serving(t, { files: FILES, more: MORE })
  const errors = async (): Promise<number> => (await statusOf(rig)).rules.waiting?.errors ?? 0
  // Changes are noticed some 50 ms later: before, during and after the application.
  for (const delay of [0, 20, 40, 45, 50, 55, 60]) {
    rig.site.write(NETWORKS, 'networks: many\n')
    await sleep(delay)
    const [result] = await Promise.all([
      apply(rig, 'f'.repeat(64)),
      apply(rig).catch(() => undefined)
    ])
    t.match(result, { sha256: null })
    await eventually('the errors of the file', async () => (await errors()) === 1)
    rig.site.write(NETWORKS, BOTH)
    await eventually('no errors', async () => (await errors()) === 0)
  }
})
