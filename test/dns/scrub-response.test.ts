import assert from 'node:assert/strict'
import packet from 'dns-packet'
import fc from 'fast-check'
import t from 'tap'
import { decodeResponse } from '../../src/wire/dns/message/decode-response.js'
import { header, name, octets, opt, question, record, TO_QNAME, type Part } from './octets.js'

const QNAME = 'www.a.example'
const LIMITS = { minTtl: 0, maxTtl: 86_400, negativeMaxTtl: 900, failureTtl: 5 }
const IP = [192, 0, 2, 1]

type Rec = readonly number[]
const a = (owner: string): Rec => record(owner, 1, 60, IP)
const cname = (owner: string, target: string): Rec => record(owner, 5, 60, [name(target)])
const dname = (owner: string, target: string): Rec => record(owner, 39, 60, [name(target)])
const ns = (owner: string, host: string): Rec => record(owner, 2, 60, [name(host)])
const mx = (owner: string, host: string): Rec => record(owner, 15, 60, [0, 1, name(host)])
const soa = (owner: string): Rec =>
  record(owner, 6, 60, [name('a'), name('b'), new Uint8Array(16), 0, 0, 0, 60])
const nsec = (owner: string): Rec => record(owner, 47, 60, [name('z'), 0, 1, 0x40])
const rrsig = (owner: string, signer: string, covered = 47): Rec =>
  record(owner, 46, 60, [0, covered, new Uint8Array(16), name(signer), 1, 2, 3])
const https = (owner: string, target: string): Rec => record(owner, 65, 60, [0, 1, name(target)])
const chaos = (owner: string): Rec => record(owner, 1, 60, IP, 3)

const loop = Array.from({ length: 20 }, (_, n) => cname(n === 0 ? QNAME : `n${n}`, `n${n + 1}`))

