/**
 * The scenarios that Unbound publishes for its validator, `val_*.rpl`, played to Interdict's: the same responses, the same time of
 * day, and the verdict that Unbound has. Run by `npm run test:rpl`.
 */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { answerVerdict } from '../../src/resolver/validation/answer-verdict.js'
import { TrustAnchors } from '../../src/resolver/validation/trust-anchors.js'
import { ValidationExceptions } from '../../src/resolver/validation/validation-exceptions.js'
import { Validator } from '../../src/resolver/validation/validator.js'
import { wire } from '../dnssec/zone.js'
import { readRpl, type RplScenario, type RplStep } from './rpl-file.js'
import { DIFFERENT_VERDICTS, NOT_FOR_THE_VALIDATOR } from './rpl-reasons.js'
import { timeOf, typeOf } from './rpl-records.js'
import { fetchScenarios } from './rpl-source.js'
import { RplResolver } from './rpl-resolver.js'

t.setTimeout(600_000)

const folder = fetchScenarios(t)
const only = process.argv[2] ?? ''
const files = readdirSync(folder).filter(name => /^val_.*\.rpl$/.test(name) && name.includes(only))
t.ok(files.length >= 100 || only !== '', `${files.length} scenarios in ${folder}`)

for (const file of files) {
  const why = NOT_FOR_THE_VALIDATOR[file]
  if (why !== undefined) {
    t.comment(`${file}: not played: ${why}`)
    continue
  }
  const text = readFileSync(join(folder, file), 'utf8')
  t.test(file, async t =>
    play(
      t,
      file,
      readRpl(text, record => record)
    )
  )
}

async function play(t: Test, file: string, scenario: RplScenario): Promise<void> {
  const server = scenario.clauses.filter(({ name }) => name === 'server')
  const settings = server.flatMap(({ attributes }) => attributes)
  const valuesOf = (key: string): string[] =>
    settings.filter(([name]) => name === key).map(([, value]) => value.replace(/^"|"$/g, ''))
  const resolver = new RplResolver(scenario.ranges)
  const anchors = new TrustAnchors(valuesOf('trust-anchor').map(it => resolver.anchor(it)))
  const time = valuesOf('val-override-date')[0] ?? '-1'
  // -1: whenever the signatures are valid.
  let now = time === '-1' ? resolver.validTime : timeOf(time)
  const exceptions = valuesOf('domain-insecure').map(text => exceptionFor(text))
  const validator = new Validator({
    source: resolver,
    anchors,
    exceptions: new ValidationExceptions(exceptions),
    now: () => now,
    cpuTime: () => 0
  })
  for (const [nth, step] of scenario.steps.entries()) {
    if (step.kind === 'TIME_PASSES') now += Number(step.words[1])
    if (step.kind !== 'QUERY') continue
    resolver.step = step.number
    const check = checkOf(scenario.steps.slice(nth + 1))
    if (check === undefined || step.entry!.reply.includes('CD')) continue
    const expected = verdictIn(step, check)
    const { name, type } = step.entry!
    const found = await validator.validate(wire(name), typeOf(type))
    const { isAccepted } = answerVerdict(found)
    const accepted = found.verdict === 'secure' ? 'secure' : 'insecure'
    const verdict = isAccepted ? accepted : 'bogus'
    const mine = expected === 'accepted' && verdict !== 'bogus' ? 'accepted' : verdict
    const what = `step ${step.number}: ${name} ${type}: ${found.verdict} ${found.reason}`
    const reason = DIFFERENT_VERDICTS[file]?.[step.number]
    if (reason === undefined) t.equal(mine, expected, what)
    else t.not(mine, expected, `${what} differs: ${reason}`)
  }
}

function checkOf(following: readonly RplStep[]): RplStep | undefined {
  const next = following.findIndex(({ kind }) => kind === 'QUERY')
  return following
    .slice(0, next === -1 ? undefined : next)
    .find(({ kind }) => kind === 'CHECK_ANSWER')
}

/** `accepted`: secure or insecure, which Unbound says only to clients with DO or AD. */
function verdictIn(query: RplStep, { entry }: RplStep): string {
  const { reply } = entry!
  if (reply.includes('SERVFAIL')) return 'bogus'
  if (reply.includes('AD')) return 'secure'
  return query.entry!.reply.some(flag => flag === 'DO' || flag === 'AD') ? 'insecure' : 'accepted'
}

function exceptionFor(text: string) {
  const name = wire(text.toLowerCase().replace(/\.$/, ''))
  return { name, text, purpose: 'test', approvedBy: 'test', from: 0, until: 2 ** 32 }
}
