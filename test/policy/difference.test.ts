import fc from 'fast-check'
import t from 'tap'
import { readPrefix } from '../../src/base/values/address.js'
import { compile } from '../../src/policy/compile/compile.js'
import type { AffectedClients } from '../../src/policy/diff/client-ranges.js'
import type { Change } from '../../src/policy/diff/change-collector.js'
import { difference, type Difference } from '../../src/policy/diff/difference.js'
import type { BeforeAfter } from '../../src/policy/diff/name-groups.js'
import { Evaluator, type RuleVerdict, type Subject } from '../../src/policy/evaluate/evaluator.js'
import type { NetworkRules, Rule, RuleSet } from '../../src/policy/rules/model/types.js'
import { words } from '../base/words.js'
import { runs } from '../runs.js'
import { allow, ban, block, exception, inline, network, ruleSet, source, wire } from './rule-set.js'

/** Few labels and few addresses, so that many rules match each of them. */
const someName = fc
  .array(fc.constantFrom('a', 'b', 'ab'), { maxLength: 3 })
  .map(labels => labels.join('.'))
const somePattern = fc.oneof(
  { weight: 4, arbitrary: fc.tuple(fc.constantFrom('', '', '=', '*.'), someName) },
  {
    weight: 1,
    arbitrary: fc.tuple(fc.constantFrom('192.0.2.'), fc.constantFrom('0/24', '8/29', '9/32'))
  }
)
const PREFIXES = ['10.0.0.0/8', '10.1.0.0/16', '10.1.1.0/24', '10.1.1.1/32', '2001:db8::/32']
const CLIENTS = ['10.9.9.9', '10.1.9.9', '10.1.1.9', '10.1.1.1', '11.1.1.1', '2001:db8::1', '::1']
const NAMES = ['', 'a', 'b', 'x', 'a.a', 'b.a', 'x.a', 'x.b', 'a.b.a', 'x.b.a', 'y.x.b.a', 'a.a.ab']
const ADDRESSES = ['192.0.2.1', '192.0.2.9', '192.0.2.10', '192.0.3.1']
const TIMES = [0, 1, 2, 3, 4]

const someSources = fc
  .array(fc.array(somePattern, { maxLength: 4 }), { minLength: 1, maxLength: 3 })
  .map(all =>
    all.map((patterns, i) => {
      const make = i === 1 ? inline : source
      return make(`s${i}`, ...patterns.map(parts => parts.join('')))
    })
  )

const someInstant = fc.integer({ min: 0, max: 4 })
const someDraft = fc.record({
  kind: fc.constantFrom('ban', 'block', 'allow', 'exception'),
  picks: fc.array(fc.nat(2), { minLength: 1, maxLength: 2 }),
  mode: fc.constantFrom('enforce' as const, 'monitor' as const),
  action: fc.constantFrom('nxdomain' as const, 'refused' as const),
  from: fc.oneof(fc.constant(-Infinity), someInstant),
  until: fc.oneof(fc.constant(Infinity), someInstant),
  prefixes: fc.oneof(fc.constant<string[]>([]), fc.subarray(PREFIXES, { maxLength: 2 }))
})

const someShape = fc.record({
  drafts: fc.array(someDraft, { maxLength: 4 }),
  owners: fc.array(fc.integer({ min: -1, max: 1 }), { minLength: 5, maxLength: 5 })
})
type Shape = typeof someShape extends fc.Arbitrary<infer T> ? T : never
type Sources = typeof someSources extends fc.Arbitrary<infer T> ? T : never

function rulesOf({ drafts, owners }: Shape, sources: Sources): RuleSet {
  const rules = drafts.map(({ kind, picks, mode, action, from, until, prefixes }, i): Rule => {
    const picked = [...new Set(picks.map(pick => sources[pick % sources.length]!))]
    const reply = { action, ede: 'blocked', ttl: 60 } as const
    if (kind === 'ban') return ban(`r${i}`, picked, { mode, reply, from, until })
    if (kind === 'block') return block(`r${i}`, picked, { mode, reply, from, until })
    if (kind === 'allow') return allow(`r${i}`, picked, { from, until })
    return exception(`r${i}`, picked, { from, until, prefixes: prefixes.map(readPrefix) })
  })
  const networks = [0, 1].map((index): NetworkRules => {
    const own = PREFIXES.filter((_, prefix) => owners[prefix] === index)
    return network(`n${index}`, own, index === 0 ? rules : rules.slice(1))
  })
  return { ...ruleSet(...networks), sources }
}

