import t from 'tap'
import { HashedName } from '../../src/dns/name/hashed-name.js'
import { compile } from '../../src/policy/compile/compile.js'
import { Policy } from '../../src/policy/evaluate/policy.js'
import { ask, hashed, policyOf } from './asking.js'
import { allow, ban, block, network, ruleSet, seeds, source, wire } from './rule-set.js'

const CLIENT = '10.0.0.1'
const SEED = 0x0ddba11
const OTHER_SEED = 0x7e57ab1e

function scattered(i: number, factor: number): string {
  return (Math.imul(i, factor) >>> 0).toString(36)
}

/** Two names whose hashes are equal under SEED: among 2^32 hashes, one pair in 80,000 names. */
function colliding(): readonly [string, string] {
  const seen = new Map<number, string>()
  const probe = new HashedName()
  for (let i = 0; i < 400_000; i++) {
    const name = `${scattered(i, 0x9e3779b1)}${scattered(i, 0x85ebca6b)}.example`
    probe.set(wire(name), 0, SEED)
    const twin = seen.get(probe.hashes[0]!)
    if (twin !== undefined) return [twin, name]
    seen.set(probe.hashes[0]!, name)
  }
  throw new Error('no two of the names collide')
}

const [BANNED, STRANGER] = colliding()

t.test('the two names do collide', async t => {
  t.not(BANNED, STRANGER)
  t.equal(hashed(BANNED, SEED).hashes[0], hashed(STRANGER, SEED).hashes[0])
})

t.test('a stranger with the hash of a banned name is not blocked', async t => {
  const rules = [ban('ban', [source('a', BANNED)])]
  const policy = policyOf(ruleSet(network('net', ['10.0.0.0/8'], rules)), seeds(SEED))
  t.equal(ask(policy, BANNED, CLIENT).decides, 'ban')
  t.equal(ask(policy, STRANGER, CLIENT).decides, '')
  t.equal(ask(policy, `www.${STRANGER}`, CLIENT).decides, '')
})

t.test('both of two names with one hash are found', async t => {
  const rules = [allow('one', [source('a', BANNED)]), block('two', [source('b', STRANGER)])]
  const policy = policyOf(ruleSet(network('net', ['10.0.0.0/8'], rules)), seeds(SEED))
  t.equal(ask(policy, BANNED, CLIENT).decides, 'one')
  t.equal(ask(policy, STRANGER, CLIENT).decides, 'two')
})

const BOTH = ruleSet(network('net', ['10.0.0.0/8'], [ban('ban', [source('a', BANNED, STRANGER)])]))

t.test('another seed is taken where names crowd', async t => {
  const random = seeds(SEED, SEED, OTHER_SEED)
  const snapshot = compile(BOTH, { generation: 1, random, maxRun: 1 })
  t.equal(snapshot.names.seed, OTHER_SEED)
  const policy = new Policy(snapshot)
  t.equal(ask(policy, BANNED, CLIENT).decides, 'ban')
  t.equal(ask(policy, STRANGER, CLIENT).decides, 'ban')
})

t.test('names that crowd under every seed are an error', async t => {
  const options = { generation: 1, random: seeds(SEED), maxRun: 1 }
  t.throws(() => compile(BOTH, options), { code: 'POLICY_CROWDED' })
})

const lying = [
  { it: 'names', bounds: { names: 1, octets: 1000 } },
  { it: 'octets', bounds: { names: 2, octets: 0 } }
] as const

for (const { it, bounds } of lying) {
  t.test(`a source with more ${it} than its bounds is an error`, async t => {
    const long = `${'l'.repeat(60)}.example`
    const liar = { ...source('a', long, `m${long}`), bounds }
    const rules = ruleSet(network('net', ['10.0.0.0/8'], [ban('ban', [liar])]))
    t.throws(() => policyOf(rules), { code: 'POLICY_BOUNDS' })
  })
}

t.test('a generous bound costs no slots', async t => {
  const generous = { ...source('a', 'a.example'), bounds: { names: 100_000, octets: 2_000_000 } }
  const policy = policyOf(ruleSet(network('net', ['10.0.0.0/8'], [ban('ban', [generous])])))
  t.equal(ask(policy, 'a.example', CLIENT).decides, 'ban')
  t.ok(policy.snapshot.names.slots.byteLength < 1000)
})

t.test('every one of many names is found, and no other', async t => {
  const names = Array.from({ length: 5000 }, (_, i) => `n${i}.example`)
  const policy = policyOf(
    ruleSet(network('net', ['10.0.0.0/8'], [ban('b', [source('a', ...names)])]))
  )
  const missed = names.filter(name => ask(policy, name, CLIENT).decides !== 'b')
  const strangers = names.filter(name => ask(policy, `x${name}`, CLIENT).decides !== '')
  t.strictSame({ missed, strangers }, { missed: [], strangers: [] })
})
