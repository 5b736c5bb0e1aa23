import t, { type Test } from 'tap'
import { decodeResponse } from '../../src/wire/dns/message/decode-response.js'
import { readName } from '../../src/wire/dns/name/name.js'
import { RRTYPE } from '../../src/wire/dns/registry/rrtype.js'
import type { ForwardedQuestion } from '../../src/resolver/upstream/forwarder.js'
import { CannedUpstream } from '../resolver/canned.js'
import { readMessage } from '../resolver/message-text.js'
import type { Canned } from '../resolver/scenario.js'
import { framed, type Behaviour } from './bad-upstream.js'
import { questionFor, responseTo } from './messages.js'
import { messageOf, outcomeOf, rig, settled, type Rig, type RigOptions } from './rig.js'

const LIMITS = { minTtl: 0, maxTtl: 86_400, negativeMaxTtl: 3600, failureTtl: 5 }
const SOA = 'ns.example host.example 1 2 3 4 60'

type Zone = readonly (Partial<Canned> & { readonly name: string })[]

/** Answers from a zone; REFUSED for all other questions. */
function serving(zone: Zone): Behaviour {
  const canned = new CannedUpstream(zone.map(one => ({ type: 'A', ...one }) as Canned))
  return query => {
    const response = canned.respond(query.message)
    if (response !== undefined) query.send(query.overTcp ? framed(response) : response)
  }
}

/** Upstream 0 is the default, upstream 1 is authoritative for corp.example. */
function chainRig(t: Test, zones: readonly [Zone, Zone], options: RigOptions = {}): Promise<Rig> {
  return rig(t, zones.map(serving), { domains: { 'corp.example': 1 }, ...options })
}

const www = (qtype: number = RRTYPE.A): ForwardedQuestion => questionFor('www.corp.example', qtype)

/** The answer as it is cached, after a strict reading of the whole message. */
async function resolve(it: Rig, question: ForwardedQuestion) {
  const outcome = await outcomeOf(it.forwarder, question)
  const message = messageOf(outcome)
  const { answers, authorities } = readMessage(message)
  const answer = decodeResponse(message, question.question, LIMITS, 0, outcome.upstream)
  const { rcode, lifetime, authentic, ede, upstream } = answer
  const text = ede && Buffer.from(ede.option.subarray(6)).toString()
  const lower = (records: readonly string[]) =>
    records.map(record => record.replace(/^\S+/, owner => owner.toLowerCase()))
  const sections = { answers: lower(answers), authorities: lower(authorities) }
  return { rcode, lifetime, authentic, upstream, text, ...sections, kept: answer.answers }
}

const ALIAS = { name: 'www.corp.example', answers: ['www.corp.example 300 CNAME cdn.example'] }
const CDN = { name: 'cdn.example', answers: ['cdn.example 60 A 192.0.2.1'] }

t.test('queries the upstream of the target of an alias alone', async t => {
  const it = await chainRig(t, [[CDN], [ALIAS]])
  t.match(await resolve(it, www()), {
    rcode: 0,
    lifetime: 60,
    upstream: 0,
    answers: ['www.corp.example 300 CNAME cdn.example', 'cdn.example 60 A 192.0.2.1'],
    authorities: []
  })
  t.strictSame(
    it.upstreams.map(({ seen }) => seen.length),
    [1, 1]
  )
})

