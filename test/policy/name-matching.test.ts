import t from 'tap'
import { Decision } from '../../src/policy/tables/decision.js'
import { words } from '../base/words.js'
import { evaluate, hashed, policyOf } from './evaluating.js'
import { ban, network, ruleSet, source } from './rule-set.js'

const CLIENT = '10.0.0.1'
const LONG_LABEL = 'l'.repeat(63)
const DEEP = Array<string>(127).fill('a').join('.')

function policyWith(...patterns: string[]) {
  const rules = [ban('ban', [source('app', ...patterns)])]
  return policyOf(ruleSet(network('net', ['10.0.0.0/8'], rules)))
}

const matches = [
  { it: 'a name', pattern: 'a.example', name: 'a.example', hit: true },
  { it: 'all below a name', pattern: 'a.example', name: 'x.y.a.example', hit: true },
  {
    it: 'not a name that ends in the same letters',
    pattern: 'a.example',
    name: 'nota.example',
    hit: false
  },
  { it: 'not a name that begins alike', pattern: 'a.example', name: 'a.example.test', hit: false },
  { it: 'not the name above', pattern: 'a.example', name: 'example', hit: false },
  { it: 'not the root', pattern: 'a.example', name: '', hit: false },
  { it: 'upper case in the question', pattern: 'a.example', name: 'A.EXAMPLE', hit: true },
  { it: 'exactly a name', pattern: '=a.example', name: 'a.example', hit: true },
  { it: 'nothing below an exact name', pattern: '=a.example', name: 'x.a.example', hit: false },
  { it: 'all below, without the name', pattern: '*.a.example', name: 'x.a.example', hit: true },
  { it: 'not the name itself', pattern: '*.a.example', name: 'a.example', hit: false },
  { it: 'a top-level name', pattern: 'example', name: 'x.a.example', hit: true },
  { it: 'everything below the root', pattern: '', name: 'a.example', hit: true },
  { it: 'the root itself', pattern: '', name: '', hit: true },
  { it: 'the exact root', pattern: '=', name: '', hit: true },
  { it: 'nothing below the exact root', pattern: '=', name: 'a.example', hit: false },
  { it: 'not the root of all below it', pattern: '*.', name: '', hit: false },
  { it: 'an A-label', pattern: 'xn--bcher-kva.example', name: 'xn--bcher-kva.example', hit: true },
  {
    it: 'a label of 63 octets',
    pattern: `${LONG_LABEL}.example`,
    name: `w.${LONG_LABEL}.example`,
    hit: true
  },
  { it: 'a name of 127 labels', pattern: DEEP, name: DEEP, hit: true },
  { it: 'a name of 127 labels below', pattern: 'a.a', name: DEEP, hit: true }
] as const

for (const { it, pattern, name, hit } of matches) {
  t.test(`${JSON.stringify(pattern)} matches ${it}: ${hit}`, async t => {
    t.strictSame(evaluate(policyWith(pattern), name, CLIENT), {
      decides: hit ? 'ban' : '',
      monitors: ''
    })
  })
}

t.test('a hyphenated or longer label is another label', async t => {
  const policy = policyWith('a.example')
  for (const name of ['a-.example', 'aa.example', 'b.example', 'a.example2']) {
    t.equal(evaluate(policy, name, CLIENT).decides, '', name)
  }
})

t.test('exact and below together cover name and subdomains', async t => {
  const policy = policyWith('=a.example', '*.a.example')
  t.equal(evaluate(policy, 'a.example', CLIENT).decides, 'ban')
  t.equal(evaluate(policy, 'x.a.example', CLIENT).decides, 'ban')
})

const labels = [
  { name: 'a.example', label: 0 },
  { name: 'x.y.a.example', label: 2 }
] as const

for (const { name, label } of labels) {
  t.test(`the matched suffix of ${name} begins at label ${label}`, async t => {
    const policy = policyWith('a.example')
    const decision = new Decision()
    policy.evaluateName(hashed(name, policy.seed), 1, policy.classOf(words(CLIENT), 0), 0, decision)
    t.equal(decision.label, label)
  })
}

t.test('the longest matching suffix decides', async t => {
  const rules = [
    ban('wide', [source('one', 'example')]),
    ban('narrow', [source('two', 'a.example')])
  ]
  const policy = policyOf(ruleSet(network('net', ['10.0.0.0/8'], rules)))
  t.equal(evaluate(policy, 'x.a.example', CLIENT).decides, 'narrow')
  t.equal(evaluate(policy, 'x.b.example', CLIENT).decides, 'wide')
})
