import t from 'tap'
import { readPrefix } from '../../src/base/values/address.js'
import { RRTYPE } from '../../src/wire/dns/registry/rrtype.js'
import { compile } from '../../src/policy/compile/compile.js'
import { compare } from '../../src/policy/compile/compare.js'
import { matchedRule } from '../../src/policy/evaluate/matched-rule.js'
import { explainName } from '../../src/policy/explain/explain.js'
import { Decision } from '../../src/policy/tables/decision.js'
import { LocalDataBuilder } from '../../src/policy/rules/lists/local-data.js'
import type {
  ListPart,
  ListReply,
  Reply,
  Rule,
  RuleSet
} from '../../src/policy/rules/model/types.js'
import { words } from '../base/words.js'
import { evaluate, evaluateAddress, hashed, policyOf, type RuleIds } from './evaluating.js'
import { NaivePolicy } from './naive.js'
import { allow, ban, block, exception, inline, network, part, ruleSet, seeds } from './rule-set.js'
import { source } from './rule-set.js'

const CLIENT = '10.0.0.1'

/** Lists with block and pass entries. */
function list(id: string, blocks: readonly string[], passes: readonly string[], more?: object) {
  return [
    part(source(`${id}#1`, ...blocks), { list: id, effect: 'rule', ...more }),
    part(source(`${id}#2`, ...passes), { list: id, effect: 'pass', ...more })
  ]
}

function of(effect: ListPart['effect'], more: Omit<ListPart, 'list' | 'effect'> = {}) {
  return part(source('one#1', 'a.example'), { list: 'one', effect, ...more })
}

const ONE = list('one', ['example', '=w.a.example', '192.0.2.0/24'], ['a.example', '192.0.2.8/29'])
const TWO = list('two', ['example', '192.0.2.0/24'], [])
/** Zones, whose order takes precedence over the length of names. */
const FIRST = list('first', ['wide.example'], ['a.example'], { triggerRank: 0 })
const SECOND = list('second', ['a.example', 'w.wide.example', '192.0.2.0/24'], [], {
  triggerRank: 0
})
const WATCH = { mode: 'monitor' } as const

function one(...rules: readonly Rule[]): RuleSet {
  return ruleSet(network('net', ['10.0.0.0/8'], rules))
}

interface Case {
  readonly it: string
  readonly rules: RuleSet
  readonly name?: string
  readonly address?: string
  readonly client?: string
  readonly qtype?: number
  readonly decided: Partial<RuleIds>
}

const passes: Case[] = [
  { it: 'a pass entry', rules: one(block('k', ONE)), decided: {} },
  {
    it: 'the name above a pass entry',
    rules: one(block('k', ONE)),
    name: 'example',
    decided: { decides: 'k' }
  },
  {
    it: 'a blocked name below a pass entry',
    rules: one(block('k', ONE)),
    name: 'w.a.example',
    decided: { decides: 'k' }
  },
  {
    it: 'a block by another list, despite a pass entry',
    rules: one(block('k', ONE), block('l', TWO)),
    decided: { decides: 'l' }
  },
  {
    it: 'a ban of inline names, despite a pass entry',
    rules: one(block('k', ONE), ban('b', [inline('i', 'a.example')])),
    decided: { decides: 'b' }
  },
  { it: 'a pass entry of a banned list', rules: one(ban('b', ONE)), decided: {} },
  {
    it: 'a pass entry of one of two banned lists',
    rules: one(ban('b', [...ONE, ...TWO])),
    decided: { decides: 'b' }
  },
  {
    it: 'no allow through a pass entry',
    rules: one(allow('l', ONE), block('k', TWO)),
    decided: { decides: 'k' }
  },
  {
    it: 'no exception through a pass entry',
    rules: one(exception('e', ONE), ban('b', TWO)),
    decided: { decides: 'b' }
  },
  {
    it: 'no pass entry of an expired rule',
    rules: one(block('k', [ONE[0]!]), block('l', ONE, { until: 0 })),
    decided: { decides: 'k' }
  },
  {
    it: 'no monitored block through a pass entry',
    rules: one(block('k', ONE, WATCH)),
    decided: {}
  },
  {
    it: 'a pass entry for an address',
    rules: one(block('k', ONE)),
    address: '192.0.2.9',
    decided: {}
  },
  {
    it: 'an address beside it',
    rules: one(block('k', ONE)),
    address: '192.0.2.7',
    decided: { decides: 'k' }
  }
]

