import t, { type Test } from 'tap'
import type { Mandate } from '../../src/policy/rules/mandates/mandate.js'
import {
  evaluateMandates,
  type Evaluation
} from '../../src/policy/rules/mandates/evaluate-mandates.js'
import { newOpenings } from '../../src/policy/rules/mandates/compare-openings.js'
import { shortfallErrors } from '../../src/policy/rules/mandates/shortfall-errors.js'
import type { RuleSet } from '../../src/policy/rules/model/types.js'
import { mandate, NOW, rules, TIKTOK } from './mandate-rig.js'

const FACTS = 'authority: a, reference: r'
const BANNED = `apps: [tiktok], ${FACTS}`
const APPROVED = 'purpose: p, approved-by: a, from: 2026-11-01, until: 2027-06-01'
const network = (id: string, prefix: string, ...more: string[]): string =>
  [`  ${id}:`, `    prefixes: [${prefix}]`, ...more.map(line => `    ${line}`), ''].join('\n')
const phones = (...bans: string[]): string =>
  network('phones', '10.0.0.0/8', `bans: [${bans.map(ban => `{ ${ban} }`).join(', ')}]`)
const exception = (what: string): string => `exceptions: [{ ${what}, ${APPROVED} }]`

const everywhere = mandate('  - { apps: [tiktok], networks: all }\n')

const evaluate = (by: RuleSet, one: Mandate = everywhere, before?: Evaluation): Evaluation =>
  evaluateMandates([one], by, NOW, before?.reach ?? {})

const reasons = ({ shortfalls }: Evaluation): string[] =>
  shortfallErrors(shortfalls).map(({ error }) => error.message.replace(/^be.yaml:\d+:\d+: /, ''))

/** Whether new rules satisfy the mandate less. */
async function isLess(t: Test, before: string, after: string, one = everywhere): Promise<boolean> {
  const first = evaluate(await rules(t, before), one)
  const second = evaluate(await rules(t, after), one, first)
  return newOpenings(second.shortfalls, first.shortfalls).length > 0
}

t.test('an enforced ban of the app satisfies a mandate', async t => {
  t.strictSame(reasons(evaluate(await rules(t, phones(BANNED)))), [])
  const byName = phones(`names: [tiktok.com, tiktokv.com], ${FACTS}`)
  t.strictSame(reasons(evaluate(await rules(t, byName))), [], 'or of all of its names')
})

const short = [
  {
    it: 'no ban',
    bans: [],
    why: 'app tiktok (tiktok.com, tiktokv.com) in network phones: no ban covers it'
  },
  {
    it: 'a ban of some names',
    bans: [`names: [tiktok.com], ${FACTS}`],
    why: 'app tiktok (tiktokv.com) in network phones: no ban covers it'
  },
  {
    it: 'a ban of the name alone',
    bans: [`names: [=tiktok.com, tiktokv.com], ${FACTS}`],
    why: 'app tiktok (tiktok.com) in network phones: no ban covers it'
  },
  {
    it: 'monitor mode',
    bans: [`${BANNED}, mode: monitor`],
    why: 'app tiktok (tiktok.com, tiktokv.com) in network phones: ban phones/tiktok is in mode monitor (networks.yaml:4)'
  },
  {
    it: 'a schedule',
    bans: [`${BANNED}, schedule: { hours: 08:00-17:00 }`],
    why: 'app tiktok (tiktok.com, tiktokv.com) in network phones: ban phones/tiktok has a schedule (networks.yaml:4)'
  },
  {
    it: 'an early end',
    bans: [`${BANNED}, last-day: 2026-12-31`],
    why: 'app tiktok (tiktok.com, tiktokv.com) in network phones: ban phones/tiktok ends with the last day 2026-12-31 (networks.yaml:4)'
  },
  {
    it: 'a late start',
    bans: [`${BANNED}, from: 2027-01-01`],
    why: 'app tiktok (tiktok.com, tiktokv.com) in network phones: ban phones/tiktok begins only at 2027-01-01T00:00:00Z (networks.yaml:4)'
  },
  {
    it: 'truncate, which bans nothing over TCP',
    bans: [`${BANNED}, action: truncate`],
    why: 'app tiktok (tiktok.com, tiktokv.com) in network phones: ban phones/tiktok has the action truncate, which bans nothing over TCP (networks.yaml:4)'
  }
]
for (const { it, bans, why } of short)
  t.test(`${it} falls short`, async t => {
    t.strictSame(reasons(evaluate(await rules(t, phones(...bans)))), [`mandate be-federal: ${why}`])
  })

