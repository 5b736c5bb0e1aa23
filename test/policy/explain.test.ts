import t from 'tap'
import { explainName, explainAddress } from '../../src/policy/explain/explain.js'
import { words } from '../base/words.js'
import { hashed, policyOf } from './evaluating.js'
import { allow, ban, block, exception, network, ruleSet, source } from './rule-set.js'

const WIDE = source('wide', 'example', '192.0.0.0/16')
const APP = source('app', '=a.example', '*.a.example', '192.0.2.0/24')

const policy = policyOf(
  ruleSet(
    network(
      'net',
      ['10.0.0.0/8'],
      [
        exception('over', [APP], { until: 10 }),
        exception('coming', [APP], { from: 100 }),
        ban('watch', [APP], { mode: 'monitor' }),
        ban('first', [APP]),
        ban('second', [APP]),
        ban('watched-late', [APP], { mode: 'monitor' }),
        ban('wide', [WIDE]),
        allow('allow', [APP]),
        block('block', [WIDE])
      ]
    )
  )
)

const CLASS = policy.classOf(words('10.0.0.1'), 0)
const at = (now: number) => ({ clientClass: CLASS, qtype: 1, now })

const BANNED = [
  ['watch', 'monitors'],
  ['first', 'decides'],
  ['second', 'loses to an earlier rule'],
  ['watched-late', 'loses to an earlier rule'],
  ['wide', 'loses to a longer match'],
  ['over', 'expired'],
  ['coming', 'not yet in force'],
  ['allow', 'loses to a higher tier'],
  ['block', 'loses to a higher tier']
]

t.test('explains a name with all rules that match', async t => {
  const candidates = explainName(policy.snapshot, hashed('w.a.example', policy.seed), at(50))
  t.strictSame(
    candidates.map(({ matched, outcome }) => [matched.rule, outcome]),
    BANNED
  )
  t.strictSame(
    candidates.map(({ matched }) => matched.pattern),
    ['watch', 'first', 'second', 'late', 'wide', 'over', 'coming', 'allow', 'block'].map(rule =>
      rule === 'wide' || rule === 'block' ? 'example' : '*.a.example'
    )
  )
  t.strictSame([candidates[1]!.label, candidates[4]!.label], [1, 2])
})

t.test('explains an address in the same way', async t => {
  const candidates = explainAddress(policy.snapshot, words('192.0.2.1'), 0, at(50))
  t.strictSame(
    candidates.map(({ matched, outcome }) => [matched.rule, outcome]),
    BANNED
  )
})

t.test('reports the line that covers the name itself', async t => {
  const [first] = explainName(policy.snapshot, hashed('a.example', policy.seed), at(50))
  t.match(first?.matched, { pattern: '=a.example', sourceLine: 1 })
})

t.test('an active exception lifts the bans of its app, and no others', async t => {
  const candidates = explainName(policy.snapshot, hashed('a.example', policy.seed), at(100))
  t.strictSame(
    candidates.map(({ outcome }) => outcome),
    [
      ...Array<string>(4).fill('lifted'),
      'decides',
      'expired',
      ...Array<string>(3).fill('loses to a higher tier')
    ]
  )
})

const nothing = [
  { it: 'a name without rules', name: 'a.test', clientClass: CLASS },
  { it: 'a client in no network', name: 'a.example', clientClass: 0 }
]

for (const { it, name, clientClass } of nothing) {
  t.test(`finds no candidates for ${it}`, async t => {
    const candidates = explainName(policy.snapshot, hashed(name, policy.seed), {
      ...at(50),
      clientClass
    })
    t.strictSame(candidates, [])
  })
}
