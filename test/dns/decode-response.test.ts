import assert from 'node:assert/strict'
import fc from 'fast-check'
import t from 'tap'
import { TARGET_KIND, type Answer } from '../../src/wire/dns/records/answer.js'
import type { TtlLimits } from '../../src/wire/dns/records/answer.js'
import { servfailAnswer, decodeResponse } from '../../src/wire/dns/message/decode-response.js'
import { Query } from '../../src/wire/dns/message/query.js'
import { encodeCachedAnswer } from '../../src/wire/dns/reply/cached-reply.js'
import { runs } from '../runs.js'
import {
  header,
  name,
  octets,
  opt,
  option,
  question,
  record,
  TO_QNAME,
  u16,
  u32,
  type Part
} from './octets.js'

const OK = 0x8180
const QNAME = 'www.example'
const QUESTION_END = 12 + 17
const LIMITS: TtlLimits = { minTtl: 0, maxTtl: 86_400, negativeMaxTtl: 900, failureTtl: 5 }
const A = [192, 0, 2, 1]

function read(message: readonly Part[], qtype = 1, limits: Partial<TtlLimits> = {}): Answer {
  const asked = octets(question(QNAME, qtype))
  return decodeResponse(octets(...message), asked, { ...LIMITS, ...limits }, 1000, 2)
}

const soa = (ttl: number, minimum: number): number[] =>
  record(name('example'), 6, ttl, [name('a'), name('b'), new Uint8Array(16), u32(minimum)])

/** The TTLs in the body. */
const ttlsOf = ({ body, ttls }: Answer): number[] =>
  [...ttls].map(at => Buffer.from(body).readUInt32BE(at))

