import t from 'tap'
import { readPrefix } from '../../src/base/values/address.js'
import type { RuleSet } from '../../src/policy/rules/model/types.js'
import { evaluate, evaluateAddress, policyOf, type RuleIds } from './evaluating.js'
import { NaivePolicy } from './naive.js'
import { allow, ban, block, exception, inline, network, ruleSet, source } from './rule-set.js'

/** Cases for the compiled policy and for plain loops. */
interface Case {
  readonly it: string
  readonly rules: RuleSet
  readonly name?: string
  readonly address?: string
  readonly client?: string
  readonly now?: number
  readonly decided: Partial<RuleIds>
}

const A = source('a', 'a.example', '192.0.2.0/24', '2001:db8::/32')
const WIDE = source('wide', 'example', '192.0.0.0/16')
const DEEP = source('deep', 'w.a.example', '192.0.2.7/32')
const TWIN = source('twin', 'a.example')
const MONITOR = { mode: 'monitor' } as const
const PRESS = { prefixes: [readPrefix('10.20.7.0/28')] }

function one(...rules: Parameters<typeof network>[2]): RuleSet {
  return ruleSet(network('net', ['10.0.0.0/8', '2001:db8:20::/48'], rules))
}

const tiers: Case[] = [
  { it: 'no rule', rules: one(), decided: {} },
  { it: 'a ban', rules: one(ban('b', [A])), decided: { decides: 'b' } },
  { it: 'a block', rules: one(block('k', [A])), decided: { decides: 'k' } },
  {
    it: 'an allow over a block',
    rules: one(block('k', [A]), allow('l', [A])),
    decided: { decides: 'l' }
  },
  {
    it: 'a ban over an allow',
    rules: one(allow('l', [A]), ban('b', [A])),
    decided: { decides: 'b' }
  },
  {
    it: 'a ban of a short name over an allow of a longer one',
    rules: one(allow('l', [DEEP]), ban('b', [WIDE])),
    name: 'w.a.example',
    decided: { decides: 'b' }
  },
  {
    it: 'an exception over a ban',
    rules: one(ban('b', [A]), exception('e', [A])),
    decided: { decides: 'e' }
  },
  {
    it: 'an exception for a short name over a ban of a longer one',
    rules: one(ban('b', [DEEP]), exception('e', [inline('i', 'example')])),
    name: 'w.a.example',
    decided: { decides: 'e' }
  },
  {
    it: 'a ban of another app over an exception for the app',
    rules: one(ban('b', [A]), ban('t', [TWIN]), exception('e', [A])),
    decided: { decides: 't' }
  },
  {
    it: 'a ban of another app on a shorter name over an exception for the app',
    rules: one(ban('w', [WIDE]), ban('b', [A]), exception('e', [A])),
    decided: { decides: 'w' }
  },
  {
    it: 'an exception for both apps over both bans',
    rules: one(ban('b', [A]), ban('t', [TWIN]), exception('e', [A, TWIN])),
    decided: { decides: 'e' }
  },
  {
    it: 'an exception for the app over a block of another source',
    rules: one(ban('b', [A]), block('k', [TWIN]), exception('e', [A])),
    decided: { decides: 'e' }
  },
  {
    it: 'an exception for inline names over every ban of them',
    rules: one(ban('b', [A]), ban('t', [TWIN]), exception('e', [inline('i', 'a.example')])),
    decided: { decides: 'e' }
  },
  {
    it: 'no exception for names that it does not list',
    rules: one(ban('b', [A]), exception('e', [DEEP])),
    decided: { decides: 'b' }
  }
]

