import t from 'tap'
import { readPrefix } from '../../src/base/values/address.js'
import { compile } from '../../src/policy/compile/compile.js'
import { matchedRule } from '../../src/policy/evaluate/matched-rule.js'
import { Policy } from '../../src/policy/evaluate/policy.js'
import type { Snapshot } from '../../src/policy/tables/snapshot.js'
import { Decision } from '../../src/policy/tables/decision.js'
import { words } from '../base/words.js'
import { evaluate, evaluateAddress, hashed } from './evaluating.js'
import { ban, exception, network, ruleSet, seeds, source } from './rule-set.js'

const APP = source('app', 'a.example', '192.0.2.0/24')
const PRESS = exception('press', [APP], { prefixes: [readPrefix('10.0.7.0/24')] })
const RULES = ruleSet(network('net', ['10.0.0.0/8'], [ban('ban', [APP]), PRESS]))

/** The snapshot as another thread receives it: cloned, with shared memory. */
function posted(snapshot: Snapshot): Snapshot {
  return structuredClone(snapshot)
}

t.test('a snapshot gives the same decisions after being posted', async t => {
  const policy = new Policy(posted(compile(RULES, { generation: 1, random: seeds(5) })))
  t.equal(evaluate(policy, 'a.example', '10.0.0.1').decides, 'ban')
  t.equal(evaluate(policy, 'b.example', '10.0.0.1').decides, '')
  t.equal(evaluate(policy, 'a.example', '10.0.7.1').decides, 'press')
  t.equal(evaluateAddress(policy, '192.0.2.1', '10.0.0.1').decides, 'ban')
})

t.test('memory is shared, not copied', async t => {
  const snapshot = compile(RULES, { generation: 1, random: seeds(5) })
  const { slots } = posted(snapshot).names
  t.ok(slots instanceof SharedArrayBuffer)
  new Int32Array(snapshot.names.slots).fill(7)
  t.ok(new Int32Array(slots).every(word => word === 7))
})

t.test('another thread can find the matched rule', async t => {
  const snapshot = posted(compile(RULES, { generation: 1, random: seeds(5) }))
  const policy = new Policy(snapshot)
  const decision = new Decision()
  const clientClass = policy.classOf(words('10.0.0.1'), 0)
  policy.evaluateName(hashed('www.a.example', policy.seed), 1, clientClass, 0, decision)
  t.match(matchedRule(snapshot, decision.claim, decision.entry), { rule: 'ban', sourceLine: 1 })
})
