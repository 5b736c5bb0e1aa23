import fc from 'fast-check'
import t from 'tap'
import { RRTYPE } from '../../src/wire/dns/registry/rrtype.js'
import { ClassPairs } from '../../src/policy/evaluate/class-pairs.js'
import { addressClassOf } from '../../src/policy/evaluate/client-pair.js'
import { Evaluator, type RuleVerdict, type Subject } from '../../src/policy/evaluate/evaluator.js'
import { compile } from '../../src/policy/compile/compile.js'
import type { Rule, RuleSet } from '../../src/policy/rules/model/types.js'
import { words } from '../base/words.js'
import { runs } from '../runs.js'
import { allow, ban, block, exception, inline, network, ruleSet, source, wire } from './rule-set.js'

/** Few names, so that many rules match each of them. */
const NAMES = ['a', 'b.a', 'c.b.a', 'b', 'c.b']
const ADDRESSES = ['192.0.2.1', '192.0.2.9', '64:ff9b::c000:209']
const PATTERNS = [...NAMES, '=b.a', '*.a', '192.0.2.0/24', '192.0.2.8/29']

const someRule = fc.record({
  kind: fc.constantFrom('ban' as const, 'ban' as const, 'exception' as const, 'allow', 'block'),
  source: fc.nat(4),
  mode: fc.constantFrom('enforce' as const, 'enforce' as const, 'monitor' as const),
  from: fc.constantFrom(-Infinity, -Infinity, 1, 2),
  until: fc.constantFrom(Infinity, Infinity, 2, 3),
  qtypes: fc.boolean()
})
const someRules = fc.array(someRule, { maxLength: 5 })
const someSources = fc.array(fc.subarray(PATTERNS, { minLength: 1, maxLength: 3 }), {
  ...{ minLength: 5, maxLength: 5 }
})

/** Three networks: the client's own, that of its address, and what of the latter bans, or lifts bans. */
const someCase = fc
  .record({ sources: someSources, own: someRules, other: someRules, shared: someRules })
  .map(({ sources, own, other, shared }): RuleSet => {
    const all = sources.map((patterns, i) => (i === 1 ? inline : source)(`s${i}`, ...patterns))
    const rulesOf = (drafts: typeof own, of: string): Rule[] =>
      drafts.map(({ kind, source: pick, mode, ...when }, i): Rule => {
        const [id, sources] = [`${of}${i}`, [all[pick]!]]
        const term = { from: when.from, until: when.until }
        if (kind === 'ban') return ban(id, sources, { ...term, mode })
        if (kind === 'block') return block(id, sources, { ...term, mode })
        return kind === 'allow' ? allow(id, sources, term) : exception(id, sources, term)
      })
    const [inherited, ofOwn, ofOther] = [
      rulesOf(shared, 'shared'),
      rulesOf(own, 'own'),
      rulesOf(other, 'other')
    ]
    const rules = [...ofOther, ...inherited]
    const bans = rules.filter(({ kind }) => kind === 'ban' || kind === 'exception')
    return ruleSet(
      network('own', ['10.1.0.0/16'], [...inherited, ...ofOwn]),
      network('other', ['10.2.0.0/16'], rules),
      network('bans', ['10.3.0.0/16'], bans)
    )
  })

const isBanned = ({ verdict, claim }: RuleVerdict): boolean =>
  verdict === 'blocked' && claim!.kind === 'ban'

/** The stricter one of two decisions, in the order of docs/reference/rules.md. */
function stricter(own: RuleVerdict, bans: RuleVerdict): RuleVerdict {
  if (isBanned(own)) return own
  if (isBanned(bans)) return bans
  if (own.verdict === 'blocked' || own.verdict === 'monitored') return own
  return bans.verdict === 'monitored' || own.verdict === 'forwarded' ? bans : own
}

const SUBJECTS: readonly Subject[] = [
  ...NAMES.map(name => ({ kind: 'name' as const, octets: wire(name) })),
  ...ADDRESSES.map(address => ({ kind: 'address' as const, words: words(address) }))
]

t.test('a client of two networks gets the stricter one of the two decisions', async t => {
  const seen = new Set<string>()
  fc.assert(
    fc.property(someCase, rules => {
      const evaluator = new Evaluator(compile(rules, { generation: 1, random: () => 7 }))
      const [own, other, bans] = ['10.1.0.1', '10.2.0.1', '10.3.0.1'].map(address =>
        evaluator.policy.classOf(words(address), 0)
      )
      return SUBJECTS.every(subject =>
        [0, 1, 2, 3].every(now => {
          const decide = (one: number, address = 0): RuleVerdict =>
            evaluator.evaluate(subject, RRTYPE.A, one, now, address)
          const [pair, alone, ofBans] = [decide(own!, other), decide(own!), decide(bans!)]
          seen.add(`${alone.verdict} ${ofBans.verdict} ${pair.verdict}`)
          const { verdict, claim } = stricter(alone, ofBans)
          const isSame = pair.verdict === verdict && pair.claim === claim
          return isSame && isBanned(decide(other!)) === isBanned(ofBans)
        })
      )
    }),
    runs(10_000)
  )
  for (const expected of [
    'allowed blocked blocked',
    'blocked allowed blocked',
    'monitored blocked blocked',
    'blocked monitored blocked',
    'forwarded blocked blocked',
    'blocked forwarded blocked',
    'allowed monitored monitored',
    'allowed forwarded allowed',
    'forwarded allowed allowed'
  ])
    t.ok(seen.has(expected), expected)
})

t.test('which class of the address counts', async t => {
  const clients = { networkOf: Int32Array.of(-1, 0, 0, 1) }
  t.equal(addressClassOf(clients, 1, 3), 3)
  t.equal(addressClassOf(clients, 1, 2), 0, 'another class of the same network')
  t.equal(addressClassOf(clients, 1, 0), 0, 'in no network')
})

t.test('no two pairs ever have the same number', async t => {
  const pairs = new ClassPairs(1000)
  const numbers = new Set<number>()
  for (let own = 1; own < 400; own++)
    for (let address = 1; address < 400; address++) numbers.add(pairs.numberOf(own, address))
  t.equal(numbers.size, 399 * 399)
  t.equal(Math.min(...[...numbers].slice(0, 10)), 1000, 'above all classes')
  t.equal(pairs.numberOf(399, 399), pairs.numberOf(399, 399))
})