const lengths: Case[] = [
  {
    it: 'the longer name within a tier, even in a later rule',
    rules: one(ban('wide', [WIDE]), ban('narrow', [A])),
    decided: { decides: 'narrow' }
  },
  {
    it: 'the earlier rule for one name',
    rules: one(ban('first', [A]), ban('second', [A])),
    decided: { decides: 'first' }
  },
  {
    it: 'the earlier rule of two sources with one name',
    rules: one(ban('first', [source('x', 'a.example')]), ban('second', [A])),
    decided: { decides: 'first' }
  },
  {
    it: 'the longer name of one rule with two sources',
    rules: one(ban('both', [WIDE, A]), ban('other', [A])),
    decided: { decides: 'both' }
  }
]

const dates: Case[] = [
  { now: 99, decided: {} },
  { now: 100, decided: { decides: 'b' } },
  { now: 199, decided: { decides: 'b' } },
  { now: 200, decided: {} }
].map(part => ({
  it: `a ban from 100 until 200, at ${part.now}`,
  rules: one(ban('b', [A], { from: 100, until: 200 })),
  ...part
}))

const renewals: Case[] = [
  {
    it: 'the next rule after the first has expired',
    rules: one(ban('old', [A], { until: 100 }), ban('new', [A], { from: 100 })),
    now: 100,
    decided: { decides: 'new' }
  },
  {
    it: 'the ban after the exception has expired',
    rules: one(ban('b', [A]), exception('e', [A], { until: 100 })),
    now: 100,
    decided: { decides: 'b' }
  }
]

const monitored: Case[] = [
  { it: 'a monitored ban', rules: one(ban('m', [A], MONITOR)), decided: { monitors: 'm' } },
  {
    it: 'monitor before the ban that decides',
    rules: one(ban('m', [A], MONITOR), ban('b', [A])),
    decided: { decides: 'b', monitors: 'm' }
  },
  {
    it: 'no monitor after the ban that decides',
    rules: one(ban('b', [A]), ban('m', [A], MONITOR)),
    decided: { decides: 'b' }
  },
  {
    it: 'no monitor after the ban that decides, though its source comes first',
    rules: { ...one(ban('b', [A]), ban('m', [TWIN], MONITOR)), sources: [TWIN, A] },
    decided: { decides: 'b' }
  },
  {
    it: 'monitor before the ban that decides, though its source comes last',
    rules: { ...one(ban('m', [TWIN], MONITOR), ban('b', [A])), sources: [A, TWIN] },
    decided: { decides: 'b', monitors: 'm' }
  },
  {
    it: 'monitor of a longer name than the ban that decides',
    rules: one(ban('b', [WIDE]), ban('m', [A], MONITOR)),
    decided: { decides: 'b', monitors: 'm' }
  },
  {
    it: 'no monitor of a shorter name than the ban that decides',
    rules: one(ban('m', [WIDE], MONITOR), ban('b', [A])),
    decided: { decides: 'b' }
  },
  {
    it: 'a monitored ban, although an allow decides',
    rules: one(ban('m', [A], MONITOR), allow('l', [A])),
    decided: { decides: 'l', monitors: 'm' }
  },
  {
    it: 'no monitored block where an allow of a shorter name decides',
    rules: one(block('m', [A], MONITOR), allow('l', [WIDE])),
    decided: { decides: 'l' }
  },
  {
    it: 'no monitored ban where an exception decides',
    rules: one(ban('m', [A], MONITOR), exception('e', [A])),
    decided: { decides: 'e' }
  },
  {
    it: 'no monitored ban that is not active',
    rules: one(ban('m', [A], { ...MONITOR, from: 1 })),
    decided: {}
  },
  {
    it: 'the first of two monitored bans',
    rules: one(ban('m', [A], MONITOR), ban('n', [A], MONITOR)),
    decided: { monitors: 'm' }
  },
  {
    it: 'a monitored ban before a monitored block of a longer name',
    rules: one(block('k', [DEEP], MONITOR), ban('m', [WIDE], MONITOR)),
    name: 'w.a.example',
    decided: { monitors: 'm' }
  }
]