const lifetimes: readonly {
  it: string
  message: readonly Part[]
  qtype?: number
  limits?: Partial<TtlLimits>
  lifetime: number
  ttls: readonly number[]
}[] = [
  {
    it: 'the lowest TTL in ANSWER',
    message: [
      header(1, OK, 1, 2, 1, 0),
      question(QNAME),
      record(TO_QNAME, 1, 300, A),
      record(TO_QNAME, 1, 200, A),
      record(TO_QNAME, 43, 100, [0])
    ],
    lifetime: 200,
    ttls: [200, 200, 100]
  },
  {
    it: 'at most maxTtl, which TTLs are lowered to',
    message: [header(1, OK, 1, 1, 0, 0), question(QNAME), record(TO_QNAME, 1, 100_000, A)],
    lifetime: 86_400,
    ttls: [86_400]
  },
  {
    it: 'at least minTtl, which TTLs are raised to',
    message: [header(1, OK, 1, 1, 0, 0), question(QNAME), record(TO_QNAME, 1, 1, A)],
    limits: { minTtl: 30 },
    lifetime: 30,
    ttls: [30]
  },
  {
    it: 'at most maxTtl even below minTtl',
    message: [header(1, OK, 1, 1, 0, 0), question(QNAME), record(TO_QNAME, 1, 1, A)],
    limits: { minTtl: 30, maxTtl: 20 },
    lifetime: 20,
    ttls: [20]
  },
  {
    it: 'nothing for TTL 0, regardless of minTtl',
    message: [header(1, OK, 1, 1, 0, 0), question(QNAME), record(TO_QNAME, 1, 0, A)],
    limits: { minTtl: 30 },
    lifetime: 0,
    ttls: [0]
  },
  {
    it: 'nothing for a TTL with bit 31 set',
    message: [header(1, OK, 1, 1, 0, 0), question(QNAME), record(TO_QNAME, 1, 0x80000001, A)],
    lifetime: 0,
    ttls: [0]
  },
  {
    it: 'MINIMUM of the SOA for NXDOMAIN, and its TTL lowered to that',
    message: [header(1, OK | 3, 1, 0, 1, 0), question(QNAME), soa(600, 60)],
    limits: { minTtl: 300 },
    lifetime: 60,
    ttls: [60]
  },
  {
    it: 'TTL of the SOA for NODATA, also for its proofs',
    message: [
      header(1, OK, 1, 0, 2, 0),
      question(QNAME),
      soa(50, 60),
      record(TO_QNAME, 47, 500, [name('x'), 0, 1, 0x40])
    ],
    lifetime: 50,
    ttls: [50, 50]
  },
  {
    it: 'negativeMaxTtl for a negative answer with a longer TTL',
    message: [header(1, OK | 3, 1, 0, 1, 0), question(QNAME), soa(5000, 4000)],
    lifetime: 900,
    ttls: [900]
  },
  {
    it: 'the TTL of a CNAME without data, if lower',
    message: [
      header(1, OK | 3, 1, 1, 1, 0),
      question(QNAME),
      record(TO_QNAME, 5, 40, [name('gone.example')]),
      soa(600, 60)
    ],
    lifetime: 40,
    ttls: [40, 60]
  },
  {
    it: 'the TTL of the SOA for a CNAME without data, if lower',
    message: [
      header(1, OK, 1, 1, 1, 0),
      question(QNAME),
      record(TO_QNAME, 5, 400, [name('bare.example')]),
      soa(600, 60)
    ],
    lifetime: 60,
    ttls: [400, 60]
  },
  {
    it: 'the TTL of a CNAME for QTYPE CNAME',
    message: [header(1, OK, 1, 1, 0, 0), question(QNAME, 5), record(TO_QNAME, 5, 40, [name('x')])],
    qtype: 5,
    lifetime: 40,
    ttls: [40]
  },
  {
    it: 'the lowest TTL for ANY',
    message: [header(1, OK, 1, 1, 0, 0), question(QNAME, 255), record(TO_QNAME, 16, 40, [1, 'x'])],
    qtype: 255,
    lifetime: 40,
    ttls: [40]
  },
  {
    it: 'nothing for NODATA without an SOA',
    message: [header(1, OK, 1, 0, 0, 0), question(QNAME)],
    lifetime: 0,
    ttls: []
  },
  {
    it: 'nothing for a referral',
    message: [
      header(1, OK, 1, 0, 1, 0),
      question(QNAME),
      record(name('example'), 2, 60, [name('ns')])
    ],
    lifetime: 0,
    ttls: []
  },
  {
    it: 'failureTtl for SERVFAIL',
    message: [header(1, OK | 2, 1, 0, 0, 0), question(QNAME)],
    lifetime: 5,
    ttls: []
  },
  {
    it: 'failureTtl for REFUSED without a question',
    message: [header(1, OK | 5, 0, 0, 0, 0)],
    lifetime: 5,
    ttls: []
  },
  {
    it: 'failureTtl for an extended RCODE',
    message: [header(1, OK, 1, 0, 0, 1), question(QNAME), opt(1232, [], { rcode: 1 })],
    lifetime: 5,
    ttls: []
  },
  {
    it: 'as a failure, and has no records, if it is truncated',
    message: [header(1, OK | 0x0200, 1, 1, 0, 0), question(QNAME), record(TO_QNAME, 1, 300, A)],
    lifetime: LIMITS.failureTtl,
    ttls: []
  }
]

for (const { it, message, qtype, limits, lifetime, ttls } of lifetimes) {
  t.test(`an answer lives ${it}`, async t => {
    const answer = read(message, qtype, limits)
    t.equal(answer.lifetime, lifetime)
    t.strictSame(ttlsOf(answer), ttls)
  })
}

t.test('keeps ANSWER and what clients need of AUTHORITY', async t => {
  const kept = [record(TO_QNAME, 1, 300, A), record(TO_QNAME, 43, 300, [1])]
  const message = [
    header(1, OK | 0x20, 1, 1, 3, 4),
    question('WWW.example'),
    kept,
    record(TO_QNAME, 2, 300, [name('ns')]),
    record(TO_QNAME, 46, 300, [u16(2), new Uint8Array(16), name('example'), 1]),
    record('ns', 1, 300, A),
    opt(1232, [...option(10, [1]), ...option(15, [u16(22), 'why'])]),
    record('x', 1, 300, A),
    record('key', 250, 0, [1, 2, 3], 255),
    'whatever'
  ]
  const answer = read(message)
  t.strictSame(answer.body, octets(kept))
  t.strictSame([answer.answers, answer.authorities], [1, 1])
  t.strictSame([...answer.ttls], [6, 22])
  t.strictSame(answer.ede, { code: 22, option: octets(option(15, [u16(22), 'why'])) })
  t.ok(answer.authentic)
  t.equal(answer.storedAt, 1000)
  t.equal(answer.upstream, 2)
})

