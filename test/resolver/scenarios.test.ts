import t from 'tap'
import { differences } from './check.js'
import { scenarioFiles } from './files.js'
import { readScenario } from './scenario.js'
import { Stage } from './stage.js'

t.ok(scenarioFiles.length >= 120, 'there are as many scenarios as were wanted')

for (const file of scenarioFiles) {
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
      t.strictSame(differences(step, seen), [], `step ${i + 1} is as expected`)
      // Through the full door every query asks an upstream, so an answer held for a while is new.
      if (step.wait === undefined) {
        t.strictSame(other.reply, seen.reply, `step ${i + 1}: both doors give the same octets`)
      }
      t.strictSame(again?.reply, seen.reply, `step ${i + 1}: the third time as the first`)
      t.strictSame(other.log?.rule, seen.log?.rule, `step ${i + 1}: for the same reason`)
    }
  })
}