/** `keeps[i]` are the indexes of the records kept in section i. Without it, all are kept. */
const cases: readonly {
  it: string
  qtype?: number
  sections: readonly (readonly Rec[])[]
  keeps?: readonly (readonly number[])[]
}[] = [
  { it: 'records of QNAME', sections: [[a(QNAME), a('wWw.a.Example')]] },
  { it: 'an address of another name', sections: [[a(QNAME), a('bank.example')]], keeps: [[0]] },
  { it: 'only unrelated records', sections: [[a('bank.example')]], keeps: [[]] },
  { it: 'another type', sections: [[record(QNAME, 16, 60, [1, 'x']), a(QNAME)]], keeps: [[1]] },
  { it: 'another class', sections: [[a(QNAME), chaos(QNAME)]], keeps: [[0]] },
  { it: 'all types for ANY', qtype: 255, sections: [[record(QNAME, 16, 60, [1, 'x']), a(QNAME)]] },
  { it: 'a chain', sections: [[cname(QNAME, 'b'), cname('b', 'c'), a('c')]] },
  {
    it: 'a chain backwards',
    sections: [[a('c'), cname('b', 'c'), cname(QNAME, 'b')]],
    keeps: [[2, 1, 0]]
  },
  {
    it: 'a chain with unrelated records before, between and after',
    sections: [[a('x'), cname(QNAME, 'b'), cname('x', 'b'), a('b'), a('y')]],
    keeps: [[1, 3]]
  },
  { it: 'a broken chain', sections: [[cname(QNAME, 'b'), a('c')]], keeps: [[0]] },
  {
    it: 'a second CNAME',
    sections: [[cname(QNAME, 'b'), cname(QNAME, 'c'), a('c')]],
    keeps: [[0]]
  },
  { it: 'a CNAME beside data', sections: [[a(QNAME), cname(QNAME, 'c'), a('c')]], keeps: [[0]] },
  { it: 'a long chain', sections: [loop], keeps: [[...loop.keys()].slice(0, 16)] },
  { it: 'CNAME itself', qtype: 5, sections: [[cname(QNAME, 'b'), a('b')]], keeps: [[0]] },
  { it: 'a DNAME', sections: [[dname('a.example', 'b'), cname(QNAME, 'www.b'), a('www.b')]] },
  { it: 'a DNAME without its CNAME', sections: [[dname('a.example', 'b'), a('www.b')]] },
  { it: 'a DNAME at QNAME', sections: [[dname(QNAME, 'b'), a(QNAME)]], keeps: [[1]] },
  {
    it: 'signatures of the chain',
    sections: [
      [cname(QNAME, 'b'), rrsig(QNAME, 'example'), a('b'), rrsig('b', ''), rrsig('x', '')]
    ],
    keeps: [[0, 1, 2, 3]]
  },
  {
    it: 'name servers, their addresses and signatures',
    sections: [[a(QNAME)], [ns('a.example', 'n'), rrsig('a.example', 'example', 2)], [a('n')]],
    keeps: [[0], [], []]
  },
  {
    it: 'name servers among records that stay',
    sections: [[], [ns('a.example', 'n'), soa('a.example'), ns('a.example', 'o')]],
    keeps: [[], [1]]
  },
  {
    it: 'SOA of the zone, and of others',
    sections: [[], [soa('example'), soa('b')]],
    keeps: [[], [0]]
  },
  { it: 'SOA for the end of a chain', sections: [[cname(QNAME, 'x.b')], [soa('b')]] },
  { it: 'types not allowed there', sections: [[], [soa(''), a(QNAME)]], keeps: [[], [0]] },
  {
    it: 'proofs of the zone, in any order, and of others',
    sections: [[a(QNAME)], [nsec('k.example'), rrsig('k.example', 'example'), nsec('k.b')]],
    keeps: [[0], [0, 1]]
  },
  {
    it: 'a proof of an unrelated zone',
    sections: [[], [soa('example'), rrsig('k.b', 'b'), nsec('k.b'), rrsig('k.b', 'example')]],
    keeps: [[], [0]]
  },
  {
    it: 'addresses of a mail host',
    qtype: 15,
    sections: [[mx(QNAME, 'm')], [], [a('m')]],
    keeps: [[0], [], []]
  },
  {
    it: 'a service of a service',
    qtype: 65,
    sections: [[https(QNAME, 's')], [], [https('s', 't'), a('t')]],
    keeps: [[0], [], []]
  }
]

const all = (sections: readonly (readonly Rec[])[]): number[][] =>
  [0, 1, 2].map(section => [...(sections[section] ?? []).keys()])

function readBack(message: readonly Part[], qtype: number): packet.DecodedPacket {
  const read = decodeResponse(octets(...message), octets(question(QNAME, qtype)), LIMITS, 0, 0)
  const counts = [1, read.answers, read.authorities, 0]
  return packet.decode(
    Buffer.from(octets(header(1, 0x8180, ...counts), question(QNAME, qtype), read.body))
  )
}

const shown = ({ answers, authorities, additionals }: packet.DecodedPacket): unknown =>
  [answers, authorities, additionals].map(records =>
    (records ?? []).map(record => ({ ...record, name: record.name.toLowerCase() }))
  )

const message = (qtype: number, sections: readonly (readonly Rec[])[]): Part[] => [
  header(1, 0x8180, 1, ...[0, 1, 2].map(section => sections[section]?.length ?? 0)),
  question(QNAME, qtype),
  ...sections.flat()
]

for (const { it, qtype = 1, sections, keeps = all(sections) } of cases) {
  t.test(`${it}: keeps the related records`, async t => {
    const left = [0, 1, 2].map(section =>
      (keeps[section] ?? []).map(index => sections[section]![index]!)
    )
    const expected = packet.decode(Buffer.from(octets(...message(qtype, left))))
    t.strictSame(shown(readBack(message(qtype, sections), qtype)), shown(expected))
  })
}

