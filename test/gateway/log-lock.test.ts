import { existsSync } from 'node:fs'
import t from 'tap'
import { lockLog } from '../../src/log/lock.js'
import { Rig } from './serve.js'

t.test('a second one in the same folder does not start', async t => {
  const rig = new Rig(t)
  const unlock = lockLog(rig.site.path('queries.jsonl'))
  t.match(await rig.gateway.start(), [{ code: 'LOG_LOCKED' }])
  unlock!()
})

t.test('it has the folder while it runs, and gives it up at the end', async t => {
  const rig = new Rig(t)
  t.strictSame(await rig.gateway.start(), [])
  t.throws(() => lockLog(rig.site.path('queries.jsonl')), { code: 'LOG_LOCKED' })
  await rig.gateway.stop()
  t.equal(existsSync(rig.site.path('interdict.lock')), false)
})