const someRules = fc
  .tuple(someShape, someSources)
  .map(([shape, sources]) => rulesOf(shape, sources))

/** Two rule sets: different rules, or equal rules with other list contents or another order. */
const somePair: fc.Arbitrary<readonly [RuleSet, RuleSet]> = fc.oneof(
  fc.tuple(someRules, someRules),
  fc
    .tuple(someShape, someSources, someSources)
    .map(([shape, one, other]) => [rulesOf(shape, one), rulesOf(shape, other)] as const),
  fc.tuple(someShape, someShape, someSources).map(([one, other, sources]) => {
    return [rulesOf(one, sources), rulesOf(other, sources)] as const
  }),
  fc.tuple(someShape, someSources).map(([shape, sources]) => {
    const turned = { ...shape, drafts: shape.drafts.toReversed() }
    return [rulesOf(shape, sources), rulesOf(turned, sources)] as const
  })
)

/** Both rule sets, evaluated name by name. */
class Naive {
  private readonly before: Evaluator
  private readonly after: Evaluator

  constructor(rules: BeforeAfter<RuleSet>) {
    this.before = evaluatorOf(rules.before)
    this.after = evaluatorOf(rules.after)
  }

  networks(client: string): BeforeAfter<string | undefined> {
    const of = ({ policy, snapshot }: Evaluator): string | undefined =>
      snapshot.clients.networks[snapshot.clients.networkOf[policy.classOf(words(client), 0)]!]
    return { before: of(this.before), after: of(this.after) }
  }

  verdicts(subject: Subject, client: string, now: number): BeforeAfter<RuleVerdict> {
    const of = (evaluator: Evaluator): RuleVerdict =>
      evaluator.evaluate(subject, 1, evaluator.policy.classOf(words(client), 0), now)
    return { before: of(this.before), after: of(this.after) }
  }
}

function evaluatorOf(rules: RuleSet): Evaluator {
  return new Evaluator(compile(rules, { generation: 1, random: () => 77 }))
}

const subjects: readonly { readonly text: string; readonly subject: Subject }[] = [
  ...NAMES.map(text => ({ text, subject: { kind: 'name', octets: wire(text) } as const })),
  ...ADDRESSES.map(text => ({ text, subject: { kind: 'address', words: words(text) } as const }))
]

/** Whether a client is among the affected ones; the longest prefix decides. */
function isIn(
  affected: readonly AffectedClients[],
  client: string,
  networks: BeforeAfter<string | undefined>
): boolean {
  return affected.some(place => {
    if (place.networks.before !== networks.before || place.networks.after !== networks.after) {
      return false
    }
    const { prefixes, except = [] } = place
    if (prefixes === undefined) return true
    return longest([...prefixes, ...except], client, prefixes)
  })
}

function longest(all: readonly string[], client: string, chosen: readonly string[]): boolean {
  const [first] = all
    .filter(text => covers(text, client))
    .sort((a, b) => readPrefix(b).length - readPrefix(a).length)
  return first !== undefined && chosen.includes(first)
}

function covers(text: string, client: string): boolean {
  const { address, length } = readPrefix(text)
  const bits = (octets: Uint8Array): string =>
    [...octets].map(octet => octet.toString(2).padStart(8, '0')).join('')
  return bits(address).slice(0, length) === bits(readPrefix(client).address).slice(0, length)
}

/** Whether a pattern matches a name or address. */
function matches(pattern: string, text: string): boolean {
  if (pattern.includes('/')) return /^[\d.]+$/.test(text) && covers(pattern, text)
  if (pattern.startsWith('=')) return text === pattern.slice(1).replace(/^\.$/, '')
  const name = pattern.replace(/^\*\./, '').replace(/^\.$/, '')
  const isBelow = name === '' ? text !== '' : text.endsWith(`.${name}`)
  return isBelow || (!pattern.startsWith('*.') && text === name)
}

