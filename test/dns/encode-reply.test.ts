import t from 'tap'
import { answerOf } from '../../bench/kit/answer.js'
import { encodeEde } from '../../src/wire/dns/edns/ede-option.js'
import type { Answer } from '../../src/wire/dns/records/answer.js'
import { Query, QUERY_KIND } from '../../src/wire/dns/message/query.js'
import { encodeCachedAnswer } from '../../src/wire/dns/reply/cached-reply.js'
import { encodeListRecords } from '../../src/wire/dns/reply/list-records-reply.js'
import {
  encodeAddress,
  encodeCname,
  encodeError,
  encodeNegative
} from '../../src/wire/dns/reply/local-reply.js'
import { encodeTruncated } from '../../src/wire/dns/reply/reply-frame.js'
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

const AT = 40
const RD_AD_CD = 0x0130
const LOCAL_FLAGS = 0x8190 // QR, RD, RA, CD
const CENSORED = encodeEde(16, 'tiktok: advice of 10 March')
const CENSORED_OPTION = option(15, [u16(16), 'tiktok: advice of 10 March'])
const OURS = opt(1232)
const WWW = question('WwW.Example')

/** Decodes a query in the middle of a large buffer, encodes a reply over it and returns that. */
function reply(
  query: readonly Part[],
  write: (buffer: Uint8Array, query: Query) => number
): Uint8Array {
  const wire = octets(...query)
  const buffer = new Uint8Array(4096).fill(0xee)
  buffer.set(wire, AT)
  const read = new Query()
  if (read.decode(buffer, AT, AT + wire.length, 7) === QUERY_KIND.unanswerable)
    throw new Error('not a query')
  const length = write(buffer, read)
  if (buffer.subarray(0, AT).some(octet => octet !== 0xee)) throw new Error('wrote before it')
  const after = Math.max(AT + length, AT + wire.length)
  if (buffer.subarray(after).some(octet => octet !== 0xee)) throw new Error('wrote after it')
  return buffer.slice(AT, AT + length)
}

const plain = [header(0xabcd, RD_AD_CD, 1, 0, 0, 0), WWW]
const edns = [header(0xabcd, RD_AD_CD, 1, 0, 0, 1), WWW, opt(4096)]
const dnssec = [header(0xabcd, 0x0100, 1, 0, 0, 1), WWW, opt(4096, [], { flags: 0x8000 })]
const opaque = header(0xabcd, RD_AD_CD, 0, 0, 0, 0)

const soa = (owner: readonly number[], ttl: number, serial: number): number[] =>
  record(owner, 6, ttl, [
    name('interdict.invalid'),
    name('hostmaster.interdict.invalid'),
    u32(serial),
    u32(3600),
    u32(600),
    u32(86400),
    u32(ttl)
  ])

/** An answer with two records whose TTLs are 300 and 5. */
function answer(more: Partial<Answer> = {}): Answer {
  const body = octets(
    record(TO_QNAME, 1, 300, [192, 0, 2, 1]),
    record(TO_QNAME, 1, 5, [192, 0, 2, 2])
  )
  return answerOf({ body, answers: 2, ttls: Uint16Array.of(6, 22), lifetime: 5, ...more })
}

const addresses = (first: number, second: number): number[] => [
  ...record(TO_QNAME, 1, first, [192, 0, 2, 1]),
  ...record(TO_QNAME, 1, second, [192, 0, 2, 2])
]
const ede = { code: 23, option: encodeEde(23, 'dead') }
const TARGET = octets(name('garden.example'))

const kept = (type: number, ...rdata: Part[]): Uint8Array => {
  const data = octets(...rdata)
  return octets(u16(type), u16(data.length), data)
}
const LISTED = octets(
  kept(16, [2, 'hi']),
  kept(1, [192, 0, 2, 1]),
  kept(28, new Uint8Array(16)),
  kept(1, [192, 0, 2, 2])
)
const ALIAS = kept(5, TARGET)
const STAR = kept(5, name('*.garden.example'))

