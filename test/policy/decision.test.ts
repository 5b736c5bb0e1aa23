import t from 'tap'
import { Policy } from '../../src/policy/evaluate/policy.js'
import { Decision } from '../../src/policy/tables/decision.js'
import { words } from '../base/words.js'
import { evaluate, hashed, policyOf, ruleIds } from './evaluating.js'
import { allow, ban, block, exception, inline, network, ruleSet, source } from './rule-set.js'

const CLIENT = '10.0.0.1'
const policy = policyOf(
  ruleSet(
    network(
      'net',
      ['10.0.0.0/8'],
      [
        ban('ban', [source('banned', 'ban.example', '192.0.2.0/24')]),
        ban('other', [source('others', 'other.example')]),
        ban('monitored', [source('watched', 'watch.example')], { mode: 'monitor' }),
        exception('exception', [inline('excepted', 'except.example', '198.51.100.0/24')]),
        allow('allow', [source('allowed', 'allow.example')]),
        block('watched', [source('low', 'low.example')], { mode: 'monitor' })
      ]
    )
  )
)

/** Chains of names, each evaluated into one decision. */
const chains = [
  { chain: ['allow.example', 'ban.example'], decides: 'ban', monitors: '' },
  { chain: ['ban.example', 'allow.example'], decides: 'ban', monitors: '' },
  { chain: ['except.example', 'ban.example'], decides: 'exception', monitors: '' },
  { chain: ['ban.example', 'other.example'], decides: 'ban', monitors: '' },
  { chain: ['watch.example', 'ban.example'], decides: 'ban', monitors: 'monitored' },
  { chain: ['ban.example', 'watch.example'], decides: 'ban', monitors: '' },
  { chain: ['watch.example', 'except.example'], decides: 'exception', monitors: '' },
  { chain: ['low.example', 'watch.example'], decides: '', monitors: 'monitored' },
  { chain: ['low.example', 'allow.example'], decides: 'allow', monitors: '' },
  { chain: ['ban.example', '198.51.100.1'], decides: 'exception', monitors: '' },
  { chain: ['watch.example', '192.0.2.1'], decides: 'ban', monitors: 'monitored' }
] as const

for (const { chain, decides, monitors } of chains) {
  t.test(`${chain.join(' then ')}: ${decides || 'none'}`, async t => {
    const decision = new Decision()
    const clientClass = policy.classOf(words(CLIENT), 0)
    for (const step of chain) {
      if (/^[\d.]+$/.test(step)) policy.evaluateAddress(words(step), 0, 1, clientClass, 0, decision)
      else policy.evaluateName(hashed(step, policy.seed), 1, clientClass, 0, decision)
    }
    t.strictSame(ruleIds(policy, decision), { decides, monitors })
  })
}

t.test('clear resets everything', async t => {
  const decision = new Decision()
  const clientClass = policy.classOf(words(CLIENT), 0)
  policy.evaluateName(hashed('x.ban.example', policy.seed), 1, clientClass, 0, decision)
  policy.evaluateName(hashed('watch.example', policy.seed), 1, clientClass, 0, decision)
  decision.clear()
  t.strictSame(decision, new Decision())
})

t.test('hasNoRulesFor is true for a class without rules', async t => {
  t.ok(policy.hasNoRulesFor(policy.classOf(words('11.0.0.1'), 0)))
  t.notOk(policy.hasNoRulesFor(policy.classOf(words(CLIENT), 0)))
})

const switching = policyOf(
  ruleSet(
    network(
      'net',
      ['10.0.0.0/8'],
      [
        ban('a', [source('x', 'a.example')], { from: 100, until: 200 }),
        ban('b', [source('y', 'b.example')], { until: 200 }),
        ban('c', [source('z', 'c.example')], { from: 300 })
      ]
    )
  )
)

t.test('change times are all instants at which rules start or end', async t => {
  t.strictSame(switching.snapshot.claims.changeTimes, [100, 200, 300])
})

t.test('the epoch changes at each change time and not in between', async t => {
  const epochs = [0, 99, 100, 199, 200, 299, 300, 1e9].map(now => switching.epochAt(now))
  const steps = epochs.slice(1).map((epoch, i) => epoch - epochs[i]!)
  t.strictSame(steps, [0, 1, 0, 1, 0, 1, 0])
})

t.test('epochs of different snapshots differ', async t => {
  const later = new Policy({ ...switching.snapshot, generation: 2 })
  t.ok(later.epochAt(0) > switching.epochAt(1e9))
})

t.test('an empty rule set has no rules for any client', async t => {
  const empty = policyOf(ruleSet())
  t.equal(empty.classOf(words(CLIENT), 0), 0)
  t.strictSame(evaluate(empty, 'a.example', CLIENT), { decides: '', monitors: '' })
})