const zones: Case[] = [
  {
    it: 'the first zone, although the second has a longer name',
    rules: one(block('k', FIRST), block('l', SECOND)),
    name: 'w.wide.example',
    decided: { decides: 'k' }
  },
  {
    it: 'the first zone of one rule',
    rules: one(block('k', [...SECOND, ...FIRST])),
    name: 'w.wide.example',
    decided: { decides: 'k' }
  },
  {
    it: 'a pass entry of the first zone before the second',
    rules: one(block('k', FIRST), block('l', SECOND)),
    decided: { decides: 'k' }
  },
  {
    it: 'the first zone before a pass entry of the second',
    rules: one(block('l', SECOND), block('k', FIRST)),
    decided: { decides: 'l' }
  },
  {
    it: 'a ban, despite a pass entry of a zone',
    rules: one(block('k', FIRST), ban('b', TWO)),
    decided: { decides: 'b' }
  },
  {
    it: 'a ban by a later zone, despite a pass entry of an earlier one in a ban',
    rules: one(ban('b', FIRST), ban('c', SECOND)),
    decided: { decides: 'c' }
  },
  {
    it: 'a zone, despite a pass entry of a monitored one',
    rules: one(block('k', FIRST, WATCH), block('l', SECOND)),
    decided: { decides: 'l' }
  },
  {
    it: 'a monitored zone before the one that decides, although its name is shorter',
    rules: one(block('k', FIRST, WATCH), block('l', SECOND)),
    name: 'w.wide.example',
    decided: { decides: 'l', monitors: 'k' }
  },
  {
    it: 'an allow before all zones',
    rules: one(block('l', SECOND), allow('a', [inline('i', 'a.example')])),
    decided: { decides: 'a' }
  },
  {
    it: 'the longest name of the lists between two zones',
    rules: one(block('s', SECOND), block('i', TWO), block('j', [inline('i', 'b.example')])),
    name: 'b.example',
    decided: { decides: 'j' }
  },
  {
    it: 'the first rank of a zone, although a later one has a longer name',
    rules: one(
      block('k', [
        part(source('z#1', ''), { list: 'z', effect: 'pass', triggerRank: 0 }),
        part(source('z#2', 'a.example'), { list: 'z', effect: 'rule', triggerRank: 1 })
      ]),
      block('l', SECOND)
    ),
    decided: { decides: 'k' }
  }
]

const OFFICE = { prefixes: [readPrefix('10.20.0.0/16')] }
const A_ONLY = { qtypes: { types: [RRTYPE.A], except: false } }
const NOT_A = { qtypes: { types: [RRTYPE.A], except: true } }

const narrow: Case[] = [
  {
    it: 'a type that the part applies to',
    rules: one(block('k', [of('rule', A_ONLY)])),
    decided: { decides: 'k' }
  },
  {
    it: 'another type',
    rules: one(block('k', [of('rule', A_ONLY)])),
    qtype: RRTYPE.MX,
    decided: {}
  },
  { it: 'a type that the part excludes', rules: one(block('k', [of('rule', NOT_A)])), decided: {} },
  {
    it: 'a type that is not excluded',
    rules: one(block('k', [of('rule', NOT_A)])),
    qtype: RRTYPE.MX,
    decided: { decides: 'k' }
  },
  {
    it: 'ANY, which includes the type',
    rules: one(block('k', [of('rule', A_ONLY)])),
    qtype: RRTYPE.ANY,
    decided: { decides: 'k' }
  },
  {
    it: 'ANY, although one type passes',
    rules: one(block('k', [TWO[0]!, of('pass', A_ONLY)])),
    qtype: RRTYPE.ANY,
    decided: { decides: 'k' }
  },
  {
    it: 'ANY, although all types but one pass',
    rules: one(block('k', [TWO[0]!, of('pass', NOT_A)])),
    qtype: RRTYPE.ANY,
    decided: { decides: 'k' }
  },
  { it: 'a client outside', rules: one(block('k', [of('rule', OFFICE)])), decided: {} },
  {
    it: 'a client inside',
    rules: one(block('k', [of('rule', OFFICE)])),
    client: '10.20.0.1',
    decided: { decides: 'k' }
  },
  {
    it: 'a pass entry for a client',
    rules: one(block('k', [part(TWO[0]!, { list: 'one', effect: 'rule' }), of('pass', OFFICE)])),
    client: '10.20.0.1',
    decided: {}
  },
  {
    it: 'no pass entry for another client',
    rules: one(block('k', [part(TWO[0]!, { list: 'one', effect: 'rule' }), of('pass', OFFICE)])),
    decided: { decides: 'k' }
  }
]

for (const one of [...passes, ...zones, ...narrow]) {
  const { it, rules, name = 'a.example', address, client = CLIENT, qtype = RRTYPE.A, decided } = one
  t.test(`evaluates ${it}`, async t => {
    const policy = policyOf(rules)
    const naive = new NaivePolicy(rules)
    const [compiled, plain] =
      address === undefined
        ? [evaluate(policy, name, client, 0, qtype), naive.evaluate(name, client, 0, qtype)]
        : [evaluateAddress(policy, address, client), naive.evaluateAddress(address, client)]
    const expected = { decides: '', monitors: '', ...decided }
    t.strictSame(compiled, expected, 'compiled')
    t.strictSame(plain, expected, 'by plain loops')
  })
}

const GARDEN: ListReply = { action: 'cname', target: Uint8Array.of(6, ...Buffer.from('garden'), 0) }
const OWN: Reply = { action: 'nxdomain', ede: 'filtered', ttl: 5 }

