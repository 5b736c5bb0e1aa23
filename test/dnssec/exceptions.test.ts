import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import type { LogFields } from '../../src/base/log/service-log.js'
import { listBans } from '../../src/analysis/views/bans-list.js'
import { orderedFacts } from '../../src/analysis/enforcement/ordered-facts.js'
import { rulesEnforcement } from '../../src/analysis/enforcement/rules-enforcement.js'
import { toText } from '../../src/cli/output/rules/bans-text.js'
import { ExceptionClock } from '../../src/gateway/validation/exception-clock.js'
import { compile } from '../../src/policy/compile/compile.js'
import { loadRules } from '../../src/policy/rules/load.js'
import type { UnvalidatedName } from '../../src/policy/tables/snapshot.js'
import { ValidationExceptions } from '../../src/resolver/validation/validation-exceptions.js'
import { FakeTime } from '../upstream/fake-time.js'
import { dsRdata } from './keys.js'
import { World } from './world.js'
import { NOW, TYPE, wire } from './zone.js'

const DAY = 86_400

function exception(name: string, term: Partial<UnvalidatedName> = {}): UnvalidatedName {
  const why = { purpose: 'their DS is wrong', approvedBy: 'N. Vermeulen' }
  return { name: wire(name), text: name, ...why, from: NOW - DAY, until: NOW + DAY, ...term }
}

async function verdictOf(
  world: World,
  name: string,
  exceptions: readonly UnvalidatedName[],
  extra: readonly string[] = []
) {
  const validator = world.validator(undefined, extra)
  validator.setExceptions(new ValidationExceptions(exceptions))
  const { verdict, reason } = await validator.validate(wire(name), TYPE.A)
  return { verdict, reason }
}

function broken(): World {
  const world = new World()
  world.zone('example', { expiration: NOW - DAY, inception: NOW - 9 * DAY }).a('www.example')
  world.zone('good').a('www.good')
  return world
}

t.test('what is below an exception is insecure, while it is in force', async t => {
  const world = broken()
  t.match(await verdictOf(world, 'www.example', []), { verdict: 'bogus' })
  t.match(await verdictOf(world, 'www.example', [exception('example')]), {
    verdict: 'insecure',
    reason:
      'example is not validated until 2026-06-02T00:00:00.000Z: their DS is wrong, approved by N. Vermeulen'
  })
  t.match(await verdictOf(world, 'www.good', [exception('example')]), { verdict: 'secure' })
  const ended = exception('example', { until: NOW })
  t.match(await verdictOf(world, 'www.example', [ended]), { verdict: 'bogus' })
  const later = exception('example', { from: NOW + 1 })
  t.match(await verdictOf(world, 'www.example', [later]), { verdict: 'bogus' })
})

t.test('a trust anchor below an exception is used', async t => {
  const world = new World()
  const zone = world.zone('corp.example').a('www.corp.example')
  const [high, low, algorithm, digest, ...octets] = dsRdata(wire('corp.example'), zone.ksk)
  const hex = Buffer.from(octets).toString('hex')
  const anchor = `corp.example DS ${(high! << 8) | low!} ${algorithm} ${digest} ${hex}`
  const all = [exception('example')]
  t.match(await verdictOf(world, 'www.corp.example', all), { verdict: 'insecure' })
  t.match(await verdictOf(world, 'www.corp.example', all, [anchor]), { verdict: 'secure' })
  const own = [exception('corp.example')]
  t.match(await verdictOf(world, 'www.corp.example', own, [anchor]), { verdict: 'insecure' })
})