const press = exception('e', [A], PRESS)
const office = network('office', ['10.0.0.0/8'], [ban('b', [A]), press])
const lab = network('lab', ['10.20.0.0/16'], [ban('own', [A]), ban('b', [A])])
const pressLab = network('lab', ['10.20.0.0/16'], [ban('b', [A]), press])

const clients: Case[] = [
  {
    it: 'nothing for a client outside every network',
    rules: one(ban('b', [A])),
    client: '11.0.0.1',
    decided: {}
  },
  {
    it: 'an IPv6 client',
    rules: one(ban('b', [A])),
    client: '2001:db8:20::1',
    decided: { decides: 'b' }
  },
  {
    it: 'a mapped client',
    rules: one(ban('b', [A])),
    client: '::ffff:10.0.0.1',
    decided: { decides: 'b' }
  },
  {
    it: 'the press office',
    rules: ruleSet(office),
    client: '10.20.7.15',
    decided: { decides: 'e' }
  },
  {
    it: 'a client beside the press office',
    rules: ruleSet(office),
    client: '10.20.7.16',
    decided: { decides: 'b' }
  },
  {
    it: 'own rules before those of the network it extends',
    rules: ruleSet(office, lab),
    client: '10.20.1.1',
    decided: { decides: 'own' }
  },
  {
    it: 'no exception of a network around the client’s own',
    rules: ruleSet(office, lab),
    client: '10.20.7.1',
    decided: { decides: 'own' }
  },
  {
    it: 'an exception that is inherited',
    rules: ruleSet(office, pressLab),
    client: '10.20.7.1',
    decided: { decides: 'e' }
  },
  {
    it: 'not an exception whose prefix is outside the network',
    rules: ruleSet(network('net', ['10.1.0.0/16'], [ban('b', [A]), press])),
    client: '10.20.7.1',
    decided: {}
  },
  {
    it: 'the more specific network, where it has no rules',
    rules: ruleSet(office, network('free', ['10.9.0.0/16'], [])),
    client: '10.9.0.1',
    decided: {}
  }
]

const addresses: Case[] = [
  {
    it: 'an address of an app',
    address: '192.0.2.9',
    rules: one(ban('b', [A])),
    decided: { decides: 'b' }
  },
  {
    it: 'an IPv6 address',
    address: '2001:db8::9',
    rules: one(ban('b', [A])),
    decided: { decides: 'b' }
  },
  { it: 'not an adjacent address', address: '192.0.3.0', rules: one(ban('b', [A])), decided: {} },
  {
    it: 'the longest prefix within a tier',
    address: '192.0.2.7',
    rules: one(ban('wide', [WIDE]), ban('a', [A]), ban('deep', [DEEP])),
    decided: { decides: 'deep' }
  },
  {
    it: 'a higher tier with a shorter prefix',
    address: '192.0.2.7',
    rules: one(ban('deep', [DEEP]), exception('e', [inline('i', '192.0.0.0/16')])),
    decided: { decides: 'e' }
  },
  {
    it: 'a monitored prefix',
    address: '192.0.2.7',
    rules: one(ban('wide', [WIDE]), ban('m', [DEEP], MONITOR)),
    decided: { decides: 'wide', monitors: 'm' }
  }
]

const CASES = [tiers, lengths, dates, renewals, monitored, clients, addresses].flat()

for (const { it, rules, name = 'a.example', address, client = '10.0.0.1', now, decided } of CASES) {
  t.test(`evaluates ${it}`, async t => {
    const expected = { decides: '', monitors: '', ...decided }
    const policy = policyOf(rules)
    const naive = new NaivePolicy(rules)
    const compiled =
      address === undefined
        ? evaluate(policy, name, client, now)
        : evaluateAddress(policy, address, client, now)
    const plain =
      address === undefined
        ? naive.evaluate(name, client, now)
        : naive.evaluateAddress(address, client, now)
    t.strictSame(compiled, expected, 'compiled')
    t.strictSame(plain, expected, 'by plain loops')
  })
}
