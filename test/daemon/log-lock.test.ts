import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { lockLog } from '../../src/querylog/record/lock.js'
import { Rig } from './serve.js'

t.test('a second gateway with the same log folder does not start', async t => {
  const rig = new Rig(t)
  const unlock = lockLog(rig.site.path('queries.jsonl'))
  t.match(await rig.gateway.start(), [{ code: 'LOG_LOCKED' }])
  unlock!()
})

t.test('it locks the folder while it runs, and unlocks it at the end', async t => {
  const rig = new Rig(t)
  t.strictSame(await rig.gateway.start(), [])
  t.throws(() => lockLog(rig.site.path('queries.jsonl')), { code: 'LOG_LOCKED' })
  await rig.gateway.stop()
  t.equal(existsSync(rig.site.path('interdict.lock')), false)
})

t.test('a spool folder belongs to one output of one gateway', async t => {
  const spool = mkdtempSync(join(tmpdir(), 'interdict-spool-'))
  t.teardown(() => rmSync(spool, { recursive: true, force: true }))
  const output = (name: string): string =>
    `{ name: ${name}, type: json, to: 'tcp://127.0.0.1:1', spool: '${spool}' }`
  const first = new Rig(t, { outputs: output('siem') })
  t.strictSame(await first.gateway.start(), [])
  const second = new Rig(t, { outputs: output('tap') })
  t.match(await second.gateway.start(), [{ code: 'OUTPUT_LOCKED' }])
  t.equal(existsSync(second.site.path('interdict.lock')), false, 'the log is unlocked')
  await first.gateway.stop()
  t.equal(existsSync(join(spool, 'interdict.lock')), false)
  const third = new Rig(t, { outputs: `${output('siem')}, ${output('tap')}` })
  t.match(await third.gateway.start(), [{ code: 'OUTPUT_LOCKED', message: /output tap/ }])
})