const cases: readonly {
  readonly it: string
  readonly zones: readonly [Zone, Zone]
  readonly type?: number
  readonly wanted: Readonly<Record<string, unknown>>
  /** Queries to each upstream. */
  readonly queries: readonly [number, number]
}[] = [
  {
    it: 'back and forth between two upstreams',
    zones: [
      [{ name: 'a.example', answers: ['a.example 50 CNAME b.corp.example'] }, CDN],
      [
        { name: 'www.corp.example', answers: ['www.corp.example 300 CNAME a.example'] },
        {
          name: 'b.corp.example',
          answers: ['b.corp.example 40 CNAME c.corp.example', 'c.corp.example 30 CNAME cdn.example']
        }
      ]
    ],
    wanted: {
      rcode: 0,
      lifetime: 30,
      upstream: 0,
      answers: [
        'www.corp.example 300 CNAME a.example',
        'a.example 50 CNAME b.corp.example',
        'b.corp.example 40 CNAME c.corp.example',
        'c.corp.example 30 CNAME cdn.example',
        'cdn.example 60 A 192.0.2.1'
      ]
    },
    queries: [2, 2]
  },
  {
    it: 'and the target does not exist',
    zones: [
      [{ name: 'cdn.example', rcode: 'NXDOMAIN', authorities: [`example 900 SOA ${SOA}`] }],
      [ALIAS]
    ],
    wanted: {
      rcode: 3,
      lifetime: 60,
      answers: ['www.corp.example 300 CNAME cdn.example'],
      authorities: [`example 900 SOA ${SOA}`]
    },
    queries: [1, 1]
  },
  {
    it: 'and the target has no records of the type',
    zones: [[{ name: 'cdn.example', authorities: [`example 20 SOA ${SOA}`] }], [ALIAS]],
    wanted: {
      rcode: 0,
      lifetime: 20,
      answers: ['www.corp.example 300 CNAME cdn.example'],
      authorities: [`example 20 SOA ${SOA}`]
    },
    queries: [1, 1]
  },
  {
    it: 'NODATA of the target with an SOA is complete',
    zones: [[CDN], [{ ...ALIAS, authorities: [`example 300 SOA ${SOA}`] }]],
    wanted: { rcode: 0, lifetime: 60, kept: 1 },
    queries: [0, 1]
  },
  {
    it: 'an SOA of another zone denies nothing',
    zones: [[CDN], [{ ...ALIAS, authorities: [`corp.example 300 SOA ${SOA}`] }]],
    wanted: { rcode: 0, lifetime: 60, kept: 2, authorities: [] },
    queries: [1, 1]
  },
  {
    it: 'a referral to the zone of the target',
    zones: [[CDN], [{ ...ALIAS, authorities: ['example 300 NS ns.example'] }]],
    wanted: { rcode: 0, kept: 2, authorities: [] },
    queries: [1, 1]
  },
  {
    it: 'failure of the target: no partial chain',
    zones: [[{ name: 'cdn.example', rcode: 'SERVFAIL' }], [ALIAS]],
    // The alias is kept for policy: clients get no records of a failure.
    wanted: { rcode: 2, lifetime: 5, kept: 1 },
    queries: [1, 1]
  },
  {
    it: 'refusal of the target',
    zones: [[], [ALIAS]],
    wanted: { rcode: 2, lifetime: 5, kept: 1, text: 'upstream answered REFUSED' },
    queries: [1, 1]
  },
  {
    it: 'a loop',
    zones: [[{ name: 'cdn.example', answers: ['cdn.example 60 CNAME www.corp.example'] }], [ALIAS]],
    wanted: { rcode: 2, lifetime: 5, kept: 0, text: /loop of CNAMEs/ },
    queries: [1, 1]
  },
  {
    it: 'an upstream that replaces what another one said',
    zones: [
      [
        {
          name: 'cdn.example',
          answers: ['cdn.example 60 CNAME www.corp.example', 'www.corp.example 60 A 203.0.113.66']
        }
      ],
      [ALIAS]
    ],
    wanted: { rcode: 2, kept: 0, text: /loop of CNAMEs/ },
    queries: [1, 1]
  },
  {
    it: 'records of other names beside the target',
    zones: [
      [
        {
          ...CDN,
          answers: [
            'www.corp.example 60 A 203.0.113.66',
            'corp.example 60 DNAME evil.example',
            ...CDN.answers
          ]
        }
      ],
      [ALIAS]
    ],
    wanted: {
      rcode: 0,
      answers: ['www.corp.example 300 CNAME cdn.example', 'cdn.example 60 A 192.0.2.1']
    },
    queries: [1, 1]
  },
  {
    it: 'a question for CNAME',
    zones: [[CDN], [{ ...ALIAS, type: 'CNAME' }]],
    type: RRTYPE.CNAME,
    wanted: { rcode: 0, lifetime: 300, kept: 1 },
    queries: [0, 1]
  },
  {
    it: 'a question for ANY',
    zones: [[CDN], [{ ...ALIAS, type: 'ANY' }]],
    type: RRTYPE.ANY,
    wanted: { rcode: 0, lifetime: 300, kept: 1 },
    queries: [0, 1]
  },
  {
    it: 'NXDOMAIN beside the alias is about its target',
    zones: [[CDN], [{ ...ALIAS, rcode: 'NXDOMAIN' }]],
    wanted: { rcode: 3, kept: 1 },
    queries: [0, 1]
  },
  {
    it: 'an alias of an unrelated name',
    zones: [[CDN], [{ ...ALIAS, answers: ['other.example 300 CNAME cdn.example'] }]],
    wanted: { rcode: 0, kept: 0 },
    queries: [0, 1]
  }
]