t.test('beginning and end are logged, and what is cached is flushed', t => {
  const time = new FakeTime()
  const lines: (LogFields & { message: string })[] = []
  const add = (fields: LogFields, message: string) => void lines.push({ ...fields, message })
  const flushed: string[] = []
  const clock = new ExceptionClock({
    log: { info: add, warn: add, error: add },
    clock: time.clock,
    timers: time.timers,
    flush: name => flushed.push(name)
  })
  const now = time.clock.wall() / 1000
  clock.set([
    exception('a.example', { from: now - 5, until: now + 10 }),
    exception('b.example', { from: now + 200, until: now + 300 }),
    exception('c.example', { from: now - 5, until: now + 1000 })
  ])
  t.match(lines, [
    { name: 'a.example', approvedBy: 'N. Vermeulen', message: /in force/ },
    { name: 'c.example' }
  ])
  t.strictSame(flushed, ['a.example', 'c.example'])
  time.advance(10_000)
  t.match(lines[2], { name: 'a.example', message: /expired/ })
  time.advance(200_000)
  t.match(lines[3], { name: 'b.example', message: /in force/ })
  clock.set([])
  t.match(lines.slice(4), [{ message: /removed/ }, { message: /removed/ }])
  t.equal(time.waiting, 0)
  t.strictSame(flushed.slice(2), ['a.example', 'b.example', 'b.example', 'c.example'])
  t.end()
})

const rules = (exception: string, mode = 'enforce') => `
dnssec:
  exceptions:
    - ${exception}
networks:
  office: { prefixes: [10.0.0.0/16], dnssec: ${mode} }
`
const GOOD =
  "{ name: Broken.example, purpose: 'wrong DS', approved-by: N. V., from: 2026-12-01, last-day: 2026-12-14 }"

async function load(t: Test, text: string) {
  const folder = mkdtempSync(join(tmpdir(), 'interdict-dnssec-'))
  t.teardown(() => rmSync(folder, { recursive: true, force: true }))
  writeFileSync(join(folder, 'networks.yaml'), text)
  return loadRules(folder)
}

t.test('in the rules', async t => {
  const loaded = await load(t, rules(GOOD))
  if (!loaded.ok) throw loaded.errors[0]!
  const { origin } = compile(loaded.rules, { generation: 1, random: () => 0, specialUse: [] })
  t.match(origin.dnssecExceptions, [
    { text: 'broken.example', purpose: 'wrong DS', approvedBy: 'N. V.' }
  ])
  const at = Date.UTC(2026, 11, 5) / 1000
  const list = listBans(loaded.rules, { at, within: 30 })
  t.match(list.dnssecExceptions, [
    { name: 'Broken.example', state: 'in force', rule: 'networks.yaml:4', approvedBy: 'N. V.' }
  ])
  t.match(
    toText(list, { timeZone: 'UTC', width: 80 }),
    /DNSSEC exceptions[^]*Broken\.example[^\n]*in force/
  )
  const { byOrder } = rulesEnforcement(orderedFacts(loaded.rules, [], at), [], at)
  t.match(byOrder, [
    {
      ...{ kind: 'dnssec', subject: 'Broken.example', networks: ['office'], by: 'N. V.' },
      message: 'Broken.example is not validated by DNSSEC: wrong DS, approved by N. V.'
    }
  ])
  const observing = await load(t, rules(GOOD, 'observe'))
  if (!observing.ok) throw observing.errors[0]!
  t.strictSame(rulesEnforcement(orderedFacts(observing.rules, [], at), [], at).byOrder, [])
})

t.test('errors in the rules have positions', async t => {
  const cases = [
    [
      GOOD.replace('2026-12-14', '2027-01-14'),
      /networks\.yaml:4:\d+: .*lasts too long.*30 days \(dnssec\.max-days\)/
    ],
    [
      GOOD.replace(', last-day: 2026-12-14', ''),
      /networks\.yaml:4:\d+: .*expected until or last-day/
    ],
    [GOOD.replace('approved-by: N. V., ', ''), /networks\.yaml:4:\d+: .*approved-by/],
    [
      GOOD.replace('Broken.example', '.'),
      /networks\.yaml:4:\d+: .*the root would end all validation/
    ]
  ] as const
  for (const [text, message] of cases) {
    const loaded = await load(t, rules(text))
    t.match(loaded.ok ? [] : loaded.errors, [{ message }])
  }
})