const replies: readonly {
  it: string
  query: readonly Part[]
  write: (buffer: Uint8Array, query: Query) => number
  reply: readonly Part[]
}[] = [
  {
    it: 'an error',
    query: plain,
    write: (b, q) => encodeError(b, q, 512, 5, CENSORED),
    reply: [header(0xabcd, LOCAL_FLAGS | 5, 1, 0, 0, 0), WWW]
  },
  {
    it: 'an error with EDE',
    query: edns,
    write: (b, q) => encodeError(b, q, 512, 5, CENSORED),
    reply: [header(0xabcd, LOCAL_FLAGS | 5, 1, 0, 0, 1), WWW, opt(1232, CENSORED_OPTION)]
  },
  {
    it: 'an error without EDE, DO copied',
    query: dnssec,
    write: (b, q) => encodeError(b, q, 512, 2, undefined),
    reply: [header(0xabcd, 0x8182, 1, 0, 0, 1), WWW, opt(1232, [], { flags: 0x8000 })]
  },
  {
    it: 'an error without a question',
    query: [opaque],
    write: (b, q) => encodeError(b, q, 512, 1, undefined),
    reply: [header(0xabcd, LOCAL_FLAGS | 1, 0, 0, 0, 0)]
  },
  {
    it: 'an error for an invalid question',
    query: [header(0xabcd, 0x0100, 1, 0, 0, 0), 3, 'ww'],
    write: (b, q) => encodeError(b, q, 512, 1, undefined),
    reply: [header(0xabcd, 0x8181, 0, 0, 0, 0)]
  },
  {
    it: 'NOTIMP with the opcode and CD; AA, RA and Z cleared',
    query: [header(0xabcd, 0x24d0, 1, 0, 0, 0), WWW],
    write: (b, q) => encodeError(b, q, 512, 4, undefined),
    reply: [header(0xabcd, 0xa014, 1, 0, 0, 0), WWW]
  },
  {
    it: 'BADVERS in two parts',
    query: [header(0xabcd, 0x0100, 1, 0, 0, 1), WWW, opt(4096, [], { version: 1 })],
    write: (b, q) => encodeError(b, q, 512, 16, undefined),
    reply: [header(0xabcd, 0x8180, 1, 0, 0, 1), WWW, opt(1232, [], { rcode: 1 })]
  },
  {
    it: 'SERVFAIL for an extended RCODE that does not fit',
    query: plain,
    write: (b, q) => encodeError(b, q, 512, 23, undefined),
    reply: [header(0xabcd, LOCAL_FLAGS | 2, 1, 0, 0, 0), WWW]
  },
  {
    it: 'NXDOMAIN with the SOA at the second label',
    query: edns,
    write: (b, q) => encodeNegative(b, q, 512, 3, 1, 60, 0x87654321, CENSORED),
    reply: [
      header(0xabcd, LOCAL_FLAGS | 3, 1, 0, 1, 1),
      WWW,
      soa([0xc0, 16], 60, 0x87654321),
      opt(1232, CENSORED_OPTION)
    ]
  },
  {
    it: 'NODATA with the SOA at QNAME',
    query: plain,
    write: (b, q) => encodeNegative(b, q, 512, 0, 0, 3600, 1, CENSORED),
    reply: [header(0xabcd, LOCAL_FLAGS, 1, 0, 1, 0), WWW, soa(TO_QNAME, 3600, 1)]
  },
  {
    it: 'NXDOMAIN with the SOA at the root',
    query: plain,
    write: (b, q) => encodeNegative(b, q, 512, 3, 2, 60, 1, undefined),
    reply: [header(0xabcd, LOCAL_FLAGS | 3, 1, 0, 1, 0), WWW, soa([0], 60, 1)]
  },
  {
    it: 'an IPv4 address',
    query: plain,
    write: (b, q) => encodeAddress(b, q, 512, Uint8Array.of(10, 0, 0, 1), 60, CENSORED),
    reply: [header(0xabcd, LOCAL_FLAGS, 1, 1, 0, 0), WWW, record(TO_QNAME, 1, 60, [10, 0, 0, 1])]
  },
  {
    it: 'an IPv6 address with EDE',
    query: edns,
    write: (b, q) => encodeAddress(b, q, 512, new Uint8Array(16).fill(9), 60, CENSORED),
    reply: [
      header(0xabcd, LOCAL_FLAGS, 1, 1, 0, 1),
      WWW,
      record(TO_QNAME, 28, 60, [new Uint8Array(16).fill(9)]),
      opt(1232, CENSORED_OPTION)
    ]
  },
  {
    it: 'a CNAME',
    query: edns,
    write: (b, q) => encodeCname(b, q, 512, TARGET, 60, undefined),
    reply: [header(0xabcd, LOCAL_FLAGS, 1, 1, 0, 1), WWW, record(TO_QNAME, 5, 60, [TARGET]), OURS]
  },
  {
    it: 'list records of QTYPE',
    query: edns,
    write: (b, q) => encodeListRecords(b, q, 512, LISTED, 0, LISTED.length, 60, CENSORED),
    reply: [
      header(0xabcd, LOCAL_FLAGS, 1, 2, 0, 1),
      WWW,
      addresses(60, 60),
      opt(1232, CENSORED_OPTION)
    ]
  },
  {
    it: 'list records of one type for ANY',
    query: [header(0xabcd, RD_AD_CD, 1, 0, 0, 0), question('WwW.Example', 255)],
    write: (b, q) => encodeListRecords(b, q, 512, LISTED, 0, LISTED.length, 60, undefined),
    reply: [
      header(0xabcd, LOCAL_FLAGS, 1, 1, 0, 0),
      question('WwW.Example', 255),
      record(TO_QNAME, 16, 60, [2, 'hi'])
    ]
  },
  {
    it: 'TC where list records do not fit',
    query: plain,
    write: (b, q) => encodeListRecords(b, q, 60, LISTED, 0, LISTED.length, 60, undefined),
    reply: [header(0xabcd, LOCAL_FLAGS | 0x0200, 1, 0, 0, 0), WWW]
  },
  {
    it: "a list's CNAME for any QTYPE",
    query: plain,
    write: (b, q) => encodeListRecords(b, q, 512, ALIAS, 0, ALIAS.length, 60, undefined),
    reply: [header(0xabcd, LOCAL_FLAGS, 1, 1, 0, 0), WWW, record(TO_QNAME, 5, 60, [TARGET])]
  },
  {
    it: "a list's CNAME with QNAME before its target",
    query: plain,
    write: (b, q) => encodeListRecords(b, q, 512, STAR, 0, STAR.length, 60, undefined),
    reply: [
      header(0xabcd, LOCAL_FLAGS, 1, 1, 0, 0),
      WWW,
      record(TO_QNAME, 5, 60, [name('www.example.garden.example')])
    ]
  },
  {
    it: 'TC without a record',
    query: edns,
    write: (b, q) => encodeTruncated(b, q),
    reply: [header(0xabcd, LOCAL_FLAGS | 0x0200, 1, 0, 0, 1), WWW, OURS]
  },
  {
    it: 'a cached answer unchanged',
    query: plain,
    write: (b, q) => encodeCachedAnswer(b, q, 512, answer({ ede }), 0),
    reply: [header(0xabcd, LOCAL_FLAGS, 1, 2, 0, 0), WWW, addresses(300, 5)]
  },
  {
    it: 'a cached answer with TTLs decremented, none below 0',
    query: edns,
    write: (b, q) => encodeCachedAnswer(b, q, 512, answer({ ede }), 7),
    reply: [
      header(0xabcd, LOCAL_FLAGS, 1, 2, 0, 1),
      WWW,
      addresses(293, 0),
      opt(1232, option(15, [u16(23), 'dead']))
    ]
  },
  {
    it: 'AD for a query with AD',
    query: plain,
    write: (b, q) => encodeCachedAnswer(b, q, 512, answer({ authentic: true }), 0),
    reply: [header(0xabcd, LOCAL_FLAGS | 0x20, 1, 2, 0, 0), WWW, addresses(300, 5)]
  },
  {
    it: 'AD for a query with DO',
    query: dnssec,
    write: (b, q) => encodeCachedAnswer(b, q, 512, answer({ authentic: true }), 0),
    reply: [
      header(0xabcd, 0x81a0, 1, 2, 0, 1),
      WWW,
      addresses(300, 5),
      opt(1232, [], { flags: 0x8000 })
    ]
  },
  {
    it: 'no AD for a query with neither',
    query: [header(0xabcd, 0x0100, 1, 0, 0, 0), WWW],
    write: (b, q) => encodeCachedAnswer(b, q, 512, answer({ authentic: true }), 0),
    reply: [header(0xabcd, 0x8180, 1, 2, 0, 0), WWW, addresses(300, 5)]
  },
  {
    it: "an answer's RCODE and counts",
    query: edns,
    write: (b, q) => {
      const counts = { answers: 0, authorities: 258 }
      return encodeCachedAnswer(b, q, 512, answer({ ...counts, rcode: 3 }), 0)
    },
    reply: [header(0xabcd, LOCAL_FLAGS | 3, 1, 0, 258, 1), WWW, addresses(300, 5), OURS]
  },
  {
    it: 'an answer over an option of the query that was longer than it',
    query: [header(0xabcd, 0x0100, 1, 0, 0, 1), WWW, opt(4096, option(12, [new Uint8Array(99)]))],
    write: (b, q) => encodeCachedAnswer(b, q, 512, answer(), 0),
    reply: [header(0xabcd, 0x8180, 1, 2, 0, 1), WWW, addresses(300, 5), OURS]
  },
  {
    it: 'a second reply over the first',
    query: edns,
    write: (b, q) => {
      encodeNegative(b, q, 512, 3, 0, 60, 1, CENSORED)
      b.fill(0xee, q.questionEnd)
      return encodeCachedAnswer(b, q, 512, answer(), 0)
    },
    reply: [header(0xabcd, LOCAL_FLAGS, 1, 2, 0, 1), WWW, addresses(300, 5), OURS]
  }
]

