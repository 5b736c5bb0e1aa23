import t from 'tap'
import { differences } from './check.js'
import { scenarioFiles } from './files.js'
import { readScenario } from './scenario.js'
import { Stage } from './stage.js'

t.ok(scenarioFiles.length >= 120, 'no scenario has been lost')

for (const file of scenarioFiles) {
  const scenario = readScenario(`test/scenarios/${file}`)
  t.test(`${file}: ${scenario.it}`, async t => {
    const fast = new Stage(scenario, 'fast')
    const forward = new Stage(scenario, 'forward')
    const shelf = new Stage(scenario, 'shelf')
    for (const [i, step] of scenario.steps.entries()) {
      const seen = await fast.step(step)
      const other = await forward.step(step)
      const again = await shelf.step(step)
      if (seen === undefined || other === undefined) continue
      t.strictSame(differences(step, seen), [], `step ${i + 1} is as expected`)
      // Forwarded directly, every answer is fresh, so TTLs differ after a wait.
      if (step.wait === undefined) {
        t.strictSame(
          other.reply,
          seen.reply,
          `step ${i + 1}: a forwarded query gets the same octets`
        )
      }
      t.strictSame(again?.reply, seen.reply, `step ${i + 1}: the shelf gives the same octets`)
      t.strictSame(other.log?.rule, seen.log?.rule, `step ${i + 1}: by the same rule`)
    }
  })
}
