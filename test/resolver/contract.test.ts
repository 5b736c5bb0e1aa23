import t from 'tap'
import { IS_FUZZING } from '../runs.js'
import { transports } from '../server/transports.js'
import { differences } from './check.js'
import { scenarioFiles } from './files.js'
import { readScenario, type QueryText, type Scenario, type Step } from './scenario.js'
import { SocketStage } from './socket-stage.js'

/*
 * Every scenario over real sockets: both transports, the queries as they are, and all over TCP, TLS and HTTPS.
 * A quarter of them is enough for a second transport, for TLS and for HTTPS, except in `npm run fuzz`.
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
      const wrong = await play(stage, scenario, step => over('tcp', step))
      t.strictSame(wrong, [], `${file}, over TCP`)
    }
  })
}

for (const [protocol, title] of [
  ['dot', 'every scenario over TLS'],
  ['doh', 'every scenario over HTTPS']
] as const) {
  t.test(title, async t => {
    const stage = await SocketStage.open(transports()[0]!)
    t.teardown(() => stage.close())
    const step = IS_FUZZING ? 1 : 4
    for (const file of scenarioFiles.filter((_, i) => i % step === 0)) {
      const scenario = readScenario(`test/scenarios/${file}`)
      if (scenario.only === 'udp') continue
      const wrong = await play(stage, scenario, step => over(protocol, step))
      t.strictSame(wrong, [], `${file}, over ${protocol}`)
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

/** The same step over TCP, TLS or HTTPS: there is room for what had to be truncated. */
function over(protocol: 'tcp' | 'dot' | 'doh', { query, expect, log, ...rest }: Step): Step {
  const step = { ...rest, query: query && { ...query, protocol } }
  if (expect?.truncated === true) return { ...step, expect: { truncated: false } }
  const record = log?.protocol === undefined ? log : { ...log, protocol }
  // Over TLS and HTTPS a query with the Padding option (RFC 7830) gets one back: test/server/keepalive.test.ts.
  const isPadded = protocol !== 'tcp' && hasPadding(query?.edns)
  return { ...step, expect: isPadded ? { ...expect, edns: {} } : expect, log: record }
}

function hasPadding(edns: QueryText['edns'] | undefined): boolean {
  return typeof edns === 'object' && '12' in edns.options
}
