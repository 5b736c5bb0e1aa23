import { createHash } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { cpuTime } from '../../src/base/system/cpu-time.js'

t.test('CPU time grows with work', async t => {
  const start = cpuTime()
  const octets = new Uint8Array(1_000_000)
  // The kernel may update it only with its clock ticks.
  for (let i = 0; cpuTime() === start && i < 10_000; i++) createHash('sha256').update(octets)
  const worked = cpuTime()
  t.ok(worked > start)
  await sleep(1)
  t.ok(cpuTime() >= worked)
})