for (const { it, answers } of [
  { it: 'of one', answers: [cname(QNAME, QNAME)] },
  { it: 'of three', answers: [cname(QNAME, 'b'), cname('b', 'c'), cname('c', QNAME)] },
  { it: 'behind its beginning', answers: [cname('c', 'b'), cname(QNAME, 'b'), cname('b', 'c')] },
  { it: 'by a DNAME', answers: [dname('a.example', 'b'), dname('b', 'a.example')] }
]) {
  t.test(`a loop ${it} is a failure`, async t => {
    const failed = decodeResponse(
      octets(...message(1, [answers])),
      octets(question(QNAME)),
      LIMITS,
      0,
      0
    )
    t.match(failed, { rcode: 2, answers: 0, lifetime: LIMITS.failureTtl })
    t.equal(failed.body.length, 0)
    t.match(Buffer.from(failed.ede!.option).toString(), /loop of CNAMEs/)
  })
}

t.test('a chain is put in order, its data behind it', async t => {
  const answers = [a('d'), cname('b', 'c'), rrsig('b', 'example'), cname('c', 'd')]
  const read = readBack(message(1, [[...answers, cname(QNAME, 'b'), a('d')]]), 1)
  t.strictSame(
    read.answers?.map(({ name, type }) => `${name} ${type}`),
    [`${QNAME} CNAME`, 'b CNAME', 'b RRSIG', 'c CNAME', 'd A', 'd A']
  )
})

const stranger = record('bank.example', 1, 60, IP)

t.test('pointers into a dropped record are decompressed, and OPT is kept', async t => {
  const at = 12 + name(QNAME).length + 4
  const read = decodeResponse(
    octets(
      header(1, 0x8180, 1, 2, 1, 1),
      question(QNAME),
      stranger,
      record(TO_QNAME, 1, 60, IP),
      record([0xc0, at + 5], 6, 60, [2, 'n', 's', 0xc0, at, 0, new Uint8Array(20)]),
      opt(1232, [0, 15, 0, 2, 0, 9])
    ),
    octets(question(QNAME)),
    LIMITS,
    0,
    0
  )
  t.same(read.ede?.code, 9)
  t.equal(Buffer.from(read.body).includes('bank'), true)
  t.strictSame([read.answers, read.authorities], [1, 1])
})

t.test('a response that grows above the maximum size is rejected', async t => {
  const long = ['a', 'b', 'c', 'd'].map(letter => letter.repeat(60)).join('.')
  const first = record(TO_QNAME, 2, 60, [name(long)])
  const target = 12 + name(QNAME).length + 4 + 12
  const rest = Array.from({ length: 1000 }, () => record(TO_QNAME, 2, 60, [0xc0, target]))
  t.throws(
    () =>
      decodeResponse(
        octets(header(1, 0x8180, 1, 1002, 0, 0), question(QNAME, 2), first, rest, stranger),
        octets(question(QNAME, 2)),
        LIMITS,
        0,
        0
      ),
    { code: 'WIRE_LARGE' }
  )
})

t.test('unrelated records never change the result', async () => {
  const good = [cname(QNAME, 'b.example'), cname('b.example', 'c'), a('c'), rrsig('c', '')]
  const bad = [stranger, cname('x', 'c'), a('b'), record('c', 16, 60, [1, 'x']), chaos('c')]
  const owned = readBack(message(1, [good]), 1)
  const key = (record: unknown): string => JSON.stringify(record)
  const sorted = (it: packet.DecodedPacket): string[] => (it.answers ?? []).map(key).sort()
  const mixed = fc.shuffledSubarray([...bad, ...good], { minLength: 1 })
  fc.assert(
    fc.property(mixed, fc.shuffledSubarray(good, { minLength: 4 }), (some, whole) => {
      const strangers = some.filter(record => bad.includes(record))
      const sections = [[...strangers.slice(1), ...whole, ...strangers.slice(0, 1)]]
      assert.deepEqual(sorted(readBack(message(1, sections), 1)), sorted(owned))
    })
  )
})
