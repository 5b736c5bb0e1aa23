import t from 'tap'
import { HashedName } from '../../src/wire/dns/name/hashed-name.js'
import { compile } from '../../src/policy/compile/compile.js'
import { Policy } from '../../src/policy/evaluate/policy.js'
import { evaluate, hashed, policyOf } from './evaluating.js'
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

const [BANNED, OTHER_NAME] = colliding()

t.test('the two names do collide', async t => {
  t.not(BANNED, OTHER_NAME)
  t.equal(hashed(BANNED, SEED).hashes[0], hashed(OTHER_NAME, SEED).hashes[0])
})

t.test('another name with the hash of a banned name is not blocked', async t => {
  const rules = [ban('ban', [source('a', BANNED)])]
  const policy = policyOf(ruleSet(network('net', ['10.0.0.0/8'], rules)), seeds(SEED))
  t.equal(evaluate(policy, BANNED, CLIENT).decides, 'ban')
  t.equal(evaluate(policy, OTHER_NAME, CLIENT).decides, '')
  t.equal(evaluate(policy, `www.${OTHER_NAME}`, CLIENT).decides, '')
})

t.test('both of two names with one hash are found', async t => {
  const rules = [allow('one', [source('a', BANNED)]), block('two', [source('b', OTHER_NAME)])]
  const policy = policyOf(ruleSet(network('net', ['10.0.0.0/8'], rules)), seeds(SEED))
  t.equal(evaluate(policy, BANNED, CLIENT).decides, 'one')
  t.equal(evaluate(policy, OTHER_NAME, CLIENT).decides, 'two')
})

const BOTH = ruleSet(
  network('net', ['10.0.0.0/8'], [ban('ban', [source('a', BANNED, OTHER_NAME)])])
)

t.test('another seed is used if too many names collide', async t => {
  const random = seeds(SEED, SEED, OTHER_SEED)
  const snapshot = compile(BOTH, { generation: 1, random, maxRun: 1 })
  t.equal(snapshot.names.seed, OTHER_SEED)
  const policy = new Policy(snapshot)
  t.equal(evaluate(policy, BANNED, CLIENT).decides, 'ban')
  t.equal(evaluate(policy, OTHER_NAME, CLIENT).decides, 'ban')
})

t.test('names that collide under every seed are an error', async t => {
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

t.test('bounds that are too high do not enlarge the table', async t => {
  const generous = { ...source('a', 'a.example'), bounds: { names: 100_000, octets: 2_000_000 } }
  const policy = policyOf(ruleSet(network('net', ['10.0.0.0/8'], [ban('ban', [generous])])))
  t.equal(evaluate(policy, 'a.example', CLIENT).decides, 'ban')
  t.ok(policy.snapshot.names.slots.byteLength < 1000)
})

t.test('all of many names are found, and no others', async t => {
  const names = Array.from({ length: 5000 }, (_, i) => `n${i}.example`)
  const policy = policyOf(
    ruleSet(network('net', ['10.0.0.0/8'], [ban('b', [source('a', ...names)])]))
  )
  const missed = names.filter(name => evaluate(policy, name, CLIENT).decides !== 'b')
  const others = names.filter(name => evaluate(policy, `x${name}`, CLIENT).decides !== '')
  t.strictSame({ missed, others }, { missed: [], others: [] })
})
