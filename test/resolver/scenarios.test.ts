import { readdirSync } from 'node:fs'
import t, { type Test } from 'tap'
import { readScenario, Stage, type Scenario, type Seen } from './scenario.js'
import { shown } from './shown.js'

type Step = Scenario['steps'][number]

const files = readdirSync('test/scenarios')
  .filter(file => file.endsWith('.yaml'))
  .sort()

t.ok(files.length > 20, 'the scenarios were found')

for (const file of files) {
  const scenario = readScenario(`test/scenarios/${file}`)
  t.test(`${file}: ${scenario.it}`, async t => {
    const fast = new Stage(scenario, 'fast')
    const full = new Stage(scenario, 'full')
    const ready = new Stage(scenario, 'ready')
    for (const [i, step] of scenario.steps.entries()) {
      const seen = await fast.step(step)
      const other = await full.step(step)
      const again = await ready.step(step)
      if (seen === undefined || other === undefined) continue
      // Through the full door every query asks an upstream, so an answer held for a while is new.
      if (step.wait === undefined) {
        t.strictSame(other.reply, seen.reply, `step ${i + 1}: both doors give the same octets`)
      }
      t.strictSame(again?.reply, seen.reply, `step ${i + 1}: the third time as the first`)
      t.strictSame(other.log?.rule, seen.log?.rule, `step ${i + 1}: for the same reason`)
      check(t, i + 1, step, seen)
    }
  })
}

function check(t: Test, i: number, { expect = {}, log }: Step, seen: Seen): void {
  if (expect.asked !== undefined) t.equal(seen.asked, expect.asked, `step ${i}: upstream asked`)
  if (log === null) t.equal(seen.log, undefined, `step ${i}: no record`)
  else if (log !== undefined) t.match(seen.log, log, `step ${i}: record`)
  if (expect.silence) {
    t.equal(seen.reply, undefined, `step ${i}: silence`)
    return
  }
  if (seen.reply === undefined) {
    t.fail(`step ${i}: no reply`)
    return
  }
  const reply = shown(seen.reply)
  if (expect.rcode !== undefined) t.equal(reply.rcode, expect.rcode, `step ${i}: rcode`)
  if (expect.answers !== undefined)
    t.strictSame(reply.answers, expect.answers, `step ${i}: answers`)
  if (expect.authorities !== undefined) {
    t.strictSame(reply.authorities, expect.authorities, `step ${i}: authorities`)
  }
  if (expect.ede !== undefined) t.equal(reply.ede, expect.ede, `step ${i}: EDE`)
  if (expect.truncated !== undefined) t.equal(reply.truncated, expect.truncated, `step ${i}: TC`)
}
