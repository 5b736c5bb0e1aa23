import t from 'tap'
import { SPECIAL_USE } from '../../src/dns/registry/special-use.js'
import { compile } from '../../src/policy/compile/compile.js'
import { compare } from '../../src/policy/diff/compare.js'
import { Policy } from '../../src/policy/evaluate/policy.js'
import { explainName } from '../../src/policy/explain/explain.js'
import { TIER } from '../../src/policy/tables/claim.js'
import { specialUseNames } from '../../src/policy/tables/special-use-names.js'
import { Verdict } from '../../src/policy/tables/verdict.js'
import { words } from '../base/words.js'
import { hashed } from './asking.js'
import { allow, ban, network, ruleSet, seeds, source, wire } from './rule-set.js'

const CLIENT = '10.0.0.1'
const ALL = specialUseNames([])

const rules = ruleSet(
  network('office', ['10.0.0.0/8'], [ban('tor', [source('tor', 'hidden.onion')])]),
  network('lab', ['192.0.2.0/24'], [allow('lab', [source('lab', 'test')])]),
  network('bare', ['198.51.100.0/24'], [])
)

function policyWith(open: readonly string[] = []): Policy {
  const local = specialUseNames(open.map(wire))
  return new Policy(compile(rules, { generation: 1, random: seeds(1), specialUse: local }))
}

/** What is said of a name: the kind, `ban` and so on for rules, '' for nothing. */
function saidOf(policy: Policy, name: string, client = CLIENT): string {
  const verdict = new Verdict()
  policy.evaluateName(hashed(name, policy.seed), 1, policy.classOf(words(client), 0), 0, verdict)
  if (verdict.tier === TIER.specialUse) return policy.specialUseOf(verdict.entry).kind
  return policy.claims[verdict.claim]?.kind ?? ''
}

t.test('the registry has each name once, and says who asks for it', async t => {
  const names = SPECIAL_USE.flatMap(({ names }) => names)
  t.equal(new Set(names).size, names.length)
  t.ok(names.length > 100)
  for (const { reference, names } of SPECIAL_USE)
    t.match(reference, /^RFC \d{4}( §[\d.]+)?$/, names.join())
})

t.test('every special-use name is found, for clients of networks without rules too', async t => {
  const policy = policyWith()
  for (const { names, kind } of SPECIAL_USE) {
    for (const name of names) {
      t.equal(saidOf(policy, name, '198.51.100.1'), kind, name)
      t.equal(saidOf(policy, `x.${name}`, '198.51.100.1'), kind, `below ${name}`)
    }
  }
  t.equal(saidOf(policy, 'www.example', '198.51.100.1'), '')
})

const cases = [
  { it: 'a ban', name: 'hidden.onion', client: CLIENT, said: 'ban' },
  { it: 'what stands beside a ban', name: 'other.onion', client: CLIENT, said: 'absent' },
  { it: 'an allow', name: 'www.test', client: '192.0.2.1', said: 'allow' },
  { it: 'the same where there is no allow', name: 'www.test', client: CLIENT, said: 'absent' },
  { it: 'nothing, to who is in no network', name: 'www.test', client: '203.0.113.1', said: '' }
]
for (const { it, name, client, said } of cases) {
  t.test(`rules come first: ${it}`, async t => t.equal(saidOf(policyWith(), name, client), said))
}

const holes = [
  { it: 'a name that is one', open: ['onion'], name: 'a.onion', said: '' },
  { it: 'a name above it', open: ['in-addr.arpa'], name: '1.10.in-addr.arpa', said: '' },
  { it: 'only what is below it', open: ['in-addr.arpa'], name: 'd.f.ip6.arpa', said: 'zone' },
  { it: 'a name in it', open: ['1.10.in-addr.arpa'], name: '9.1.10.in-addr.arpa', said: 'open' },
  { it: 'not beside it', open: ['1.10.in-addr.arpa'], name: '9.2.10.in-addr.arpa', said: 'zone' },
  {
    it: 'not names that only end alike',
    open: ['1.10.in-addr.arpa'],
    name: '11.10.in-addr.arpa',
    said: 'zone'
  },
  { it: 'not all names for the root', open: [''], name: 'a.onion', said: 'absent' }
]
for (const { it, open, name, said } of holes) {
  t.test(`the settings open ${it}`, async t => t.equal(saidOf(policyWith(open), name), said))
}

t.test('a snapshot counts and compares rules only', async t => {
  const plain = compile(rules, { generation: 1, random: seeds(1) })
  const { snapshot } = policyWith()
  t.strictSame(snapshot.counts, plain.counts)
  t.equal(snapshot.origin.sha256, plain.origin.sha256)
  t.equal(snapshot.specialUse.length, ALL.length)
  t.strictSame(plain.specialUse, [])
})

t.test('a special-use name that a rule speaks of is a new name of the rules', async t => {
  const more = ruleSet(
    ...rules.networks,
    network('tor', ['203.0.113.0/24'], [ban('all-tor', [source('all', 'onion', 'home.arpa')])])
  )
  const local = specialUseNames([])
  const after = compile(more, { generation: 2, random: seeds(2), specialUse: local })
  t.strictSame(compare(policyWith().snapshot, after).names, { added: 2, removed: 0 })
  t.strictSame(compare(after, policyWith().snapshot).names, { added: 0, removed: 2 })
})

t.test('it is explained which one decides, and which loses to a rule', async t => {
  const policy = policyWith()
  const office = policy.classOf(words(CLIENT), 0)
  const said = explainName(policy.snapshot, hashed('a.hidden.onion', policy.seed), {
    clientClass: office,
    qtype: 1,
    now: 0
  })
  t.strictSame(
    said.map(({ outcome: fate, matched }) => [fate, matched.pattern, matched.sourceFile]),
    [
      ['decides', 'hidden.onion', 'apps/tor.yaml'],
      ['loses to a higher tier', 'onion', 'RFC 7686 §2']
    ]
  )
})