t.test('two bans, one after the other, satisfy a mandate', async t => {
  const both = phones(`${BANNED}, until: 2026-12-31`, `${BANNED}, from: 2026-12-31`)
  t.strictSame(reasons(evaluate(await rules(t, both))), [])
  const apart = phones(`${BANNED}, until: 2026-12-31`, `${BANNED}, from: 2027-01-01`)
  const [found] = evaluate(await rules(t, apart)).shortfalls
  t.strictSame([found!.from, found!.until], [1_798_675_200, 1_798_761_600], 'but for one day')
})

t.test('only the time of the mandate counts', async t => {
  const dated = mandate('  - { apps: [tiktok], networks: all, last-day: 2026-12-31 }\n')
  t.strictSame(reasons(evaluate(await rules(t, phones(`${BANNED}, until: 2027-01-01`)), dated)), [])
  const over = mandate('  - { apps: [tiktok], networks: all, last-day: 2026-11-30 }\n')
  t.strictSame(reasons(evaluate(await rules(t, phones()), over)), [])
})

t.test('exceptions fall short, unless the mandate allows them', async t => {
  const lifted = phones(BANNED) + `    ${exception('apps: [tiktok], prefixes: [10.1.0.0/24]')}\n`
  t.strictSame(reasons(evaluate(await rules(t, lifted))), [
    'mandate be-federal: app tiktok (tiktok.com, tiktokv.com) in network phones, clients 10.1.0.0/24: exception phones/exception/tiktok lifts the ban (networks.yaml:5)'
  ])
  const allowing = mandate('  - { apps: [tiktok], networks: all, exceptions: allowed }\n')
  t.strictSame(reasons(evaluate(await rules(t, lifted), allowing)), [])
  const single = phones(BANNED) + `    ${exception('names: [=help.tiktok.com]')}\n`
  t.strictSame(reasons(evaluate(await rules(t, single))), [
    'mandate be-federal: app tiktok (=help.tiktok.com) in network phones: exception phones/exception/help.tiktok.com lifts the ban (networks.yaml:5)'
  ])
  const except = mandate('  - { apps: [tiktok], except: [help.tiktok.com], networks: all }\n')
  t.strictSame(reasons(evaluate(await rules(t, single), except)), [], 'or leaves the name out')
})

t.test('names that a ban leaves out fall short, unless the mandate leaves them out', async t => {
  const by = await rules(t, phones(`names: [tiktok.com], except: [help.tiktok.com], ${FACTS}`))
  const order = (more: string) => mandate(`  - { names: [tiktok.com], networks: all${more} }\n`)
  t.strictSame(reasons(evaluate(by, order(''))), [
    'mandate be-federal: tiktok.com in network phones: no ban covers it'
  ])
  t.strictSame(reasons(evaluate(by, order(', except: [help.tiktok.com]'))), [])
})

t.test('an exception for an app lifts nothing that its names ban as well', async t => {
  const twice = phones(BANNED, `names: [tiktok.com, tiktokv.com], ${FACTS}`)
  const lifted = twice + `    ${exception('apps: [tiktok], prefixes: [10.1.0.0/24]')}\n`
  t.strictSame(reasons(evaluate(await rules(t, lifted))), [])
})

t.test('all networks means each one', async t => {
  const two = phones(BANNED) + network('guests', '192.168.0.0/16') + network('lab', '172.16.0.0/12')
  t.strictSame(reasons(evaluate(await rules(t, two))), [
    'mandate be-federal: app tiktok (tiktok.com, tiktokv.com) in network guests, network lab: no ban covers it'
  ])
  const named = mandate('  - { apps: [tiktok], networks: [phones] }\n')
  t.strictSame(reasons(evaluate(await rules(t, two), named)), [])
})