for (const { it, zones, type, wanted, queries } of cases) {
  t.test(`an alias alone: ${it}`, async t => {
    const rig = await chainRig(t, zones)
    t.match(await resolve(rig, www(type)), wanted)
    t.strictSame(
      rig.upstreams.map(({ seen }) => seen.length),
      queries
    )
  })
}

const chainOf = (length: number): Zone =>
  Array.from({ length }, (_, n) => ({
    name: n === 0 ? 'www.corp.example' : `n${n}.corp.example`,
    answers: [
      `${n === 0 ? 'www' : `n${n}`}.corp.example 300 CNAME ${n + 1 === length ? 'cdn.example' : `n${n + 1}.corp.example`}`
    ]
  }))

t.test('follows as many as 16 aliases, and no more', async t => {
  const whole = await chainRig(t, [[CDN], chainOf(16)])
  t.match(await resolve(whole, www()), { rcode: 0, lifetime: 60, kept: 17 })
  const long = await chainRig(t, [[CDN], chainOf(17)])
  t.match(await resolve(long, www()), { rcode: 2, kept: 0, text: /more than 16 CNAMEs/ })
  t.equal(long.upstreams[0]!.seen.length, 0)
})

t.test('DO and CD are the same for all steps, and AD is that of all', async t => {
  const ad = (flags: 'AD' | '') => [{ ...CDN, flags }]
  for (const [first, second, authentic] of [
    ['AD', 'AD', true],
    ['AD', '', false],
    ['', 'AD', false]
  ] as const) {
    const it = await chainRig(t, [ad(second), [{ ...ALIAS, flags: first }]])
    const question = { ...www(), dnssecOk: true, checkingDisabled: true }
    t.match(await resolve(it, question), { rcode: 0, authentic })
    const [query] = it.upstreams[0]!.seen
    t.match(readMessage(query!.message), { flags: /CD/, edns: { do: true } })
  }
})

t.test('signatures and proofs of all steps are kept', async t => {
  const rrsig = (covered: string) =>
    `\\# 32 ${covered}0802000000000000000000000000000004636f7270076578616d706c650001`
  const nsec = 'z.corp.example 300 TYPE47 \\# 6 017a00000140'
  const it = await chainRig(t, [
    [CDN],
    [
      {
        ...ALIAS,
        answers: [...ALIAS.answers, `www.corp.example 300 TYPE46 ${rrsig('0005')}`],
        authorities: [nsec, `z.corp.example 300 TYPE46 ${rrsig('002f')}`]
      }
    ]
  ])
  const { answers, authorities } = await resolve(it, { ...www(), dnssecOk: true })
  t.match(answers, [/CNAME/, /^www.corp.example 300 RRSIG/, /^cdn.example 60 A/])
  t.match(authorities, [/NSEC/, /RRSIG/])
})

