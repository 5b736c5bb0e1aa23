import fc from 'fast-check'
import t, { type Test } from 'tap'
import { RRTYPE } from '../../src/wire/dns/registry/rrtype.js'
import { matchedRule } from '../../src/policy/evaluate/matched-rule.js'
import type { Policy } from '../../src/policy/evaluate/policy.js'
import { explainName } from '../../src/policy/explain/explain.js'
import { Decision } from '../../src/policy/tables/decision.js'
import { readList } from '../../src/policy/rules/lists/read-list.js'
import { words } from '../base/words.js'
import { runs } from '../runs.js'
import { hashed, policyOf } from './evaluating.js'
import { ban, block, network, ruleSet, source } from './rule-set.js'

const CLIENT = '10.0.0.1'

/** A response policy zone with these owners, all with the action of `records`. */
function zoneParts(id: string, owners: readonly string[], record = 'CNAME .') {
  const lines = [
    '@ SOA . . 1 1 1 1 1',
    ...owners.map(owner => `${owner.replace(/\.$/, '')} ${record}`),
    ''
  ]
  const files = [{ octets: Buffer.from(lines.join('\n')), file: id, displayName: id }]
  const read = readList({ id, format: 'rpz' }, files)
  if ('errors' in read) throw read.errors[0]!
  return read.parts
}

/** The list and pattern that decide for a name; '' if none does. */
function decider(t: Test, policy: Policy, name: string): string {
  const decision = new Decision()
  const clientClass = policy.classOf(words(CLIENT), 0)
  const queried = hashed(name, policy.seed)
  policy.evaluateName(queried, RRTYPE.A, clientClass, 0, decision)
  const { claim, entry, label } = decision
  const rule = matchedRule(policy.snapshot, claim, entry, label === 0)
  const decided = rule === undefined ? '' : `${rule.source.id} ${rule.pattern}`
  const context = { clientClass, qtype: RRTYPE.A, now: 0 }
  const [explained] = explainName(policy.snapshot, queried, context).filter(
    ({ outcome }) => outcome === 'decides'
  )
  const { source, pattern } = explained?.matched ?? {}
  const text = explained === undefined ? '' : `${source!.id} ${pattern}`
  if (text !== decided) t.equal(text, decided, `${name} is explained as it is decided`)
  return decided
}

/** The owner that matches by the algorithm of RFC 1034 §4.3.2 and RFC 4592 §3.3.1; '' if none. */
function closest(owners: readonly string[], name: string): string {
  if (owners.includes(name)) return `=${name}`
  const above = name.split('.').map((_, i, labels) => labels.slice(i).join('.'))
  const encloser = [...above, ''].find(it =>
    owners.some(owner => owner === it || it === '' || owner.endsWith(`.${it}`))
  )!
  const wildcard = `*.${encloser}`
  return encloser !== name && owners.includes(wildcard) ? wildcard : ''
}

const someLabels = (maxLength: number) =>
  fc.array(fc.constantFrom('a', 'b', 'c'), { minLength: 1, maxLength })
const someOwner = fc.oneof(
  someLabels(4).map(labels => labels.join('.')),
  someLabels(3).map(labels => `*.${labels.join('.')}`),
  fc.constant('*.')
)

t.test('a wildcard covers names whose closest encloser it is below, and no others', t => {
  let behind = 0
  fc.assert(
    fc.property(
      fc.uniqueArray(someOwner, { minLength: 1, maxLength: 8 }),
      fc.array(someLabels(5), { minLength: 1, maxLength: 8 }),
      (owners, names) => {
        const rules = [block('zone', zoneParts('zone', owners))]
        const policy = policyOf(ruleSet(network('net', ['10.0.0.0/8'], rules)))
        for (const labels of names) {
          const name = labels.join('.')
          const owner = closest(owners, name)
          t.equal(
            decider(t, policy, name),
            owner && `zone ${owner}`,
            `${name} in ${owners.join(' ')}`
          )
          const above = labels.map((_, i) => `*.${labels.slice(i + 1).join('.')}`)
          if (owner === '' && above.some(it => owners.includes(it))) behind++
        }
      }
    ),
    runs(1000)
  )
  t.ok(behind > runs(1000).numRuns / 20, `${behind} names were behind an encloser`)
  t.end()
})

t.test('an encloser ends the search of its own zone only', async t => {
  const first = zoneParts('first', ['*.a', 'x.b.a'])
  const second = zoneParts('second', ['*.a'], 'CNAME *.')
  const app = source('app', 'a')
  const both = [block('first', first), block('second', second)]
  const policy = policyOf(ruleSet(network('net', ['10.0.0.0/8'], both)))
  t.equal(decider(t, policy, 'c.a'), 'first *.a')
  t.equal(decider(t, policy, 'b.a'), 'second *.a', 'x.b.a makes b.a exist')
  t.equal(decider(t, policy, 'y.b.a'), 'second *.a')
  const banned = [ban('ban', [app]), block('first', first)]
  const other = policyOf(ruleSet(network('net', ['10.0.0.0/8'], banned)))
  t.equal(decider(t, other, 'y.b.a'), 'app a')
  const monitored = [block('first', first, { mode: 'monitor' }), block('second', second)]
  const third = policyOf(ruleSet(network('net', ['10.0.0.0/8'], monitored)))
  const decision = new Decision()
  third.evaluateName(hashed('y.b.a', third.seed), RRTYPE.A, 1, 0, decision)
  t.equal(decision.monitorClaim, -1, 'nor does the wildcard count in monitor mode')
})

t.test('a zone with passthru in a ban follows the same rule', async t => {
  const octets = Buffer.from(
    '@ SOA . . 1 1 1 1 1\n*.a CNAME .\n*.b.a CNAME rpz-passthru.\nc.b.a CNAME .\n'
  )
  const read = readList({ id: 'z', format: 'rpz' }, [{ octets, file: 'z', displayName: 'z' }])
  if ('errors' in read) throw read.errors[0]!
  const policy = policyOf(ruleSet(network('net', ['10.0.0.0/8'], [ban('ban', read.parts)])))
  t.equal(decider(t, policy, 'x.a'), 'z *.a')
  t.equal(decider(t, policy, 'x.b.a'), '', 'passed')
  t.equal(decider(t, policy, 'c.b.a'), 'z =c.b.a')
  t.equal(decider(t, policy, 'x.c.b.a'), '', 'neither wildcard covers it')
})

t.test('names that exist below a wildcard only are not counted', async t => {
  const parts = zoneParts('zone', ['*.a', 'x.y.z.a'])
  const policy = policyOf(ruleSet(network('net', ['10.0.0.0/8'], [block('zone', parts)])))
  t.equal(policy.snapshot.counts.names, 2)
})
