import t from 'tap'
import { matchedRule } from '../../src/policy/evaluate/matched-rule.js'
import { Decision } from '../../src/policy/tables/decision.js'
import { words } from '../base/words.js'
import { hashed, policyOf } from './evaluating.js'
import { ban, block, network, ruleSet, source } from './rule-set.js'

const ONE = source('one', 'a.example', '*.b.example', '=c.example', 'd.example', '192.0.2.0/24')
const TWO = source('two', '=d.example', '*.d.example', 'a.example', '2001:db8::/32')
const THREE = source('three', 'a.example', 'e.example', '=a.example', '192.0.2.0/24')

const policy = policyOf(
  ruleSet(
    network('first', ['10.0.0.0/8'], [ban('one', [ONE])]),
    network('second', ['172.16.0.0/12'], [ban('two', [TWO])]),
    network('third', ['192.168.0.0/16'], [block('three', [THREE])])
  )
)

const names = [
  { client: '10.0.0.1', name: 'w.a.example', pattern: 'a.example', sourceLine: 1, rule: 'one' },
  { client: '10.0.0.1', name: 'w.b.example', pattern: '*.b.example', sourceLine: 2, rule: 'one' },
  { client: '10.0.0.1', name: 'C.example', pattern: '=c.example', sourceLine: 3, rule: 'one' },
  { client: '10.0.0.1', name: 'd.example', pattern: 'd.example', sourceLine: 4, rule: 'one' },
  { client: '172.16.0.1', name: 'a.example', pattern: 'a.example', sourceLine: 3, rule: 'two' },
  { client: '172.16.0.1', name: 'd.example', pattern: '=d.example', sourceLine: 1, rule: 'two' },
  { client: '192.168.0.1', name: 'a.example', pattern: 'a.example', sourceLine: 1, rule: 'three' },
  { client: '192.168.0.1', name: 'e.example', pattern: 'e.example', sourceLine: 2, rule: 'three' }
] as const

for (const { client, name, pattern, sourceLine, rule } of names) {
  t.test(`${name} from ${client} matches ${pattern} on line ${sourceLine}`, async t => {
    const decision = new Decision()
    policy.evaluateName(hashed(name, policy.seed), 1, policy.classOf(words(client), 0), 0, decision)
    const id = { one: 'one', two: 'two', three: 'three' }[rule]
    t.match(matchedRule(policy.snapshot, decision.claim, decision.entry), {
      rule,
      file: 'networks.yaml',
      line: 7,
      source: { id, title: id.toUpperCase() },
      sourceFile: `apps/${id}.yaml`,
      sourceLine,
      pattern
    })
  })
}

const BOTH = source('both', '=f.example', '*.f.example')
const both = policyOf(ruleSet(network('net', ['10.0.0.0/8'], [ban('both', [BOTH])])))

for (const [name, pattern, sourceLine] of [
  ['f.example', '=f.example', 1],
  ['w.f.example', '*.f.example', 2]
] as const) {
  t.test(`of two patterns for one name, ${name} matches line ${sourceLine}`, async t => {
    const decision = new Decision()
    const question = hashed(name, both.seed)
    both.evaluateName(question, 1, both.classOf(words('10.0.0.1'), 0), 0, decision)
    const { claim, entry, label } = decision
    const matched = matchedRule(both.snapshot, claim, entry, label === 0)
    t.match(matched, { pattern, sourceLine, length: 11 })
  })
}

const addresses = [
  { client: '10.0.0.1', address: '192.0.2.9', pattern: '192.0.2.0/24', sourceLine: 5 },
  { client: '172.16.0.1', address: '2001:db8::1', pattern: '2001:db8::/32', sourceLine: 4 },
  { client: '192.168.0.1', address: '192.0.2.9', pattern: '192.0.2.0/24', sourceLine: 4 }
] as const

for (const { client, address, pattern, sourceLine } of addresses) {
  t.test(`${address} for ${client} matches ${pattern} on line ${sourceLine}`, async t => {
    const decision = new Decision()
    policy.evaluateAddress(words(address), 0, 1, policy.classOf(words(client), 0), 0, decision)
    const matched = matchedRule(policy.snapshot, decision.claim, decision.entry)
    t.match(matched, { pattern, sourceLine })
  })
}

t.test('returns undefined if nothing matched', async t => {
  const { claim, entry } = new Decision()
  t.equal(matchedRule(policy.snapshot, claim, entry), undefined)
})