t.test('a network or an app that the rules do not have falls short', async t => {
  const named = mandate('  - { apps: [tiktok, capcut], networks: [phones, tablets] }\n')
  t.strictSame(reasons(evaluate(await rules(t, phones(BANNED)), named)), [
    'mandate be-federal: app tiktok in network tablets: the rules have no network tablets',
    'mandate be-federal: app capcut in network phones: the rules have no app capcut',
    'mandate be-federal: app capcut in network tablets: the rules have no network tablets'
  ])
})

t.test('a prefix means the networks that its addresses are in, by the longest match', async t => {
  const nested = phones(BANNED) + network('guests', '10.20.0.0/16')
  const guests = mandate('  - { names: [tiktok.com], prefixes: [10.20.30.0/24] }\n')
  t.strictSame(reasons(evaluate(await rules(t, nested), guests)), [
    'mandate be-federal: tiktok.com in network guests, part of 10.20.30.0/24, clients 10.20.30.0/24: no ban covers it'
  ])
  const others = mandate('  - { names: [tiktok.com], prefixes: [10.21.0.0/16] }\n')
  t.strictSame(reasons(evaluate(await rules(t, nested), others)), [])
  const wider = mandate('  - { names: [tiktok.com], prefixes: [10.0.0.0/7, "2001:db8::/32"] }\n')
  t.strictSame(reasons(evaluate(await rules(t, phones(BANNED)), wider)), [
    'mandate be-federal: tiktok.com in part of 10.0.0.0/7, clients 11.0.0.0/8: no network has them',
    'mandate be-federal: tiktok.com in part of 2001:db8::/32, clients 2001:db8::/32: no network has them'
  ])
})

const ADDRESSES = 'app: tiktok\ntitle: T\nnames: [tiktok.com]\naddresses: [192.0.2.0/24]\n'
t.test('the addresses of an app are banned only with the app', async t => {
  const files = { 'apps/tiktok.yaml': ADDRESSES }
  t.strictSame(reasons(evaluate(await rules(t, phones(BANNED), files))), [])
  t.strictSame(reasons(evaluate(await rules(t, phones(`names: [tiktok.com], ${FACTS}`), files))), [
    'mandate be-federal: app tiktok (its addresses) in network phones: no ban covers it'
  ])
})

t.test('names of a list count if all of them are banned', async t => {
  const files = (list: string) => ({
    'apps/tiktok.yaml': TIKTOK,
    'lists/l.txt': list
  })
  const listed =
    'phones:\n    prefixes: [10.0.0.0/8]\n    bans: [{ lists: [l], authority: a, reference: r }]\nlists:\n  l: { file: lists/l.txt'
  const plain = await rules(t, `  ${listed} }\n`, files('tiktok.com\ntiktokv.com\n'))
  const isOpen = (by: RuleSet) => evaluate(by).shortfalls.flatMap(({ names }) => names)
  t.strictSame(isOpen(plain), [])
  const passing = await rules(
    t,
    `  ${listed}, format: adblock }\n`,
    files('||tiktok.com^\n||tiktokv.com^\n@@||live.tiktok.com^\n')
  )
  t.strictSame(isOpen(passing), ['tiktok.com'])
})

const worse = [
  { it: 'no ban', after: phones() },
  { it: 'monitor mode', after: phones(`${BANNED}, mode: monitor`) },
  { it: 'a schedule', after: phones(`${BANNED}, schedule: { hours: 08:00-17:00 }`) },
  { it: 'an end', after: phones(`${BANNED}, until: 2030-01-01`) },
  { it: 'an exception', after: phones(BANNED) + `    ${exception('names: [=a.tiktok.com]')}\n` },
  { it: 'another network without the ban', after: phones(BANNED) + network('x', '192.0.2.0/24') },
  { it: 'a network within that has no ban', after: phones(BANNED) + network('x', '10.1.0.0/16') }
]
for (const { it, after } of worse)
  t.test(`rules with ${it} satisfy a mandate less`, async t => {
    t.equal(await isLess(t, phones(BANNED), after), true)
    t.equal(await isLess(t, after, phones(BANNED)), false)
    t.equal(await isLess(t, after, after), false)
  })

