import { appendFileSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { ChangeLog, changesFile, type Change } from '../../../src/admin/audit/change-log.js'
import { FileChanges, watchFiles } from '../../../src/admin/audit/watch-files.js'
import type { StatusReply } from '../../../src/gateway/status/health.js'
import { ROUTES } from '../../../src/admin/api/routes.js'
import { textsIn } from '../../web/texts.js'
import { eventually } from '../site.js'
import { MemoryLog } from '../serve.js'
import { apiRig } from './rig.js'
import { activeRules, serving, STATUS } from './services.js'

const clock = { now: () => 0, wall: () => Date.parse('2026-01-01T00:00:00Z') }
const change = (subject: string): Omit<Change, 'at'> => {
  return { by: 'alice', operation: 'flushCache', subject, code: null }
}

t.test('changes are kept over a restart, the newest first', async t => {
  const path = changesFile(join(t.testdir(), 'state'))
  const log = new MemoryLog()
  const first = new ChangeLog(path, clock, log)
  first.record(change('a'))
  first.record(change('b'))
  t.equal(statSync(path).mode & 0o777, 0o600)
  appendFileSync(path, 'null\n{"at":"x","operation":"y"}\n{"at":"2026')
  const second = new ChangeLog(path, clock, log)
  t.match(second.newest, [
    { at: 'x', by: null, operation: 'y', subject: '', code: null },
    { subject: 'b', at: '2026-01-01T00:00:00.000Z' },
    { subject: 'a' }
  ])
  t.strictSame(log.lines, [])
})

t.test('a change after part of a line is not lost', async t => {
  const path = changesFile(join(t.testdir(), 'state'))
  const log = new MemoryLog()
  new ChangeLog(path, clock, log).record(change('a'))
  appendFileSync(path, '{"at":"2026')
  const second = new ChangeLog(path, clock, log)
  second.record(change('b'))
  second.record(change('c'))
  t.match(new ChangeLog(path, clock, log).newest, [
    { subject: 'c' },
    { subject: 'b' },
    { subject: 'a' }
  ])
  t.equal(readFileSync(path, 'utf8').split('\n').length, 5, 'no empty lines')
})

t.test('only the last 1,000 are kept', async t => {
  const path = changesFile(t.testdir())
  const changes = new ChangeLog(path, clock, new MemoryLog())
  for (let i = 0; i < 2_001; i++) changes.record(change(String(i)))
  t.strictSame([changes.newest.length, changes.newest[0]!.subject], [1_000, '2000'])
  t.equal(readFileSync(path, 'utf8').split('\n').length, 1_001)
})

t.test('a change that cannot be stored is in memory, and logged', async t => {
  const log = new MemoryLog()
  const changes = new ChangeLog(t.testdir({ folder: {} }) + '/folder', clock, log)
  changes.record(change('a'))
  t.equal(changes.newest.length, 1)
  t.match(log.lines.at(-1), { level: 'warn', message: 'cannot store a change' })
})

t.test('rules and settings that change in files', async t => {
  const changes = new ChangeLog(undefined, clock, new MemoryLog())
  const files = new FileChanges(changes)
  const { rules } = STATUS
  const reload = (outcome: 'accepted' | 'refused', at: string) => {
    return { at, reason: 'file changed', outcome, errors: 0, first: [], attempts: 1 }
  }
  const settings = { file: 'interdict.yaml', sha256: 'a', generation: 1, since: '', restart: [] }
  const see = (given: object, more: object = { reload: null }): void =>
    files.see({
      rules: { ...rules, ...given },
      settings: { ...settings, ...more }
    } as unknown as StatusReply)
  see({})
  see({})
  t.strictSame(changes.newest, [], 'nothing has changed')
  see({ sha256: 'b', bundle: { serial: 7 } })
  see({ sha256: 'c' }, { sha256: 'b', reload: null })
  const error = { code: 'RULES_YAML', message: 'networks.yaml:1:1: no' }
  const refused = { ...reload('refused', '1'), first: [error] }
  see({ sha256: 'c', reload: refused }, { sha256: 'b', reload: reload('refused', '2') })
  see({ sha256: 'c', reload: refused }, { sha256: 'b', reload: reload('refused', '2') })
  t.match(changes.newest, [
    { operation: 'settings', subject: '', code: 'FAULT' },
    { operation: 'rules', subject: 'networks.yaml:1:1: no', code: 'RULES_YAML' },
    { operation: 'settings', subject: 'interdict.yaml', code: null, by: null },
    { operation: 'rules', subject: 'SHA-256 c' },
    { operation: 'rules', subject: 'serial 7, SHA-256 b' }
  ])
  t.equal(changes.newest.length, 5)
  files.see({ ...STATUS, settings: null })
})

t.test('the status is looked at, if there is one', async t => {
  const changes = new ChangeLog(undefined, clock, new MemoryLog())
  let asked = 0
  watchFiles(changes, async () => (++asked === 1 ? undefined : STATUS))
  watchFiles(changes, async () => (++asked, STATUS))
  await eventually('both asked', () => asked === 2)
  t.strictSame(changes.newest, [])
})

t.test('each change has a text in the dashboard; checks and own jobs are none', async t => {
  const changes = ROUTES.filter(({ method, isChange }) => method !== 'GET' && isChange !== false)
  const without = changes.filter(({ id }) => !(`operation.${id}` in textsIn('en')))
  t.strictSame(without, [])
  const rig = await apiRig(t, { services: serving(t, await activeRules(t)) })
  const token = rig.token('bob', ['read'])
  const id = '00000000-0000-4000-8000-000000000000'
  const sent = await rig.send({ url: `/api/v1/jobs/${id}`, method: 'DELETE', token })
  t.equal(sent.statusCode, 404)
  const { body } = await rig.send({ url: '/api/v1/changes', token })
  t.match(JSON.parse(body), { total: 0, items: [] })
})

t.test('what is changed through the API is recorded with who did it', async t => {
  const rig = await apiRig(t, { services: serving(t, await activeRules(t)) })
  const token = rig.token('bob', ['read', 'operate'])
  const url = '/api/v1/rules/ads/pause'
  await rig.send({ url, method: 'PUT', payload: { minutes: 5, reason: 'ticket 7' }, token })
  await rig.send({ url, method: 'PUT', payload: { minutes: 0, reason: 'ticket 7' }, token })
  await rig.send({ url, method: 'PUT', payload: { minutes: 5, reason: 'ticket 7' } })
  const { body } = await rig.send({ url: '/api/v1/changes', token })
  t.match(JSON.parse(body), {
    total: 2,
    items: [
      { by: 'bob', operation: 'pauseRule', subject: url, code: 'API_REQUEST' },
      { by: 'bob', operation: 'pauseRule', subject: url, code: null, reason: 'ticket 7' }
    ]
  })
})

t.test(
  'a token without the scope is named where it is refused, and cannot fill the trail',
  async t => {
    const rig = await apiRig(t, { services: serving(t, await activeRules(t)) })
    const token = rig.token('eve', ['read'])
    const url = '/api/v1/rules/ads/pause'
    const refuse = (): Promise<unknown> =>
      rig.send({ url, method: 'PUT', payload: { minutes: 5, reason: 'ticket 7' }, token })
    await refuse()
    await refuse()
    const logged = rig.log.lines.filter(({ message }) => message.endsWith('API refused'))
    t.match(logged, [{ fields: { by: 'eve', code: 'API_SCOPE', operation: 'pauseRule' } }, {}])
    const refused = { by: 'eve', operation: 'pauseRule', subject: url, code: 'API_SCOPE' }
    t.match(rig.changes.newest, [refused])
    t.equal(rig.changes.newest.length, 1)
    rig.clock.time += 3_600_001
    await refuse()
    t.equal(rig.changes.newest.length, 2, 'again after an hour')
  }
)
