import t, { type Test } from 'tap'
import { CoverageIndex } from '../../src/analysis/enforcement/coverage.js'
import { NOTHING_ORDERED, orderedFacts } from '../../src/analysis/enforcement/ordered-facts.js'
import { rulesEnforcement } from '../../src/analysis/enforcement/rules-enforcement.js'
import { listBans } from '../../src/analysis/views/bans-list.js'
import { banDetails } from '../../src/cli/output/rules/ban-details.js'
import type { MandateOrder } from '../../src/policy/rules/mandates/mandate-orders.js'
import type { RuleSet } from '../../src/policy/rules/model/types.js'
import { app, brief, load, loadGood, type Files } from '../rules/folder.js'

/** A Thursday, while the exception is in force. */
const NOON = Date.UTC(2026, 0, 15, 12) / 1000

/** Phones ban both apps, schools one of them by another ban, guests none; offices monitor. */
const NETWORKS = `
networks:
  phones:
    prefixes: [10.0.0.0/16]
    bans: [{ id: decree, apps: [clip, song], authority: A, reference: R }]
    exceptions:
      - id: press
        apps: [clip]
        prefixes: [10.0.7.0/24]
        purpose: press office
        approved-by: head of security
        from: 2026-01-01
        until: 2026-02-01
    block: [{ id: nights, names: [game.example], schedule: { days: mon-fri, hours: 22:00-23:00 } }]
  schools:
    prefixes: [10.1.0.0/16]
    bans: [{ id: school-clip, apps: [clip], authority: A, reference: R, until: 2026-03-01 }]
  guests: { prefixes: [10.2.0.0/16] }
  offices:
    prefixes: [10.3.0.0/16]
    bans: [{ id: office-clip, apps: [clip], mode: monitor, authority: A, reference: R }]
`

const files = (more = ''): Files => ({
  'networks.yaml': NETWORKS + more,
  ...app('clip'),
  ...app('song')
})

const rulesWith = (t: Test, more = ''): Promise<RuleSet> => loadGood(t, files(more), NOON * 1000)

const order = (part: Partial<MandateOrder>): MandateOrder => ({
  ...{ mandate: 'be', authority: 'A', reference: 'R', file: 'be.yaml', line: 3, from: 0 },
  ...{ until: Infinity, apps: ['clip'], names: [], ofApps: [], except: [], prefixes: [] },
  ...{ allowsExceptions: true, rules: [], networks: [] },
  ...part
})

/** What is not enforced: `kind subject networks`, against orders and by order. */
function found(rules: RuleSet, at = NOON, orders: readonly MandateOrder[] = []) {
  const facts = orderedFacts(rules, orders, at)
  const { against, byOrder, more } = rulesEnforcement(facts, [], at)
  const brief = ({ kind, subject, networks }: (typeof byOrder)[number]): string =>
    [kind, subject, ...networks].join(' ')
  return { against: against.map(brief), byOrder: byOrder.map(brief), more }
}

t.test(
  'exceptions, monitor mode and hours are by order, and nothing is against orders',
  async t => {
    const rules = await rulesWith(t)
    t.strictSame(found(rules), {
      against: [],
      byOrder: ['exception press phones', 'schedule nights phones', 'monitor office-clip offices'],
      more: 0
    })
    const night = Date.UTC(2026, 1, 12, 22, 30) / 1000
    t.strictSame(
      found(rules, night).byOrder,
      ['monitor office-clip offices'],
      'the exception has ended, and the block is within its hours'
    )
  }
)

t.test('a network of a declared scope that lacks the ban is against orders', async t => {
  const rules = await rulesWith(t, 'scope: { clip: all, song: [phones] }\n')
  t.strictSame(found(rules).against, ['scope clip guests'], 'monitored is by order')
  const march = Date.UTC(2026, 2, 2) / 1000
  t.strictSame(found(rules, march).against, ['scope clip schools guests'], 'the ban has ended')
})

