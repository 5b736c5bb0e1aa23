import fc from 'fast-check'
import t from 'tap'
import { readPrefix } from '../../src/base/values/address.js'
import { RRTYPE } from '../../src/wire/dns/registry/rrtype.js'
import type { Policy } from '../../src/policy/evaluate/policy.js'
import { explainName, explainAddress, type Candidate } from '../../src/policy/explain/explain.js'
import { Decision } from '../../src/policy/tables/decision.js'
import type { NetworkRules, Rule, RuleSet, Schedule } from '../../src/policy/rules/model/types.js'
import { words } from '../base/words.js'
import { runs } from '../runs.js'
import { evaluate, evaluateAddress, hashed, policyOf, type RuleIds } from './evaluating.js'
import { NaivePolicy } from './naive.js'
import { allow, ban, block, exception, inline, network, part, ruleSet } from './rule-set.js'
import { source, type WrittenSource } from './rule-set.js'

/** Few labels and few addresses, so that many rules match each of them. */
const someName = fc
  .array(fc.constantFrom('a', 'b', 'ab'), { maxLength: 4 })
  .map(labels => labels.join('.'))
const somePattern = fc.oneof(
  { weight: 4, arbitrary: fc.tuple(fc.constantFrom('', '', '=', '*.'), someName) },
  {
    weight: 1,
    arbitrary: fc.tuple(fc.constantFrom('192.0.2.'), fc.constantFrom('0/24', '8/29', '9/32'))
  }
)
const someInstant = fc.integer({ min: 0, max: 4 })
const PREFIXES = [
  '10.0.0.0/8',
  '10.1.0.0/16',
  '10.1.1.0/24',
  '10.1.1.1/32',
  '2001:db8::/32',
  '::/0'
]
const CLIENTS = ['10.9.9.9', '10.1.9.9', '10.1.1.9', '10.1.1.1', '11.1.1.1', '2001:db8::1', '::1']

const someApps = fc
  .array(fc.array(somePattern, { maxLength: 5 }), { minLength: 1, maxLength: 5 })
  .map(all =>
    all.map((patterns, i) => {
      const make = i === 1 ? inline : source
      return [make(`s${i}`, ...patterns.map(parts => parts.join('')))]
    })
  )

const sometimes = <T>(value: fc.Arbitrary<T>) =>
  fc.oneof(fc.constant(undefined), fc.constant(undefined), value)

/** A part of a list; in a zone, with a rank. */
const somePart = fc.record({
  patterns: fc.array(somePattern, { maxLength: 5 }),
  says: fc.constantFrom('rule', 'rule', 'pass'),
  qtypes: sometimes(
    fc.record({
      types: fc.constantFrom([RRTYPE.A], [RRTYPE.A, RRTYPE.AAAA]),
      except: fc.boolean()
    })
  ),
  prefixes: sometimes(fc.subarray(PREFIXES, { minLength: 1, maxLength: 2 })),
  triggerRank: fc.nat(2)
})

const someList = fc
  .record({ parts: fc.array(somePart, { minLength: 1, maxLength: 4 }), isZone: fc.boolean() })
  .map(({ parts, isZone }) => ({
    isZone,
    parts: isZone ? parts.toSorted((a, b) => a.triggerRank - b.triggerRank) : parts
  }))

/** Apps, and lists of several parts each. */
const someSources: fc.Arbitrary<WrittenSource[][]> = fc
  .tuple(someApps, fc.array(someList, { maxLength: 3 }))
  .map(([apps, lists]) => [
    ...apps,
    ...lists.map(({ parts, isZone }, i) =>
      parts.map(({ patterns, says, qtypes, prefixes, triggerRank }, nth) =>
        part(source(`l${i}#${nth}`, ...patterns.map(parts => parts.join(''))), {
          list: `l${i}`,
          effect: says,
          ...(qtypes && { qtypes }),
          ...(prefixes && { prefixes: prefixes.map(readPrefix) }),
          ...(isZone && { triggerRank })
        })
      )
    )
  ])

interface Draft {
  readonly kind: Rule['kind']
  readonly picks: readonly number[]
  readonly mode: 'enforce' | 'monitor'
  readonly from: number
  readonly until: number
  readonly schedule: Schedule | undefined
  readonly prefixes: readonly string[]
}

/** 1 January 1970 was a Thursday. */
const someHours: fc.Arbitrary<Schedule> = fc
  .subarray(
    [0, 1, 2, 3, 4].map(second => 3 * 86_400 + second),
    { minLength: 2, maxLength: 2 }
  )
  .map(bounds => ({ text: bounds.join(), weeks: [{ zone: 'UTC', bounds }] }))

const someDraft: fc.Arbitrary<Draft> = fc.record({
  kind: fc.constantFrom('ban', 'block', 'allow', 'exception'),
  picks: fc.array(fc.nat(7), { minLength: 1, maxLength: 2 }),
  mode: fc.constantFrom('enforce', 'monitor'),
  from: fc.oneof(fc.constant(-Infinity), someInstant),
  until: fc.oneof(fc.constant(Infinity), someInstant),
  schedule: fc.oneof({ weight: 3, arbitrary: fc.constant(undefined) }, someHours),
  prefixes: fc.oneof(fc.constant([]), fc.subarray(PREFIXES, { maxLength: 2 }))
})

