/** `except` of a ban: names below a banned one that the ban does not cover. */
import t from 'tap'
import { exceptedPatterns } from '../../src/cli/commands/analysis/evidence-states.js'
import { compile } from '../../src/policy/compile/compile.js'
import { explainName } from '../../src/policy/explain/explain.js'
import { evaluate, evaluateAddress, hashed, policyOf } from '../policy/evaluating.js'
import { RRTYPE } from '../../src/wire/dns/registry/rrtype.js'
import { words } from '../base/words.js'
import { app, brief, load, loadGood, type Files } from './folder.js'

const WHY = 'authority: a, reference: b'

const files = (...bans: readonly string[]): Files => ({
  ...app('clip', 'names: [cdn.gov.example]'),
  'networks.yaml': [
    'networks:',
    '  n:',
    '    prefixes: [10.0.0.0/8]',
    '    bans:',
    ...bans.map(ban => `      - { ${WHY}, ${ban} }`),
    ''
  ].join('\n')
})

const EXCEPT =
  "names: [gov.example, '*.state.example'], except: [www.gov.example, '*.a.state.example']"

t.test('bans the names, but not those below that it leaves out', async t => {
  const policy = policyOf(await loadGood(t, files(`id: one, ${EXCEPT}`)))
  const decides = (name: string): string => evaluate(policy, name, '10.0.0.1').decides
  for (const name of ['gov.example', 'mail.gov.example', 'b.state.example', 'a.state.example'])
    t.equal(decides(name), 'one', name)
  for (const name of ['www.gov.example', 'x.www.gov.example', 'x.a.state.example', 'state.example'])
    t.equal(decides(name), '', name)
})

t.test('leaves them to other bans and to the apps of the same ban', async t => {
  const rules = await loadGood(
    t,
    files(
      `id: one, ${EXCEPT}, apps: [clip], addresses: [192.0.2.0/24]`,
      'id: two, names: [x.www.gov.example]',
      'id: three, names: [gov.example], except: [cdn.gov.example, www.gov.example]'
    )
  )
  const policy = policyOf(rules)
  const decides = (name: string): string => evaluate(policy, name, '10.0.0.1').decides
  t.equal(decides('www.gov.example'), '')
  t.equal(decides('x.www.gov.example'), 'two')
  t.equal(decides('cdn.gov.example'), 'one', 'by its app')
  t.equal(evaluateAddress(policy, '192.0.2.1', '10.0.0.1').decides, 'one')
})

t.test('explain shows that the name is excluded', async t => {
  const rules = await loadGood(t, files(`id: one, ${EXCEPT}`))
  const snapshot = compile(rules, { generation: 1, random: () => 0 })
  const policy = policyOf(rules, () => 0)
  const clientClass = policy.classOf(words('10.0.0.1'), 0)
  const context = { clientClass, now: 0, qtype: RRTYPE.A }
  const name = hashed('www.gov.example', policy.seed)
  const outcomes = explainName(snapshot, name, context).map(({ matched, outcome }) => [
    matched.pattern,
    outcome
  ])
  t.strictSame(outcomes, [
    ['www.gov.example', 'passes'],
    ['gov.example', 'excluded by its list']
  ])
})

t.test('names that are not below one of the ban are errors', async t => {
  const result = await load(
    t,
    files(
      "names: [gov.example, =one.example, '*.two.example'], except: [gov.example, x.one.example, =two.example, other.example]",
      'apps: [clip], except: [x.cdn.gov.example]'
    )
  )
  t.notOk(result.ok)
  t.strictSame(result.ok ? [] : brief(result.errors), [
    ...[101, 114, 129, 143].map(column => `RULES_EXCEPT_OUTSIDE networks.yaml:5:${column}`),
    'RULES_EXCEPT_OUTSIDE networks.yaml:6:62'
  ])
})

t.test('names in `except` are not treated as banned', async t => {
  const warnings = async (...bans: readonly string[]): Promise<string[]> => {
    const { 'networks.yaml': text, ...apps } = files(...bans)
    const more = `    allow: [www.gov.example]\n    block: [gov.example]\n`
    const result = await load(t, { ...apps, 'networks.yaml': `${text as string}${more}` })
    if (!result.ok) throw new Error(result.errors.join('\n'))
    return brief(result.warnings).map(text => text.replace(/:\d+:\d+$/, ''))
  }
  t.strictSame(await warnings('names: [gov.example]'), ['RULES_ALLOW_BANNED networks.yaml'])
  t.strictSame(await warnings('names: [gov.example], except: [www.gov.example]'), [])
  t.strictSame(
    await warnings('names: [gov.example], except: [www.gov.example]', 'names: [www.gov.example]'),
    ['RULES_ALLOW_BANNED networks.yaml'],
    'the second ban is not shadowed'
  )
  t.strictSame(
    await warnings('names: [gov.example], except: [www.gov.example]', 'names: [gov.example]'),
    ['RULES_ALLOW_BANNED networks.yaml']
  )
  t.strictSame(
    await warnings('names: [gov.example]', 'names: [gov.example], except: [a.gov.example]'),
    ['RULES_BAN_SHADOWED networks.yaml', 'RULES_ALLOW_BANNED networks.yaml']
  )
})

t.test('a network within another one needs the same bans', async t => {
  const inner = async (outer: string, inner: string): Promise<string[]> => {
    const { 'networks.yaml': text, ...apps } = files(outer)
    const more = `  m:\n    prefixes: [10.1.0.0/16]\n    bans: [{ ${WHY}, id: m, ${inner} }]\n`
    const result = await load(t, { ...apps, 'networks.yaml': `${text as string}${more}` })
    if (!result.ok) throw new Error(result.errors.join('\n'))
    return brief(result.warnings)
  }
  const except = 'names: [gov.example], except: [www.gov.example]'
  t.strictSame(await inner(except, except), [])
  t.strictSame(await inner(except, 'names: [gov.example]'), [])
  t.match(await inner('names: [gov.example]', except), [/^RULES_BAN_NOT_INHERITED/])
})

t.test('evidence leaves out what every version of the ban leaves out', async t => {
  const rules = (ban: string) => loadGood(t, files(`id: one, ${ban}`))
  const one = await rules('names: [gov.example], except: [a.gov.example, cdn.gov.example]')
  const two = await rules('names: [gov.example], except: [b.gov.example, a.gov.example]')
  const app = await rules(
    'names: [gov.example], apps: [clip], except: [a.gov.example, cdn.gov.example]'
  )
  const other = await loadGood(t, files('id: other, names: [gov.example]'))
  t.strictSame(exceptedPatterns('one', [one, other]), ['a.gov.example', 'cdn.gov.example'])
  t.strictSame(exceptedPatterns('one', [one, two]), ['a.gov.example'])
  t.strictSame(exceptedPatterns('one', [app]), ['a.gov.example'])
  t.strictSame(exceptedPatterns('one', [other]), [])
})