t.test('a mandate replaces the scope that the rules declare, while it is in force', async t => {
  const rules = await rulesWith(t, 'scope: { clip: all }\n')
  const mandate = order({ networks: ['phones'], until: NOON + 60 })
  t.strictSame(found(rules, NOON, [mandate]).against, [], 'it is compared by itself')
  t.strictSame(found(rules, NOON + 60, [mandate]).against, ['scope clip guests'])
  const scopeOf = (orders: readonly MandateOrder[]) =>
    listBans(rules, { at: NOON, within: 0 }, orders).bans.find(({ id }) => id === 'school-clip')!
  t.match(scopeOf([]), { scope: ['phones', 'schools', 'guests', 'offices'], uncovered: ['guests'] })
  t.match(scopeOf([mandate]), { scope: ['phones'], uncovered: [] })
  const byPrefix = order({ prefixes: ['10.2.3.0/24'] })
  t.match(scopeOf([byPrefix]), { scope: ['guests'], uncovered: ['guests'] })
})

t.test(
  'the list of bans and the report of a ban give one answer to where it is lacking',
  async t => {
    const rules = await rulesWith(t, 'scope: { clip: [phones, schools], song: [schools] }\n')
    const decree = listBans(rules, { at: NOON, within: 0 }).bans.find(({ id }) => id === 'decree')!
    t.match(decree, {
      lacking: ['schools', 'guests', 'offices'],
      partly: ['schools', 'offices'],
      scope: ['phones', 'schools'],
      uncovered: ['schools']
    })
    const { networks } = banDetails('decree', rules, NOON, [])
    t.match(networks, [
      { network: 'phones', state: 'enforced', others: [], isGap: false },
      {
        network: 'schools',
        state: 'partly',
        others: ['school-clip'],
        lacks: ['song'],
        isGap: true
      },
      { network: 'guests', state: 'not banned', isMeant: false, isGap: false },
      { network: 'offices', state: 'partly', others: ['office-clip'], isGap: false }
    ])
  }
)

t.test('without a declared scope, nobody knows where a ban is meant to be', async t => {
  const rules = await rulesWith(t)
  const { bans, coverage } = listBans(rules, { at: NOON, within: 0 })
  t.match(bans[0], { scope: null, uncovered: [] })
  t.match(coverage[0], { scope: null, uncovered: [] })
  const [ban] = rules.networks[0]!.rules.filter(rule => rule.kind === 'ban')
  t.ok(new CoverageIndex(rules, NOON).ofBan(ban!).every(({ isMeant }) => isMeant === null))
})

t.test('scopes with unknown apps or networks are refused where they are written', async t => {
  const bad = await load(t, files('scope:\n  clop: [phones]\n  clip: [phone, base]\n'))
  t.strictSame(bad.ok ? [] : brief(bad.errors), [
    'RULES_UNKNOWN_SCOPE networks.yaml:23:9',
    'RULES_UNKNOWN_NETWORK networks.yaml:24:10',
    'RULES_UNKNOWN_NETWORK networks.yaml:24:17'
  ])
  const template = `  base: { bans: [{ apps: [song], authority: A, reference: R }] }\nscope: { song: [base] }\n`
  const unserved = await load(t, files(template))
  t.strictSame(unserved.ok ? [] : brief(unserved.errors), [
    'RULES_SCOPE_UNSERVED networks.yaml:23:17'
  ])
})

t.test('many exceptions are counted, not listed', t => {
  const limits = Array.from({ length: 120 }, (_, i) => ({
    ...({ kind: 'exception', rule: `x${i}`, networks: ['a'], from: 0, until: Infinity } as const),
    ...{ timetable: undefined, by: 'b', reason: 'r' }
  }))
  const { byOrder, more } = rulesEnforcement({ ...NOTHING_ORDERED, limits, more: 7 }, [], NOON)
  t.strictSame([byOrder.length, more], [100, 27])
  t.end()
})