for (const { it, query, write, reply: expected } of replies) {
  t.test(`encodes ${it}`, async t => {
    const written = reply(query, write)
    t.strictSame(
      Buffer.from(written).toString('hex'),
      Buffer.from(octets(...expected)).toString('hex')
    )
  })
}

const unlisted = [
  { it: 'no record of QTYPE', qname: 'www.example', kept: kept(15, [0, 1, 0]) },
  {
    it: 'a target that becomes too long',
    qname: ['a', 'b', 'c'].map(letter => letter.repeat(63)).join('.'),
    kept: kept(5, name(`*.${'d'.repeat(63)}`))
  }
]

for (const { it, qname, kept } of unlisted) {
  t.test(`encodes nothing where a list has ${it}`, async t => {
    const query = octets(header(0xabcd, 0x0100, 1, 0, 0, 0), question(qname))
    const read = new Query()
    read.decode(query, 0, query.length, 7)
    t.equal(encodeListRecords(query, read, 512, kept, 0, kept.length, 60, undefined), 0)
  })
}

const FIT = 12 + 17 + 32 // header, question, the answer's body
const BARE = 11
const EDE_CODE = 6

const fits: readonly {
  it: string
  query: readonly Part[]
  limit: number
  reply: readonly Part[]
}[] = [
  {
    it: 'everything, exactly fitting',
    query: plain,
    limit: FIT,
    reply: [header(0xabcd, LOCAL_FLAGS, 1, 2, 0, 0), WWW, addresses(300, 5)]
  },
  {
    it: 'TC with one octet less',
    query: plain,
    limit: FIT - 1,
    reply: [header(0xabcd, LOCAL_FLAGS | 0x0200, 1, 0, 0, 0), WWW]
  },
  {
    it: 'EDE exactly fitting',
    query: edns,
    limit: FIT + BARE + EDE_CODE + 4,
    reply: [
      header(0xabcd, LOCAL_FLAGS, 1, 2, 0, 1),
      WWW,
      addresses(300, 5),
      opt(1232, option(15, [u16(23), 'dead']))
    ]
  },
  {
    it: 'the code of EDE alone with one octet less',
    query: edns,
    limit: FIT + BARE + EDE_CODE + 3,
    reply: [
      header(0xabcd, LOCAL_FLAGS, 1, 2, 0, 1),
      WWW,
      addresses(300, 5),
      opt(1232, option(15, [u16(23)]))
    ]
  },
  {
    it: 'the code of EDE exactly fitting',
    query: edns,
    limit: FIT + BARE + EDE_CODE,
    reply: [
      header(0xabcd, LOCAL_FLAGS, 1, 2, 0, 1),
      WWW,
      addresses(300, 5),
      opt(1232, option(15, [u16(23)]))
    ]
  },
  {
    it: 'no EDE with one octet less',
    query: edns,
    limit: FIT + BARE + EDE_CODE - 1,
    reply: [header(0xabcd, LOCAL_FLAGS, 1, 2, 0, 1), WWW, addresses(300, 5), OURS]
  },
  {
    it: 'OPT exactly fitting',
    query: edns,
    limit: FIT + BARE,
    reply: [header(0xabcd, LOCAL_FLAGS, 1, 2, 0, 1), WWW, addresses(300, 5), OURS]
  },
  {
    it: 'TC where OPT would not fit',
    query: edns,
    limit: FIT + BARE - 1,
    reply: [header(0xabcd, LOCAL_FLAGS | 0x0200, 1, 0, 0, 1), WWW, OURS]
  }
]

