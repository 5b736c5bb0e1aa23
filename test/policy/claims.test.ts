import t from 'tap'
import { readAddress } from '../../src/base/values/address.js'
import type { Ban, Reply, Rule } from '../../src/policy/rules/model/types.js'
import { policyOf } from './evaluating.js'
import { allow, ban, block, exception, network, ruleSet, source, wire } from './rule-set.js'
import { allClaims } from '../../src/policy/tables/claim-table.js'

const APP = source('app', 'a.example')

function claimOf(rule: Rule) {
  return policyOf(ruleSet(network('net', ['10.0.0.0/8'], [rule]))).claims.at(0)!
}

const NOWHERE = { ipv4: undefined, ipv6: undefined, target: undefined }
const base = { ede: 'blocked', ttl: 60 } as const
const ipv4 = readAddress('192.0.2.1')
const ipv6 = readAddress('2001:db8::1')

const replies: { reply: Reply; prepared: object }[] = [
  { reply: { ...base, action: 'nxdomain' }, prepared: NOWHERE },
  { reply: { ...base, action: 'nodata' }, prepared: NOWHERE },
  { reply: { ...base, action: 'refused' }, prepared: NOWHERE },
  { reply: { ...base, action: 'drop' }, prepared: NOWHERE },
  { reply: { ...base, action: 'truncate' }, prepared: NOWHERE },
  {
    reply: { ...base, action: 'null-address' },
    prepared: { ...NOWHERE, ipv4: new Uint8Array(4), ipv6: new Uint8Array(16) }
  },
  {
    reply: { ...base, action: 'sinkhole', sinkhole: { ipv4, ipv6 } },
    prepared: { ...NOWHERE, ipv4: Uint8Array.of(192, 0, 2, 1), ipv6 }
  },
  {
    reply: { ...base, action: 'sinkhole', sinkhole: { ipv4 } },
    prepared: { ...NOWHERE, ipv4: Uint8Array.of(192, 0, 2, 1) }
  },
  {
    reply: { ...base, action: 'cname', target: wire('garden.example') },
    prepared: { ...NOWHERE, target: wire('garden.example') }
  }
]

for (const { reply, prepared } of replies) {
  t.test(`prepares ${reply.action} ${JSON.stringify(Object.keys(prepared))}`, async t => {
    const { edeOption, ...rest } = claimOf(ban('ban', [APP], { reply })).reply!
    t.strictSame(rest, { action: reply.action, ttl: 60, ede: 15, ...prepared })
    t.equal(edeOption[5], 15)
  })
}

const AUTHORITY = 'Example government'
const REFERENCE = 'Advice 7'

const texts: { it: string; rule: Rule; text: string; code: number }[] = [
  {
    it: 'the reference of a ban',
    rule: ban('b', [APP], { authority: AUTHORITY, reference: REFERENCE }),
    text: 'APP: Advice 7',
    code: 16
  },
  {
    it: 'the authority of a ban without reference',
    rule: ban('b', [APP], { authority: AUTHORITY }),
    text: 'APP: Example government',
    code: 16
  },
  { it: 'the title of an app', rule: ban('b', [APP]), text: 'APP', code: 16 },
  { it: "the title of a block's list", rule: block('k', [APP]), text: 'APP', code: 17 }
]

for (const { it, rule, text, code } of texts) {
  t.test(`EXTRA-TEXT contains ${it}`, async t => {
    const { edeOption } = claimOf(rule).reply!
    const head = [0, 15, 0, 2 + text.length, 0, code]
    t.strictSame(edeOption, Uint8Array.from([...head, ...Buffer.from(text)]))
  })
}

const given: Partial<Ban> = {
  authority: AUTHORITY,
  reference: REFERENCE,
  legalBasis: 'Law 1',
  owner: 'desk',
  review: Date.UTC(2023, 8, 13) / 1000
}

const facts: { rule: Rule; facts: Record<string, string> }[] = [
  {
    rule: ban('b', [APP], given),
    facts: {
      authority: AUTHORITY,
      reference: REFERENCE,
      legalBasis: 'Law 1',
      owner: 'desk',
      review: '2023-09-13T00:00:00Z'
    }
  },
  { rule: ban('bare', [APP]), facts: {} },
  {
    rule: exception('e', [APP]),
    facts: { purpose: 'press office', approvedBy: 'head of security' }
  },
  { rule: allow('l', [APP]), facts: {} }
]

for (const { rule, facts: expected } of facts) {
  t.test(`facts of ${rule.kind} ${rule.id}`, async t => {
    t.strictSame(claimOf(rule).facts, expected)
  })
}

t.test('a rule has a claim for each of its sources', async t => {
  const sources = [APP, source('other', 'b.example')]
  const { claims } = policyOf(ruleSet(network('net', ['10.0.0.0/8'], [ban('b', sources)])))
  t.strictSame(
    claims.all.map(({ ruleId, source }) => [ruleId, source.id]),
    [
      ['b', 'app'],
      ['b', 'other']
    ]
  )
})

t.test('networks that inherit a rule share its claims', async t => {
  const inherited = [ban('b', [APP])]
  const policy = policyOf(
    ruleSet(network('one', ['10.0.0.0/8'], inherited), network('two', ['172.16.0.0/12'], inherited))
  )
  t.equal(policy.claims.length, 1)
  const { networkOf, groupOf } = policy.snapshot.clients
  t.strictSame([...networkOf], [-1, 0, 1])
  t.strictSame([...groupOf], [0, 1, 1])
})

t.test('another thread gets the replies and facts of claims', async t => {
  const rules = [ban('one', [APP], given), ban('two', [APP], given), ban('three', [APP])]
  const { snapshot } = policyOf(ruleSet(network('net', ['10.0.0.0/8'], rules)))
  const [one, two, three] = allClaims(structuredClone(snapshot)).all
  t.strictSame(one!.reply, two!.reply)
  t.strictSame(one!.facts, two!.facts)
  t.strictNotSame(one!.reply, three!.reply)
})

t.test('every one of many rules has its own EXTRA-TEXT', async t => {
  const long = 'x'.repeat(150)
  const bans = Array.from({ length: 200 }, (_, i) =>
    ban(`b${i}`, [APP], { authority: `${long}${i}` })
  )
  const { claims } = policyOf(ruleSet(network('net', ['10.0.0.0/8'], bans)))
  t.strictSame(
    claims.all.map(({ reply }) => Buffer.from(reply!.edeOption.subarray(6)).toString()),
    bans.map((_, i) => `APP: ${long}${i}`)
  )
})