function isReportedBy(
  change: Change,
  text: string,
  now: number,
  verdicts: BeforeAfter<RuleVerdict>
): boolean {
  const { before, after } = change.verdicts
  return (
    change.from <= now &&
    now < change.until &&
    before.key === verdicts.before.key &&
    after.key === verdicts.after.key &&
    change.examples.some(pattern => matches(pattern, text))
  )
}

function compared(before: RuleSet, after: RuleSet, at = 0): Difference {
  return difference({ before, after }, { at, examples: Infinity })
}

t.test('every difference is reported', async () => {
  fc.assert(
    fc.property(somePair, someInstant, ([before, after], at) => {
      const naive = new Naive({ before, after })
      const reported = compared(before, after, at)
      for (const client of CLIENTS) {
        const networks = naive.networks(client)
        const isServed = networks.before !== undefined && networks.after !== undefined
        for (const { text, subject } of isServed ? subjects : []) {
          for (const now of TIMES.filter(time => time >= at)) {
            const verdicts = naive.verdicts(subject, client, now)
            if (verdicts.before.key === verdicts.after.key) continue
            const found = reported.changes.some(
              change =>
                isReportedBy(change, text, now, verdicts) && isIn(change.clients, client, networks)
            )
            if (!found) throw new Error(`${text} for ${client} at ${now} is not reported`)
          }
        }
      }
      return true
    }),
    runs(150)
  )
})

t.test(
  'a client is in a reported move exactly if it is in another network than before',
  async () => {
    fc.assert(
      fc.property(somePair, ([before, after]) => {
        const naive = new Naive({ before, after })
        const { moves, renamed } = compared(before, after)
        return CLIENTS.every(client => {
          const networks = naive.networks(client)
          const isRenamed = renamed.some(
            it => it.before === networks.before && it.after === networks.after
          )
          const found = moves.filter(({ prefixes, except = [] }) =>
            longest([...prefixes, ...except], client, prefixes)
          )
          const isSame = networks.before === networks.after || isRenamed
          return isSame ? found.length === 0 : found.length === 1
        })
      }),
      runs(150)
    )
  }
)

t.test('every reported change is a difference, for each client and instant', async () => {
  fc.assert(
    fc.property(somePair, ([before, after]) => {
      const naive = new Naive({ before, after })
      return compared(before, after).changes.every(change =>
        CLIENTS.filter(client => isIn(change.clients, client, naive.networks(client))).every(
          client =>
            change.examples.every(pattern =>
              TIMES.filter(now => change.from <= now && now < change.until).every(now => {
                const verdicts = naive.verdicts(subjectOf(pattern), client, now)
                return (
                  verdicts.before.key === change.verdicts.before.key &&
                  verdicts.after.key === change.verdicts.after.key
                )
              })
            )
        )
      )
    }),
    runs(150)
  )
})

/** A name or address that this pattern matches, and no longer one. */
function subjectOf(pattern: string): Subject {
  if (pattern.includes('/')) {
    const last = { '0/24': '1', '8/29': '10', '9/32': '9' }[pattern.slice('192.0.2.'.length)]!
    return { kind: 'address', words: words(`192.0.2.${last}`) }
  }
  const name = pattern.replace(/^=|^\*\./, '').replace(/^\.$/, '')
  const below = name === '' ? 'other' : `other.${name}`
  return { kind: 'name', octets: wire(pattern.startsWith('*.') ? below : name) }
}

t.test(
  'rules compared with themselves, under other ids and in another order, are the same',
  async () => {
    fc.assert(
      fc.property(someRules, rules => {
        const renamed = (rule: Rule): Rule => ({
          ...rule,
          id: `other-${rule.id}`,
          position: { file: 'networks.yaml', line: 1, column: 1 }
        })
        const known = new Map<Rule, Rule>()
        const networks = rules.networks.map(one => ({
          ...one,
          rules: one.rules.map(rule => {
            const other = known.get(rule) ?? renamed(rule)
            known.set(rule, other)
            return other
          })
        }))
        const after = {
          ...rules,
          networks: networks.toReversed(),
          sources: rules.sources.toReversed()
        }
        const { moves, changes, renamed: networksRenamed } = compared(rules, after)
        return moves.length + changes.length + networksRenamed.length === 0
      }),
      runs(60)
    )
  }
)