t.test('drops NS between records that stay, and keeps the OPT of a rewritten response', async t => {
  const answer = read([
    header(1, OK, 1, 1, 2, 1),
    question(QNAME),
    record(TO_QNAME, 1, 300, A),
    record(TO_QNAME, 2, 300, [name('ns')]),
    record(TO_QNAME, 43, 300, [1]),
    opt(1232, option(15, [u16(22)]))
  ])
  t.strictSame(answer.body, octets(record(TO_QNAME, 1, 300, A), record(TO_QNAME, 43, 300, [1])))
  t.strictSame([answer.answers, answer.authorities, answer.rcode], [1, 1, 0])
  t.equal(answer.ede?.code, 22)
})

t.test('does not change the original TTL in RRSIG data', async t => {
  const rrsig = [u16(1), 8, 2, u32(300), u32(2), u32(1), u16(1), name('example'), 1, 2, 3]
  const answer = read(
    [
      header(1, OK, 1, 2, 0, 0),
      question(QNAME),
      record(TO_QNAME, 1, 300, A),
      record(TO_QNAME, 46, 300, rrsig)
    ],
    1,
    { maxTtl: 100 }
  )
  t.strictSame(answer.body, octets(record(TO_QNAME, 1, 100, A), record(TO_QNAME, 46, 100, rrsig)))
})

const codes = [
  { it: 'NOERROR', flags: OK, bits: 0, rcode: 0 },
  { it: 'NXDOMAIN', flags: OK | 3, bits: 0, rcode: 3 },
  { it: 'REFUSED as SERVFAIL', flags: OK | 5, bits: 0, rcode: 2 },
  { it: 'NOTAUTH as SERVFAIL', flags: OK | 9, bits: 0, rcode: 2 },
  { it: 'YXDOMAIN without a DNAME as SERVFAIL', flags: OK | 6, bits: 0, rcode: 2 },
  { it: 'FORMERR as SERVFAIL', flags: OK | 1, bits: 0, rcode: 2 },
  { it: 'NOTIMP as SERVFAIL', flags: OK | 4, bits: 0, rcode: 2 },
  { it: 'BADVERS as SERVFAIL', flags: OK, bits: 1, rcode: 2 },
  { it: 'BADCOOKIE as SERVFAIL', flags: OK | 7, bits: 1, rcode: 2 }
]

for (const { it, flags, bits, rcode } of codes) {
  t.test(`passes on ${it}`, async t => {
    const message = [header(1, flags, 1, 0, 0, 1), question(QNAME), opt(1232, [], { rcode: bits })]
    t.equal(read(message).rcode, rcode)
  })
}

const V4 = [0, 0, 0xffff, 0xc0000201]
const V6 = [0x20010db8, 0, 0, 1]
const IPV6 = [u32(0x20010db8), u32(0), u32(0), u32(1)]
const svc = (target: readonly Part[], ...params: Part[]): Part[] => [u16(1), target, params]