const replies = [
  {
    it: 'the reply of the list',
    effect: GARDEN,
    reply: OWN,
    gives: { action: 'cname', ttl: 5, ede: 17 }
  },
  {
    it: 'the overriding reply of the rule',
    effect: GARDEN,
    reply: { ...OWN, overrides: true },
    gives: { action: 'nxdomain', target: undefined }
  },
  { it: 'the reply of the rule', effect: 'rule', reply: OWN, gives: { action: 'nxdomain' } },
  {
    it: 'NODATA instead of NXDOMAIN if it applies to some types only',
    effect: 'rule',
    qtypes: A_ONLY,
    reply: OWN,
    gives: { action: 'nodata' }
  },
  { it: 'nothing for a pass entry', effect: 'pass', reply: OWN, gives: undefined }
] as const

for (const { it, effect, reply, gives, ...more } of replies) {
  t.test(`a client receives ${it}`, async t => {
    const qtypes = 'qtypes' in more ? more.qtypes : {}
    const policy = policyOf(one(block('k', [of(effect, qtypes)], { reply })))
    t.match(policy.claims.at(0)!.reply, gives)
  })
}

t.test('the matched rule and line are those of the list', async t => {
  const policy = policyOf(one(block('k', FIRST)))
  const decision = new Decision()
  const name = hashed('w.a.example', policy.seed)
  policy.evaluateName(name, RRTYPE.A, policy.classOf(words(CLIENT), 0), 0, decision)
  t.match(matchedRule(policy.snapshot, decision.claim, decision.entry), {
    rule: 'k',
    source: { id: 'first' },
    sourceFile: 'lists/first',
    sourceLine: 1,
    pattern: 'a.example'
  })
})

const outcomes = [
  { name: 'a.example', outcomes: ['passes', 'excluded by its list', 'decides'] },
  { name: 'example', outcomes: ['decides', 'loses to an earlier rule'] }
]

for (const { name, outcomes: expected } of outcomes) {
  t.test(`explains ${name}`, async t => {
    const policy = policyOf(one(block('k', ONE), block('l', TWO)))
    const clientClass = policy.classOf(words(CLIENT), 0)
    const question = { clientClass, qtype: RRTYPE.A, now: 0 }
    const found = explainName(policy.snapshot, hashed(name, policy.seed), question)
    t.strictSame(found.map(({ outcome }) => outcome).sort(), [...expected].sort())
  })
}

t.test('explains a part for other types', async t => {
  const policy = policyOf(one(block('k', [of('rule', A_ONLY)])))
  const clientClass = policy.classOf(words(CLIENT), 0)
  const question = { clientClass, qtype: RRTYPE.MX, now: 0 }
  const found = explainName(policy.snapshot, hashed('a.example', policy.seed), question)
  t.match(found, [{ outcome: 'for other types' }])
})

t.test('a list counts once, and changes when a name moves between its parts', async t => {
  const before = compile(one(block('k', ONE)), { generation: 1, random: seeds(1) })
  const swapped = list(
    'one',
    ['a.example', '192.0.2.8/29'],
    ['example', '=w.a.example', '192.0.2.0/24']
  )
  const after = compile(one(block('k', swapped)), { generation: 2, random: seeds(1) })
  t.equal(before.counts.sources, 1)
  t.strictSame(compare(before, after).sources, { added: [], removed: [], changed: ['one'] })
})

function dataOf(...addresses: readonly string[]): ListReply {
  const builder = new LocalDataBuilder()
  addresses.forEach((address, i) =>
    builder.add(1 + (i >> 1), RRTYPE.A, readPrefix(`${address}/32`).address.slice(12))
  )
  return { action: 'data', data: builder.finish() }
}

t.test('finds the local data for the line that matched', async t => {
  const names = source('one#1', '=a.example', '*.a.example', 'b.example', '*.a.example')
  const data = dataOf(...['192.0.2.1', '192.0.2.2', '192.0.2.3', '192.0.2.4', '192.0.2.5'])
  const policy = policyOf(
    one(
      ban('other', [source('app', 'a.example')], WATCH),
      block('k', [part(names, { list: 'one', effect: data })])
    )
  )
  const found = (name: string): string => {
    const decision = new Decision()
    policy.evaluateName(
      hashed(name, policy.seed),
      RRTYPE.A,
      policy.classOf(words(CLIENT), 0),
      0,
      decision
    )
    const { octets, from, to } = policy.findLocalData(decision)
    return Buffer.from(octets.subarray(from, to)).toString('hex')
  }
  t.equal(found('a.example'), '00010004c0000201' + '00010004c0000202')
  t.equal(found('w.a.example'), '00010004c0000203' + '00010004c0000204')
  t.equal(found('b.example'), '00010004c0000205')
})

t.test('a list with changed local data has changed', async t => {
  const withData = (address: string): RuleSet => one(block('k', [of(dataOf(address))]))
  const before = compile(withData('192.0.2.1'), { generation: 1, random: seeds(1) })
  const after = compile(withData('192.0.2.2'), { generation: 2, random: seeds(1) })
  t.strictSame(compare(before, after).sources.changed, ['one'])
})