function ruleOf(draft: Draft, id: string, sources: readonly (readonly WrittenSource[])[]): Rule {
  const picked = [...new Set(draft.picks.map(pick => sources[pick % sources.length]!))].flat()
  const { kind, mode, from, until, schedule } = draft
  const when = { from, until, ...(schedule && { schedule }) }
  if (kind === 'ban') return ban(id, picked, { mode, ...when })
  if (kind === 'block') return block(id, picked, { mode, ...when })
  if (kind === 'allow') return allow(id, picked, when)
  return exception(id, picked, { ...when, prefixes: draft.prefixes.map(readPrefix) })
}

/** Networks that share rules, each in its own order, as `extends` makes them. */
const someRules: fc.Arbitrary<RuleSet> = fc
  .record({
    sources: someSources,
    drafts: fc.array(someDraft, { maxLength: 7 }),
    owners: fc.array(fc.integer({ min: -1, max: 2 }), { minLength: 6, maxLength: 6 }),
    orders: fc.array(fc.shuffledSubarray([0, 1, 2, 3, 4, 5, 6]), { minLength: 3, maxLength: 3 })
  })
  .map(({ sources, drafts, owners, orders }) => {
    const rules = drafts.map((draft, index) => ruleOf(draft, `r${index}`, sources))
    const networks = orders.map((order, index): NetworkRules => {
      const prefixes = PREFIXES.filter((_, prefix) => owners[prefix] === index)
      return network(
        `n${index}`,
        prefixes,
        order.flatMap(rule => rules[rule] ?? [])
      )
    })
    return { ...ruleSet(...networks), sources: sources.flat() }
  })

const someQuestion = fc.record({
  name: someName,
  address: fc.constantFrom('192.0.2.1', '192.0.2.9', '192.0.2.10', '192.0.3.1'),
  client: fc.constantFrom(...CLIENTS),
  now: someInstant,
  qtype: fc.constantFrom(RRTYPE.A, RRTYPE.AAAA, RRTYPE.ANY)
})

/** Questions about a name and about an address. */
interface Asked {
  readonly name: string
  readonly address: string
  readonly client: string
  readonly now: number
  readonly qtype: number
}

const someCase = fc.tuple(someRules, fc.array(someQuestion, { minLength: 1, maxLength: 12 }))

function same(a: RuleIds, b: RuleIds): boolean {
  return a.decides === b.decides && a.monitors === b.monitors
}

t.test('the compiled policy agrees with plain loops', async () => {
  fc.assert(
    fc.property(someCase, ([rules, questions]) => {
      const policy = policyOf(rules)
      const naive = new NaivePolicy(rules)
      return questions.every(
        ({ name, address, client, now, qtype }) =>
          same(
            evaluate(policy, name, client, now, qtype),
            naive.evaluate(name, client, now, qtype)
          ) &&
          same(
            evaluateAddress(policy, address, client, now, qtype),
            naive.evaluateAddress(address, client, now, qtype)
          )
      )
    }),
    runs(1000)
  )
})

/** Claim and entry of the one candidate with an outcome. */
function withOutcome(candidates: readonly Candidate[], outcome: Candidate['outcome']) {
  const found = candidates.filter(candidate => candidate.outcome === outcome)
  if (found.length > 1) return 'several'
  return found.map(({ claim, entry }) => `${claim} ${entry}`).join()
}

function agrees(decision: Decision, candidates: readonly Candidate[]): boolean {
  const { claim, entry, monitorClaim, monitorEntry } = decision
  const decides = claim === -1 ? '' : `${claim} ${entry}`
  const monitors = monitorClaim === -1 ? '' : `${monitorClaim} ${monitorEntry}`
  return (
    withOutcome(candidates, 'decides') === decides &&
    withOutcome(candidates, 'monitors') === monitors
  )
}

function explainsIt(policy: Policy, { name, client, now, qtype }: Asked): boolean {
  const question = hashed(name, policy.seed)
  const clientClass = policy.classOf(words(client), 0)
  const decision = new Decision()
  policy.evaluateName(question, qtype, clientClass, now, decision)
  const candidates = explainName(policy.snapshot, question, { clientClass, qtype, now })
  const label = candidates.find(({ outcome }) => outcome === 'decides')?.label ?? 0
  return agrees(decision, candidates) && label === decision.label
}

function explainsAddress(policy: Policy, { address, client, now, qtype }: Asked): boolean {
  const clientClass = policy.classOf(words(client), 0)
  const decision = new Decision()
  policy.evaluateAddress(words(address), 0, qtype, clientClass, now, decision)
  const question = { clientClass, qtype, now }
  return agrees(decision, explainAddress(policy.snapshot, words(address), 0, question))
}

t.test('explain agrees with evaluate', async () => {
  fc.assert(
    fc.property(someCase, ([rules, questions]) => {
      const policy = policyOf(rules)
      return questions.every(
        question => explainsIt(policy, question) && explainsAddress(policy, question)
      )
    }),
    runs(300)
  )
})

t.test('the decision does not depend on the seed', async () => {
  fc.assert(
    fc.property(someCase, fc.integer(), ([rules, questions], seed) => {
      const policies = [policyOf(rules), policyOf(rules, () => seed)] as const
      return questions.every(({ name, client, now, qtype }) =>
        same(
          evaluate(policies[0], name, client, now, qtype),
          evaluate(policies[1], name, client, now, qtype)
        )
      )
    }),
    runs(100)
  )
})