const leads: readonly {
  it: string
  type: number
  rdata: readonly Part[]
  lead?: number
  target?: string
  addresses?: readonly number[]
}[] = [
  { it: 'A', type: 1, rdata: A, addresses: V4 },
  { it: 'AAAA', type: 28, rdata: IPV6, addresses: V6 },
  {
    it: 'CNAME',
    type: 5,
    rdata: [name('Alias.Example')],
    lead: TARGET_KIND.cname,
    target: 'alias.example'
  },
  {
    it: 'a compressed CNAME',
    type: 5,
    rdata: [1, 'X', 0xc0, 16],
    lead: TARGET_KIND.cname,
    target: 'x.example'
  },
  {
    it: 'DNAME',
    type: 39,
    rdata: [name('other.example')],
    lead: TARGET_KIND.dname,
    target: 'other.example'
  },
  {
    it: 'HTTPS alias',
    type: 65,
    rdata: svc(name('cdn.example')),
    lead: TARGET_KIND.svcb,
    target: 'cdn.example'
  },
  {
    it: 'SVCB with hints',
    type: 64,
    rdata: svc(name('cdn.example'), option(1, [2, 'h2']), option(4, [A, A]), option(6, [IPV6])),
    lead: TARGET_KIND.svcb,
    target: 'cdn.example',
    addresses: [...V4, ...V4, ...V6]
  },
  { it: 'HTTPS for the owner itself', type: 65, rdata: svc([0], option(4, [A])), addresses: V4 },
  { it: 'MX', type: 15, rdata: [0, 1, name('mail.example')] },
  { it: 'TXT', type: 16, rdata: [1, 'x'] }
]

for (const { it, type, rdata, lead, target, addresses = [] } of leads) {
  t.test(`collects the targets of ${it}`, async t => {
    const message = [
      header(1, OK, 1, 1, 0, 0),
      question(QNAME, type),
      record(TO_QNAME, type, 60, rdata)
    ]
    const answer = read(message, type)
    t.strictSame([...answer.targetKinds], lead === undefined ? [] : [lead])
    t.strictSame([...answer.targets], target === undefined ? [] : name(target))
    t.strictSame([...answer.addresses], addresses)
  })
}

t.test('collects the targets of a chain in order, from ANSWER only', async t => {
  const answer = read([
    header(1, OK, 1, 3, 1, 1),
    question(QNAME),
    record(TO_QNAME, 5, 60, [name('b')]),
    record('b', 5, 60, [name('c')]),
    record('c', 1, 60, A),
    record('x', 5, 60, [name('y')]),
    record('z', 1, 60, [9, 9, 9, 9])
  ])
  t.strictSame([...answer.targets], [...name('b'), ...name('c')])
  t.strictSame([...answer.targetKinds], [TARGET_KIND.cname, TARGET_KIND.cname])
  t.strictSame([...answer.addresses], V4)
})

const dnames: readonly {
  it: string
  answers: readonly (readonly [owner: string, type: number, target: string])[]
  targets: readonly string[]
}[] = [
  {
    it: 'for QNAME without a CNAME',
    answers: [['example', 39, 'b.test']],
    targets: ['b.test', 'www.b.test']
  },
  {
    it: 'for QNAME with another CNAME',
    answers: [
      ['example', 39, 'b.test'],
      [QNAME, 5, 'www.c.test']
    ],
    targets: ['b.test', 'www.c.test', 'www.b.test']
  },
  {
    it: 'once if the CNAME is right',
    answers: [
      ['example', 39, 'b.test'],
      [QNAME, 5, 'www.b.test']
    ],
    targets: ['b.test', 'www.b.test']
  },
  {
    it: 'for the target of a CNAME, in any order',
    answers: [
      ['test', 39, 'c'],
      [QNAME, 5, 'x.test']
    ],
    targets: ['x.test', 'c', 'x.c']
  },
  {
    it: 'for a name that another DNAME substitutes',
    answers: [
      ['example', 39, 'test'],
      ['test', 39, 'c']
    ],
    targets: ['test', 'c', 'www.test', 'www.c']
  },
  { it: 'not for the owner itself', answers: [[QNAME, 39, 'b']], targets: [] },
  {
    it: 'not above 255 octets',
    answers: [['example', 39, Array(4).fill('a'.repeat(62)).join('.')]],
    targets: [Array(4).fill('a'.repeat(62)).join('.')]
  },
  {
    it: 'for a second DNAME at the same owner after a CNAME',
    answers: [
      ['example', 39, 'b'],
      [QNAME, 5, 'x.example'],
      ['example', 39, 'c']
    ],
    targets: ['b', 'x.example', 'c', 'www.b', 'www.c', 'x.b', 'x.c']
  },
  {
    it: 'only for the first of two at one owner',
    answers: [
      ['example', 39, 'b'],
      ['example', 39, 'c']
    ],
    targets: ['b', 'www.b']
  }
]