t.test('rules that only close some of what is open satisfy it no less', async t => {
  const lifted = (prefixes: string, more = '') =>
    phones(BANNED) + `    ${exception(`apps: [tiktok], prefixes: [${prefixes}]${more}`)}\n`
  t.equal(await isLess(t, phones(), lifted('10.1.0.0/16')), false)
  t.equal(await isLess(t, lifted('10.1.0.0/16'), lifted('10.1.2.0/24')), false)
  t.equal(await isLess(t, lifted('10.1.0.0/16'), lifted('10.1.2.0/24, 10.2.0.0/24')), true)
  const weekly = ', schedule: { days: mon }'
  t.equal(await isLess(t, lifted('10.1.0.0/16'), lifted('10.1.0.0/16', weekly)), false)
  t.equal(await isLess(t, lifted('10.1.0.0/16', weekly), lifted('10.1.0.0/16')), true)
  t.equal(await isLess(t, phones(`names: [tiktok.com], ${FACTS}`), phones()), true)
})

t.test('clients that a network loses to another one stay in scope', async t => {
  const named = mandate('  - { apps: [tiktok], networks: [phones] }\n')
  const inside = phones(BANNED) + network('x', '10.1.0.0/16')
  t.equal(await isLess(t, phones(BANNED), inside, named), true)
  t.equal(await isLess(t, inside, inside, named), false, 'but not those it never had')
  const banned = network('x', '10.1.0.0/16', `bans: [{ ${BANNED} }]`)
  t.equal(await isLess(t, phones(BANNED), phones(BANNED) + banned, named), false)
  const fewer = network('phones', '10.0.0.0/9', `bans: [{ ${BANNED} }]`)
  t.equal(await isLess(t, phones(BANNED), fewer, named), false, 'nor those that are refused now')
})

t.test('names that an app loses are still ordered to be banned', async t => {
  const fewer = { 'apps/tiktok.yaml': TIKTOK.replace('  - tiktokv.com\n', '') }
  const first = evaluate(await rules(t, phones(BANNED)))
  const second = evaluate(await rules(t, phones(BANNED), fewer), everywhere, first)
  t.strictSame(reasons(second), [
    'mandate be-federal: app tiktok (tiktokv.com) in network phones: no ban covers it'
  ])
  t.equal(newOpenings(second.shortfalls, first.shortfalls).length, 1)
  const moved = phones(BANNED, `names: [tiktokv.com], ${FACTS}`)
  const third = evaluate(await rules(t, moved, fewer), everywhere, first)
  t.strictSame(reasons(third), [])
  const fourth = evaluate(await rules(t, phones(BANNED), fewer), everywhere, third)
  t.equal(fourth.shortfalls.length, 1, 'also later')
})

t.test('exceptions that together lift every ban of a name open it', async t => {
  const apps = {
    'apps/tiktok.yaml': TIKTOK,
    'apps/other.yaml': 'app: other\ntitle: Other\nnames: [tiktok.com, tiktokv.com]\n'
  }
  const open = async (...exceptions: readonly string[]): Promise<number> => {
    const lifting = exceptions.map(one => `{ ${one}, ${APPROVED} }`).join(', ')
    const bans = `bans: [{ apps: [tiktok, other], ${FACTS} }]`
    const text = network('phones', '10.0.0.0/8', bans, `exceptions: [${lifting}]`)
    return evaluate(await rules(t, text, apps)).shortfalls.length
  }
  const [at, beside] = ['prefixes: [10.0.0.0/24]', 'prefixes: [10.0.1.0/24]']
  t.equal(await open(`apps: [tiktok], ${at}`), 0, 'the other app is still banned')
  t.ok(await open(`apps: [tiktok, other], ${at}`))
  t.ok(await open(`apps: [tiktok], ${at}`, `apps: [other], prefixes: [10.0.0.0/25]`))
  t.equal(await open(`apps: [tiktok], ${at}`, `apps: [other], ${beside}`), 0, 'for others')
})