t.test('equal questions join a query whose alias is being followed', async t => {
  const { upstreams, ask, forwarder } = await chainRig(t, [[CDN], [ALIAS]])
  const first = ask('www.corp.example')
  upstreams[0]!.behaviour = () => undefined
  await upstreams[0]!.sees(1)
  t.equal(forwarder.inFlight, 1, 'one query, whatever its step')
  const second = ask('WWW.corp.example')
  const [step] = upstreams[0]!.seen
  step!.send(responseTo(step!.message, { mark: 9 }))
  t.equal(await first, await second)
  t.equal(upstreams[1]!.seen.length, 1)
  t.equal(forwarder.inFlight, 0)
})

t.test('all steps have the time of one query', async t => {
  const limits = { attemptTimeout: 800, queryTimeout: 1000 }
  const { upstreams, ask, time } = await chainRig(t, [[CDN], [ALIAS]], { limits })
  upstreams[0]!.behaviour = upstreams[1]!.behaviour = () => undefined
  const outcome = ask('www.corp.example')
  await upstreams[1]!.sees(1)
  time.advance(700)
  serving([ALIAS])(upstreams[1]!.seen[0]!)
  await upstreams[0]!.sees(1)
  time.advance(320)
  t.match(await outcome, { kind: 'failure', ede: 22, upstream: 0, took: 1000 })
})

t.test('ends a query once when it is closed while an alias is followed', async t => {
  const { upstreams, ask, forwarder, time } = await chainRig(t, [[CDN], [ALIAS]])
  upstreams[0]!.behaviour = () => undefined
  const outcome = ask('www.corp.example')
  await upstreams[0]!.sees(1)
  forwarder.close()
  t.match(await outcome, { kind: 'failure' })
  serving([CDN])(upstreams[0]!.seen[0]!)
  time.advance(10_000)
  await settled()
  t.equal(forwarder.inFlight, 0)
  t.equal(time.waiting, 0, 'no timer is left')
})

t.test('a target that is answered locally is not queried', async t => {
  const onion = { name: 'www.corp.example', answers: ['www.corp.example 300 CNAME a.b.onion'] }
  const localNames = [
    { name: readName('onion'), kind: 'nxdomain' as const },
    { name: readName('b.onion'), kind: 'forwarded' as const }
  ]
  const it = await chainRig(t, [[], [onion]], { localNames: localNames.slice(0, 1) })
  t.match(await resolve(it, www()), { rcode: 0, kept: 1, lifetime: 0 })
  t.equal(it.upstreams[0]!.seen.length, 0)
  const other = await chainRig(t, [[], [onion]], { localNames })
  t.match(await resolve(other, www()), { rcode: 2 }, 'unless the settings forward it')
  t.equal(other.upstreams[0]!.seen.length, 1)
})

t.test('a malformed response to the second step is a failure', async t => {
  const { upstreams, ask } = await chainRig(t, [[CDN], [ALIAS]])
  upstreams[0]!.behaviour = query => {
    const response = responseTo(query.message)
    response[7] = 2
    query.send(response)
  }
  t.match(await ask('www.corp.example'), { kind: 'failure', ede: 23, upstream: 0 })
})

t.test('a truncated second step is retried over TCP', async t => {
  const { upstreams, ask } = await chainRig(t, [[CDN], [ALIAS]])
  upstreams[0]!.behaviour = query => {
    if (query.overTcp) serving([CDN])(query)
    else query.send(responseTo(query.message, { truncated: true }))
  }
  t.match(readMessage(messageOf(await ask('www.corp.example'))).answers, [/CNAME/, /A 192.0.2.1/])
  t.equal(upstreams[0]!.seen.length, 2)
})