for (const { it, answers, targets } of dnames) {
  t.test(`collects the name that a DNAME substitutes ${it}`, async t => {
    const records = answers.map(([owner, type, target]) => record(owner, type, 60, [name(target)]))
    const answer = read([header(1, OK, 1, records.length, 0, 0), question(QNAME), records])
    t.strictSame([...answer.targets], targets.flatMap(name))
    t.equal(answer.targetKinds.length, targets.length)
  })
}

t.test('a DNAME to a name below itself is rejected', async t => {
  const message = [
    header(1, OK, 1, 1, 0, 0),
    question(QNAME),
    record('example', 39, 60, [1, 'b', name('example')])
  ]
  t.throws(() => read(message), { code: 'WIRE_LARGE' })
})

/** A record of opaque data with a name of 127 labels, each before a pointer to the next one. */
function labyrinth(start: number): { octets: number[]; entry: number } {
  const data = start + 12
  const steps = Array.from({ length: 126 }, (_, i) => [
    1,
    'a',
    ...u16(0xc000 | (i === 0 ? 12 + 4 : data + 4 * (i - 1)))
  ])
  return { octets: record(TO_QNAME, 16, 60, steps), entry: data + 4 * 120 }
}

const manyNames: readonly {
  it: string
  type: number
  section: number
  isOwner?: boolean
  rdata?: (to: number[]) => Part[]
}[] = [
  { it: 'owner names', type: 16, section: 1, isOwner: true },
  { it: 'owner names of proofs', type: 47, section: 2, isOwner: true },
  { it: 'owner names in ADDITIONAL', type: 16, section: 3, isOwner: true },
  { it: 'targets of CNAMEs', type: 5, section: 1, rdata: to => to },
  { it: 'targets of HTTPS', type: 65, section: 1, rdata: to => [0, 1, ...to] }
]

for (const { it, type, section, isOwner = false, rdata = () => [] } of manyNames) {
  t.test(`a response of 60 KB with pointer chains in ${it} is rejected`, async t => {
    const { octets: first, entry } = labyrinth(QUESTION_END)
    const to = u16(0xc000 | entry)
    const next = record(isOwner ? to : TO_QNAME, type, 60, rdata(to))
    const count = Math.floor(60_000 / next.length)
    const counts = [1, 0, 0]
    counts[section - 1]! += count
    const rest = Array<Part>(count).fill(next)
    const message = [header(1, OK, 1, ...counts), question(QNAME, 16), first, rest]
    t.throws(() => read(message, 16), { code: 'WIRE_LARGE' })
  })
}

t.test('a response of 60 KB with usual names is accepted', async t => {
  const target = 'a-rather-long-label.of-some.content-network.example'
  const at = QUESTION_END + 12
  const next = record(u16(0xc000 | at), 1, 60, A)
  const count = Math.floor(60_000 / next.length)
  const alias = record(TO_QNAME, 5, 60, [name(target)])
  const answer = read([
    header(1, OK, 1, count + 1, 0, 0),
    question(QNAME),
    alias,
    Array(count).fill(next)
  ])
  t.equal(answer.answers, count + 1)
})

const one = (type: number, rdata: readonly Part[]): Part[] => [
  header(1, OK, 1, 1, 0, 0),
  question(QNAME),
  record(TO_QNAME, type, 60, rdata)
]

