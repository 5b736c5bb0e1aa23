import t from 'tap'
import { SPECIAL_USE } from '../../src/wire/dns/registry/special-use.js'
import { compile } from '../../src/policy/compile/compile.js'
import { compare } from '../../src/policy/compile/compare.js'
import { Policy } from '../../src/policy/evaluate/policy.js'
import { explainName } from '../../src/policy/explain/explain.js'
import { TIER } from '../../src/policy/tables/claim.js'
import { specialUseNames } from '../../src/policy/tables/special-use-names.js'
import { Decision } from '../../src/policy/tables/decision.js'
import { words } from '../base/words.js'
import { hashed } from './evaluating.js'
import { allow, ban, network, ruleSet, seeds, source, wire } from './rule-set.js'

const CLIENT = '10.0.0.1'
const ALL = specialUseNames([])

const rules = ruleSet(
  network('office', ['10.0.0.0/8'], [ban('tor', [source('tor', 'hidden.onion')])]),
  network('lab', ['192.0.2.0/24'], [allow('lab', [source('lab', 'test')])]),
  network('bare', ['198.51.100.0/24'], [])
)

function policyWith(forwarded: readonly string[] = []): Policy {
  const local = specialUseNames(forwarded.map(wire))
  return new Policy(compile(rules, { generation: 1, random: seeds(1), specialUse: local }))
}

/** The kind of the special-use name or of the rule that decides; '' if none does. */
function kindOf(policy: Policy, name: string, client = CLIENT): string {
  const decision = new Decision()
  policy.evaluateName(hashed(name, policy.seed), 1, policy.classOf(words(client), 0), 0, decision)
  if (decision.tier === TIER.specialUse) return policy.specialUseOf(decision.entry).kind
  return policy.claims.at(decision.claim)?.kind ?? ''
}

t.test('the registry has each name once, with its reference', async t => {
  const names = SPECIAL_USE.flatMap(({ names }) => names)
  t.equal(new Set(names).size, names.length)
  t.ok(names.length > 100)
  for (const { reference, names } of SPECIAL_USE)
    t.match(reference, /^RFC \d{4}( §[\d.]+)?$/, names.join())
})

t.test('every special-use name is found, also in networks without rules', async t => {
  const policy = policyWith()
  for (const { names, kind } of SPECIAL_USE) {
    for (const name of names) {
      t.equal(kindOf(policy, name, '198.51.100.1'), kind, name)
      t.equal(kindOf(policy, `x.${name}`, '198.51.100.1'), kind, `below ${name}`)
    }
  }
  t.equal(kindOf(policy, 'www.example', '198.51.100.1'), '')
})

const cases = [
  { it: 'a ban', name: 'hidden.onion', client: CLIENT, kind: 'ban' },
  { it: 'a name beside a banned one', name: 'other.onion', client: CLIENT, kind: 'nxdomain' },
  { it: 'an allow', name: 'www.test', client: '192.0.2.1', kind: 'allow' },
  { it: 'the same name without the allow', name: 'www.test', client: CLIENT, kind: 'nxdomain' },
  {
    it: 'nothing, for clients outside every network',
    name: 'www.test',
    client: '203.0.113.1',
    kind: ''
  }
]
for (const { it, name, client, kind } of cases) {
  t.test(`rules take precedence: ${it}`, async t =>
    t.equal(kindOf(policyWith(), name, client), kind)
  )
}

const exceptions = [
  { it: 'a name that is one', forwarded: ['onion'], name: 'a.onion', kind: '' },
  { it: 'a name above it', forwarded: ['in-addr.arpa'], name: '1.10.in-addr.arpa', kind: '' },
  {
    it: 'only what is below it',
    forwarded: ['in-addr.arpa'],
    name: 'd.f.ip6.arpa',
    kind: 'empty-zone'
  },
  {
    it: 'a name in it',
    forwarded: ['1.10.in-addr.arpa'],
    name: '9.1.10.in-addr.arpa',
    kind: 'forwarded'
  },
  {
    it: 'not beside it',
    forwarded: ['1.10.in-addr.arpa'],
    name: '9.2.10.in-addr.arpa',
    kind: 'empty-zone'
  },
  {
    it: 'not names that only end in the same letters',
    forwarded: ['1.10.in-addr.arpa'],
    name: '11.10.in-addr.arpa',
    kind: 'empty-zone'
  },
  { it: 'not all names for the root', forwarded: [''], name: 'a.onion', kind: 'nxdomain' }
]
for (const { it, forwarded, name, kind } of exceptions) {
  t.test(`the settings forward ${it}`, async t =>
    t.equal(kindOf(policyWith(forwarded), name), kind)
  )
}

t.test('a snapshot counts and compares rules only', async t => {
  const plain = compile(rules, { generation: 1, random: seeds(1) })
  const { snapshot } = policyWith()
  t.strictSame(snapshot.counts, plain.counts)
  t.equal(snapshot.origin.sha256, plain.origin.sha256)
  t.equal(snapshot.specialUse.length, ALL.length)
  t.strictSame(plain.specialUse, [])
})

t.test('a special-use name that a rule covers counts as a name of the rules', async t => {
  const more = ruleSet(
    ...rules.networks,
    network('tor', ['203.0.113.0/24'], [ban('all-tor', [source('all', 'onion', 'home.arpa')])])
  )
  const local = specialUseNames([])
  const after = compile(more, { generation: 2, random: seeds(2), specialUse: local })
  t.strictSame(compare(policyWith().snapshot, after).names, { added: 2, removed: 0 })
  t.strictSame(compare(after, policyWith().snapshot).names, { added: 0, removed: 2 })
})

t.test('explain shows which one decides, and which loses to a rule', async t => {
  const policy = policyWith()
  const office = policy.classOf(words(CLIENT), 0)
  const kind = explainName(policy.snapshot, hashed('a.hidden.onion', policy.seed), {
    clientClass: office,
    qtype: 1,
    now: 0
  })
  t.strictSame(
    kind.map(({ outcome, matched }) => [outcome, matched.pattern, matched.sourceFile]),
    [
      ['decides', 'hidden.onion', 'apps/tor.yaml'],
      ['loses to a higher tier', 'onion', 'RFC 7686 §2']
    ]
  )
})
