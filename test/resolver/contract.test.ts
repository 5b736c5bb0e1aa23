import t from 'tap'
import { IS_FUZZING } from '../runs.js'
import { transports } from '../server/transports.js'
import { differences } from './check.js'
import { scenarioFiles } from './files.js'
import { readScenario, type Scenario, type Step } from './scenario.js'
import { SocketStage } from './socket-stage.js'

/*
 * Every scenario over real sockets: both transports, the queries as they are, and all over TCP. Where there
 * are two transports, a quarter of them is enough for the second one, except in `npm run fuzz`.
 */

for (const [i, transport] of transports().entries()) {
  t.test(`${transport.kind}: every scenario`, async t => {
    const stage = await SocketStage.open(transport)
    t.teardown(() => stage.close())
    const step = i === 0 || IS_FUZZING ? 1 : 4
    for (const file of scenarioFiles.filter((_, i) => i % step === 0)) {
      const scenario = readScenario(`test/scenarios/${file}`)
      t.strictSame(await play(stage, scenario, step => step), [], file)
      if (scenario.only === 'udp') continue
      t.strictSame(await play(stage, scenario, overTcp), [], `${file}, over TCP`)
    }
  })
}

/** What is not as it should be, step by step. */
async function play(
  stage: SocketStage,
  scenario: Scenario,
  transform: (step: Step) => Step
): Promise<string[]> {
  const wrong: string[] = []
  stage.begin(scenario)
  for (const [i, step] of scenario.steps.map(transform).entries()) {
    const seen = await stage.step(step)
    if (seen === undefined) continue
    wrong.push(...differences(step, seen).map(difference => `step ${i + 1}: ${difference}`))
  }
  return wrong
}

/** The same step over TCP: there is room for what had to be truncated. */
function overTcp({ query, expect, log, ...rest }: Step): Step {
  const step = { ...rest, query: query && { ...query, protocol: 'tcp' as const } }
  if (expect?.truncated === true) return { ...step, expect: { truncated: false } }
  const record = log?.protocol === undefined ? log : { ...log, protocol: 'tcp' }
  return { ...step, expect, log: record }
}