const refuses = [
  { it: 'less than a header', message: [1, 2, 3], code: 'WIRE_SHORT' },
  {
    it: 'a missing record',
    message: [header(1, OK, 1, 1, 0, 0), question(QNAME)],
    code: 'WIRE_SHORT'
  },
  {
    it: 'a record truncated',
    message: [...one(1, A).slice(0, 2), TO_QNAME, 0, 1],
    code: 'WIRE_SHORT'
  },
  { it: 'RDATA truncated', message: [octets(...one(1, A)).slice(0, -1)], code: 'WIRE_SHORT' },
  {
    it: 'another name',
    message: [header(1, OK, 1, 0, 0, 0), question('x')],
    code: 'WIRE_QUESTION'
  },
  {
    it: 'another type',
    message: [header(1, OK, 1, 0, 0, 0), question(QNAME, 2)],
    code: 'WIRE_QUESTION'
  },
  {
    it: 'two questions',
    message: [header(1, OK, 2, 0, 0, 0), question(QNAME), question(QNAME)],
    code: 'WIRE_QUESTION'
  },
  {
    it: 'NOERROR without a question',
    message: [header(1, OK, 0, 0, 0, 0), 0, 0, 1, 0, 1],
    code: 'WIRE_QUESTION'
  },
  {
    it: 'an owner that points into a TTL',
    message: [
      header(1, OK, 1, 2, 0, 0),
      question(QNAME),
      record(TO_QNAME, 1, 60, A),
      record([0xc0, QUESTION_END + 6], 1, 60, A)
    ],
    code: 'WIRE_POINTER'
  },
  {
    it: 'an owner that points into the header',
    message: [header(1, OK, 1, 1, 0, 0), question(QNAME), record([0xc0, 4], 1, 60, A)],
    code: 'WIRE_POINTER'
  },
  {
    it: 'an owner that points ahead',
    message: [header(1, OK, 1, 1, 0, 0), question(QNAME), record([0xc0, 99], 1, 60, A)],
    code: 'WIRE_POINTER'
  },
  { it: 'NS that points into the header', message: one(2, [0xc0, 0]), code: 'WIRE_POINTER' },
  {
    it: 'MX that points to itself',
    message: one(15, [0, 1, 0xc0, QUESTION_END + 14]),
    code: 'WIRE_POINTER'
  },
  { it: 'A of 5 octets', message: one(1, [1, 2, 3, 4, 5]), code: 'WIRE_RDATA' },
  { it: 'A of 8 octets', message: one(1, [A, A]), code: 'WIRE_RDATA' },
  { it: 'A without data', message: one(1, []), code: 'WIRE_RDATA' },
  { it: 'AAAA of 4 octets', message: one(28, A), code: 'WIRE_RDATA' },
  { it: 'CNAME with more than a name', message: one(5, [name('x'), 0]), code: 'WIRE_RDATA' },
  { it: 'SOA without its numbers', message: one(6, [name('x'), name('y')]), code: 'WIRE_RDATA' },
  { it: 'HTTPS without a target', message: one(65, [0, 1]), code: 'WIRE_SHORT' },
  {
    it: 'HTTPS with a parameter that is too long',
    message: one(65, [0, 1, 0, 0, 4, 0, 9, 1]),
    code: 'WIRE_RDATA'
  },
  {
    it: 'HTTPS with half a hint',
    message: one(65, svc([0], option(4, [1, 2]))),
    code: 'WIRE_RDATA'
  },
  {
    it: 'OPT in ANSWER',
    message: [header(1, OK, 1, 1, 0, 0), question(QNAME), opt(1232)],
    code: 'WIRE_OPT'
  },
  {
    it: 'two OPTs',
    message: [header(1, OK, 1, 0, 0, 2), question(QNAME), opt(1232), opt(1232)],
    code: 'WIRE_OPT'
  },
  {
    it: 'an option that is too long',
    message: [header(1, OK, 1, 0, 0, 1), question(QNAME), opt(1232, [0, 15, 0, 9, 1])],
    code: 'WIRE_RDATA'
  },
  {
    it: 'half an option header',
    message: [header(1, OK, 1, 0, 0, 1), question(QNAME), opt(1232, [0, 15])],
    code: 'WIRE_RDATA'
  }
] as const

for (const { it, message, code } of refuses) {
  t.test(`rejects ${it} with ${code}`, async t => t.throws(() => read(message), { code }))
}

