import t from 'tap'
import { differences } from './check.js'
import { scenarioFiles } from './files.js'
import { parseScenario, readScenario, type Step } from './scenario.js'
import { Stage } from './stage.js'

t.test('every expectation of every scenario can fail', async t => {
  for (const file of scenarioFiles) {
    const scenario = readScenario(`test/scenarios/${file}`)
    const stage = new Stage(scenario, 'fast')
    const blind: string[] = []
    for (const [i, step] of scenario.steps.entries()) {
      const seen = await stage.step(step)
      if (seen === undefined) continue
      for (const [what, other] of others(step)) {
        if (differences(other, seen).length === 0) blind.push(`step ${i + 1}: ${what}`)
      }
    }
    t.strictSame(blind, [], file)
  }
})

const unknown = [
  { it: 'a key of a scenario', text: 'upstreams: []' },
  { it: 'a key of a step', text: 'steps: [{ query: { name: a.example }, expects: {} }]' },
  { it: 'a key of a query', text: 'steps: [{ query: { nam: a.example }, expect: {} }]' },
  { it: 'an expectation', text: 'steps: [{ query: { name: a.example }, expect: { ead: 1 } }]' },
  { it: 'a field of a record', text: 'steps: [{ query: { name: a.example }, log: { rules: a } }]' },
  { it: 'an option of EDNS', text: 'steps: [{ query: { name: a, edns: { sizes: 1 } } }]' }
]

for (const { it, text } of unknown) {
  t.test(`refuses ${it} that nobody reads`, async t => {
    t.throws(() => parseScenario('one.yaml', `it: one that is wrong\n${text}\n`), {
      message: /one\.yaml:\d+:\d+: .*unknown key/
    })
  })
}

/** The step with each of its expectations made wrong, one at a time, and which it is. */
function others(step: Step): [string, Step][] {
  const { expect = {}, log } = step
  const found: [string, Step][] = []
  for (const [key, value] of Object.entries(expect)) {
    if (key === 'silence') found.push([key, { ...step, expect: { rcode: 'NOERROR' } }])
    // A limit that is higher is kept too.
    else if (key === 'within') found.push([key, { ...step, expect: { ...expect, within: -1 } }])
    else found.push([key, { ...step, expect: { ...expect, [key]: otherThan(value) } }])
  }
  if (log === null) found.push(['log', { ...step, log: { verdict: 'blocked' } }])
  for (const [key, value] of Object.entries(log ?? {})) {
    found.push([`log, ${key}`, { ...step, log: { ...log, [key]: otherThan(value) } }])
  }
  return found
}

/** Another value of the same kind. */
function otherThan(value: unknown): unknown {
  if (typeof value === 'boolean') return !value
  if (typeof value === 'number') return value + 1
  if (typeof value === 'string') return `${value} or another`
  if (Buffer.isBuffer(value)) return Buffer.concat([value, Buffer.of(0)])
  if (Array.isArray(value)) return [...(value as unknown[]), 'another.example 1 A 192.0.2.1']
  const parts = value as Record<string, unknown>
  const key = Object.keys(parts)[0]!
  const other = key === 'options' ? { 65280: Buffer.of() } : otherThan(parts[key])
  return { ...parts, [key]: other }
}