for (const { it, query, limit, reply: expected } of fits) {
  t.test(`keeps to the limit: ${it}`, async t => {
    const written = reply(query, (buffer, read) =>
      encodeCachedAnswer(buffer, read, limit, answer({ ede }), 0)
    )
    t.strictSame(
      Buffer.from(written).toString('hex'),
      Buffer.from(octets(...expected)).toString('hex')
    )
  })
}

t.test('a CNAME above the limit becomes TC', async t => {
  const long = [63, 63, 63, 61].map(length => 'a'.repeat(length)).join('.')
  const written = reply([header(1, 0, 1, 0, 0, 0), question(long)], (buffer, read) =>
    encodeCname(buffer, read, 512, octets(name(long)), 60, undefined)
  )
  t.strictSame(written, octets(header(1, 0x8280, 1, 0, 0, 0), question(long)))
})

const texts = [
  { it: 'no text', text: '', octets: [15, 2, 16] },
  { it: 'a short text', text: 'café', octets: [15, 7, 16, 'caf', 0xc3, 0xa9] },
  { it: '200 octets', text: 'x'.repeat(200), octets: [15, 202, 16, 'x'.repeat(200)] },
  { it: 'octet 201 removed', text: 'x'.repeat(201), octets: [15, 202, 16, 'x'.repeat(200)] },
  {
    it: 'a code point removed as a whole',
    text: 'x'.repeat(199) + 'é',
    octets: [15, 201, 16, 'x'.repeat(199)]
  },
  {
    it: 'a surrogate pair removed as a whole',
    text: 'x'.repeat(197) + '😀',
    octets: [15, 199, 16, 'x'.repeat(197)]
  }
] as const

for (const { it, text, octets: expected } of texts) {
  t.test(`encodes an EDE option with ${it}`, async t => {
    const [code, length, info, ...more] = expected
    t.strictSame(encodeEde(16, text), octets(0, code, 0, length, 0, info, more))
  })
}