t.test('an upstream that does not respond gives SERVFAIL with the reason', async t => {
  const answer = servfailAnswer(22, LIMITS, 1000, 1)
  const { rcode, lifetime, storedAt, upstream, ede, body } = answer
  t.strictSame(
    { rcode, lifetime, storedAt, upstream },
    { rcode: 2, lifetime: 5, storedAt: 1000, upstream: 1 }
  )
  t.strictSame(ede, { code: 22, option: octets(option(15, [u16(22)])) })
  t.equal(body.length, 0)
  t.notOk(answer.authentic)
})

t.test('a decoded answer is encoded after the question of the next client', async t => {
  const records = [record(TO_QNAME, 5, 60, [1, 'b', 0xc0, 16]), record([0xc0, 41], 1, 60, A)]
  const answer = read([header(1, OK, 1, 2, 0, 1), question(QNAME), records, opt(1232)])
  const asked = octets(header(77, 0x0100, 1, 0, 0, 0), question('wWw.eXample'))
  const buffer = new Uint8Array(512)
  buffer.set(asked)
  const query = new Query()
  query.decode(buffer, 0, asked.length, 7)
  const length = encodeCachedAnswer(buffer, query, 512, answer, 0)
  t.strictSame(
    buffer.slice(0, length),
    octets(header(77, 0x8180, 1, 2, 0, 0), question('wWw.eXample'), records)
  )
})

t.test('any octets are decoded as an answer or rejected with a code', async t => {
  const tail = fc.uint8Array({ maxLength: 80 })
  const type = fc.constantFrom(1, 2, 5, 6, 15, 28, 33, 39, 41, 64, 65, 250)
  const record1 = fc
    .tuple(type, tail)
    .map(([type, rdata]) => octets(record(TO_QNAME, type, 60, [rdata])))
  const section = fc.integer({ min: 0, max: 2 })
  const messages = fc.oneof(
    tail,
    tail.map(more => octets(header(1, OK, 1, 2, 2, 2), question(QNAME), more)),
    fc.tuple(section, fc.array(record1, { maxLength: 4 })).map(([section, records]) => {
      const counts = [0, 0, 0]
      counts[section] = records.length
      return octets(header(1, OK, 1, ...counts), question(QNAME), records)
    })
  )
  fc.assert(
    fc.property(messages, message => {
      try {
        const { body, ttls, lifetime, targets, targetKinds, addresses } = read([message])
        assert.ok(body.length <= message.length)
        assert.ok(ttls.every(at => at + 4 <= body.length))
        assert.ok(lifetime >= 0 && lifetime <= LIMITS.maxTtl)
        assert.equal(targets.length === 0, targetKinds.length === 0)
        assert.equal(addresses.length % 4, 0)
      } catch (error) {
        assert.match((error as { code?: string }).code ?? String(error), /^WIRE_/)
      }
    }),
    runs(3000)
  )
  t.pass()
})

const spellings: readonly { it: string; owner: readonly number[]; kept: readonly number[] }[] = [
  { it: 'QNAME', owner: name('wWw.eXample'), kept: name('www.example') },
  {
    it: 'half of QNAME before a pointer',
    owner: [3, 'W', 'w', 'W', 0xc0, 16].map(code),
    kept: [3, 'w', 'w', 'w', 0xc0, 16].map(code)
  },
  { it: 'the root', owner: [0], kept: [0] },
  { it: 'an ancestor of QNAME', owner: name('eXample'), kept: name('example') }
]

function code(part: number | string): number {
  return typeof part === 'number' ? part : part.charCodeAt(0)
}

for (const { it, owner, kept } of spellings) {
  t.test(`lower-cases an uncompressed owner name: ${it}`, async t => {
    const soaData = [name('a'), name('b'), new Uint8Array(16), u32(60)]
    const { body } = read([
      header(1, OK, 1, 0, 1, 0),
      question('wWw.eXample'),
      record(owner, 6, 60, soaData)
    ])
    t.strictSame([...body.subarray(0, kept.length)], [...kept])
  })
}
