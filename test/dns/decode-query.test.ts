import assert from 'node:assert/strict'
import fc from 'fast-check'
import t from 'tap'
import { chainHash, hashOctet } from '../../src/base/bytes/hash.js'
import { Query, QUERY_KIND } from '../../src/wire/dns/message/query.js'
import { HashedName } from '../../src/wire/dns/name/hashed-name.js'
import { runs } from '../runs.js'
import { header, name, octets, opt, option, question, record, u16, type Part } from './octets.js'

const SEED = 0x1234567
const RD = 0x0100
const WWW = question('www.example')
const LONGEST = [63, 63, 63, 61].map(length => 'a'.repeat(length)).join('.') // 255 octets
const TOO_LONG = [63, 63, 63, 62].map(length => 'a'.repeat(length)).join('.')
const CUT_OPTION = [0, 10, 0, 8, 1, 2, 3]

const readings: readonly {
  it: string
  message: readonly Part[]
  reading: keyof typeof QUERY_KIND
}[] = [
  { it: 'a plain query', message: [header(1, RD, 1, 0, 0, 0), WWW], reading: 'ok' },
  { it: 'a query for the root', message: [header(1, RD, 1, 0, 0, 0), question('')], reading: 'ok' },
  {
    it: 'the longest name',
    message: [header(1, RD, 1, 0, 0, 0), question(LONGEST)],
    reading: 'ok'
  },
  { it: 'EDNS', message: [header(1, RD, 1, 0, 0, 1), WWW, opt(1232)], reading: 'ok' },
  {
    it: 'EDNS with unknown options',
    message: [
      header(1, RD, 1, 0, 0, 1),
      WWW,
      opt(1232, [...option(65001, [1, 2]), ...option(3, [])])
    ],
    reading: 'ok'
  },
  {
    it: 'SIG(0) next to OPT',
    message: [header(1, RD, 1, 0, 0, 2), WWW, record('', 24, 0, [0, 0], 255), opt(1232)],
    reading: 'ok'
  },
  {
    it: 'a compressed owner in ADDITIONAL',
    message: [header(1, RD, 1, 0, 0, 1), WWW, record([0xc0, 12], 16, 0, ['x'])],
    reading: 'ok'
  },
  {
    it: 'ANY',
    message: [header(1, RD, 1, 0, 0, 0), question('a.example', 255)],
    reading: 'special'
  },
  { it: 'no RD', message: [header(1, 0, 1, 0, 0, 1), WWW, opt(1232)], reading: 'special' },
  { it: 'type 65280', message: [header(1, RD, 1, 0, 0, 0), question('a', 65280)], reading: 'ok' },

  { it: 'nothing', message: [], reading: 'unanswerable' },
  {
    it: 'less than a header',
    message: [header(1, RD, 1, 0, 0, 0).slice(0, 11)],
    reading: 'unanswerable'
  },
  { it: 'a response', message: [header(1, 0x8000, 1, 0, 0, 0), WWW], reading: 'unanswerable' },

  { it: 'no question', message: [header(1, RD, 0, 0, 0, 0)], reading: 'formerr' },
  { it: 'two questions', message: [header(1, RD, 2, 0, 0, 0), WWW, WWW], reading: 'formerr' },
  { it: 'a bare header that counts 1', message: [header(1, RD, 1, 0, 0, 0)], reading: 'formerr' },
  {
    it: 'counts of 65535 without records',
    message: [header(1, RD, 65535, 65535, 65535, 65535)],
    reading: 'formerr'
  },
  {
    it: 'a compressed QNAME',
    message: [header(1, RD, 1, 0, 0, 0), 0xc0, 4, u16(1), u16(1)],
    reading: 'formerr'
  },
  {
    it: 'a QNAME of another label type',
    message: [header(1, RD, 1, 0, 0, 0), 0x41, 'x', 0, u16(1), u16(1)],
    reading: 'formerr'
  },
  { it: 'a QNAME truncated', message: [header(1, RD, 1, 0, 0, 0), 3, 'ww'], reading: 'formerr' },
  {
    it: 'a QNAME without a root',
    message: [header(1, RD, 1, 0, 0, 0), 2, 'ww'],
    reading: 'formerr'
  },
  {
    it: 'a question truncated',
    message: [header(1, RD, 1, 0, 0, 0), WWW.slice(0, -1)],
    reading: 'formerr'
  },
  {
    it: 'a QNAME of 256 octets',
    message: [header(1, RD, 1, 0, 0, 0), question(TOO_LONG)],
    reading: 'formerr'
  },
  { it: 'an octet too many', message: [header(1, RD, 1, 0, 0, 0), WWW, 0], reading: 'formerr' },
  {
    it: 'an octet after OPT',
    message: [header(1, RD, 1, 0, 0, 1), WWW, opt(1232), 0],
    reading: 'formerr'
  },
  {
    it: 'a record that is counted but missing',
    message: [header(1, RD, 1, 0, 0, 1), WWW],
    reading: 'formerr'
  },
  {
    it: 'OPT truncated',
    message: [header(1, RD, 1, 0, 0, 1), WWW, opt(1232).slice(0, -1)],
    reading: 'formerr'
  },
  {
    it: 'RDATA truncated',
    message: [header(1, RD, 1, 0, 0, 1), WWW, opt(1232, option(10, [1, 2])).slice(0, -1)],
    reading: 'formerr'
  },
  {
    it: 'two OPTs',
    message: [header(1, RD, 1, 0, 0, 2), WWW, opt(1232), opt(1232)],
    reading: 'formerr'
  },
  {
    it: 'OPT with an owner',
    message: [header(1, RD, 1, 0, 0, 1), WWW, name('x'), opt(1232).slice(1)],
    reading: 'formerr'
  },
  {
    it: 'OPT with a compressed owner',
    message: [header(1, RD, 1, 0, 0, 1), WWW, 0xc0, 24, opt(1232).slice(1)],
    reading: 'formerr'
  },
  {
    it: 'an option longer than RDATA',
    message: [header(1, RD, 1, 0, 0, 1), WWW, opt(1232, CUT_OPTION)],
    reading: 'formerr'
  },
  {
    it: 'three octets where an option would be',
    message: [header(1, RD, 1, 0, 0, 1), WWW, opt(1232, [0, 10, 0])],
    reading: 'formerr'
  },
  {
    it: 'a record in ANSWER',
    message: [header(1, RD, 1, 1, 0, 0), WWW, record('a', 1, 60, [1, 2, 3, 4])],
    reading: 'formerr'
  },
  {
    it: 'a record in AUTHORITY',
    message: [header(1, RD, 1, 0, 1, 0), WWW, record('a', 1, 60, [1, 2, 3, 4])],
    reading: 'formerr'
  },
  { it: 'OPT in ANSWER', message: [header(1, RD, 1, 1, 0, 0), WWW, opt(1232)], reading: 'formerr' },

  {
    it: 'EDNS version 1',
    message: [header(1, RD, 1, 0, 0, 1), WWW, opt(1232, [], { version: 1 })],
    reading: 'badvers'
  },
  {
    it: 'EDNS version 1 with data that version 0 would reject',
    message: [header(1, RD, 1, 0, 0, 1), WWW, opt(1232, CUT_OPTION, { version: 1 })],
    reading: 'badvers'
  },

  { it: 'STATUS', message: [header(1, 0x1000, 1, 0, 0, 0), WWW], reading: 'notimp' },
  {
    it: 'NOTIFY with its SOA',
    message: [header(1, 0x2000, 1, 1, 0, 0), WWW, record('a', 6, 60, [0])],
    reading: 'notimp'
  },
  {
    it: 'UPDATE with a broken zone',
    message: [header(1, 0x2800, 1, 0, 0, 0), 9],
    reading: 'notimp'
  },
  {
    it: 'opcode 15 without a question',
    message: [header(1, 0x7800, 0, 0, 0, 0)],
    reading: 'notimp'
  },

  { it: 'AXFR', message: [header(1, RD, 1, 0, 0, 0), question('a', 252)], reading: 'refused' },
  {
    it: 'IXFR with its SOA',
    message: [header(1, RD, 1, 0, 1, 0), question('a', 251), record('a', 6, 60, [0])],
    reading: 'refused'
  },
  { it: 'MAILB', message: [header(1, RD, 1, 0, 0, 0), question('a', 253)], reading: 'refused' },
  { it: 'MAILA', message: [header(1, RD, 1, 0, 0, 0), question('a', 254)], reading: 'refused' },
  {
    it: 'TSIG as QTYPE',
    message: [header(1, RD, 1, 0, 0, 0), question('a', 250)],
    reading: 'refused'
  },
  {
    it: 'TKEY as QTYPE',
    message: [header(1, RD, 1, 0, 0, 0), question('a', 249)],
    reading: 'refused'
  },
  {
    it: 'OPT as QTYPE',
    message: [header(1, RD, 1, 0, 0, 0), question('a', 41)],
    reading: 'refused'
  },
  {
    it: 'class CH',
    message: [header(1, RD, 1, 0, 0, 0), question('a', 16, 3)],
    reading: 'special'
  },
  {
    it: 'class ANY',
    message: [header(1, RD, 1, 0, 0, 0), question('a', 1, 255)],
    reading: 'refused'
  },
  {
    it: 'a TSIG',
    message: [header(1, RD, 1, 0, 0, 2), WWW, opt(1232), record('key', 250, 0, [0, 0], 255)],
    reading: 'refused'
  }
]

for (const { it, message, reading } of readings) {
  t.test(`decodes ${it} as ${reading}`, async t => {
    const query = new Query()
    const wire = octets(message)
    t.equal(query.decode(wire, 0, wire.length, SEED), QUERY_KIND[reading])
    // The same message inside a larger buffer, between misleading octets.
    const around = new Uint8Array(wire.length + 80).fill(1)
    around.set(wire, 40)
    t.equal(query.decode(around, 40, 40 + wire.length, SEED), QUERY_KIND[reading])
  })
}

t.test('decodes the fields of a query', async t => {
  const query = new Query()
  const flags = [{ flags: 0x8000 }, { flags: 0 }]
  const first = octets(
    header(0xabcd, 0x0130, 1, 0, 0, 1),
    question('WwW.Example', 28),
    opt(4096, [], flags[0])
  )
  t.equal(query.decode(first, 0, first.length, SEED), QUERY_KIND.ok)
  const { id, qtype, qclass, opcode, questionEnd, udpSize, ednsVersion } = query
  t.strictSame(
    { id, qtype, qclass, opcode, questionEnd, udpSize, ednsVersion },
    { id: 0xabcd, qtype: 28, qclass: 1, opcode: 0, questionEnd: 29, udpSize: 4096, ednsVersion: 0 }
  )
  t.ok(query.recursionDesired && query.authenticData && query.checkingDisabled)
  t.ok(query.edns && query.dnssecOk)
  t.strictSame([...query.qname.octets.subarray(0, query.qname.length)], name('www.example'))
  t.strictSame(first.subarray(12, 25), octets(name('WwW.Example')), 'case kept in the buffer')

  const second = octets(header(1, 0, 1, 0, 0, 1), question('a'), opt(100, [], flags[1]))
  query.decode(second, 0, second.length, SEED)
  t.equal(query.udpSize, 512, 'no client takes less')
  t.ok(query.edns)
  t.notOk(query.dnssecOk)

  const third = octets(header(1, 0, 1, 0, 0, 0), question('a'))
  query.decode(third, 0, third.length, SEED)
  t.notOk(query.edns || query.dnssecOk || query.recursionDesired, 'nothing is left of the first')
  t.notOk(query.authenticData || query.checkingDisabled)
})

t.test(
  'nothing is left of the options of a query when what follows is met with silence',
  async t => {
    const silent = [octets(header(1, 0x8000, 1, 0, 0, 0), WWW), octets([1, 2, 3])]
    for (const message of silent) {
      const query = new Query()
      const first = octets(header(1, RD, 1, 0, 0, 1), WWW, opt(1232, option(3, [])))
      query.decode(first, 0, first.length, SEED)
      t.not(query.options, 0)
      query.addReplyOption(Uint8Array.of(0, 3, 0, 0))
      t.equal(query.decode(message, 0, message.length, SEED), QUERY_KIND.unanswerable)
      t.strictSame([query.options, query.replyOptionsLength], [0, 0])
    }
  }
)

t.test('keeps a question only if it is valid', async t => {
  const query = new Query()
  const whole = octets(header(1, 0, 1, 0, 0, 0), WWW, 0)
  t.equal(query.decode(whole, 0, whole.length, SEED), QUERY_KIND.formerr)
  t.equal(query.questionEnd, whole.length - 1)
  const cut = octets(header(1, 0, 1, 0, 0, 0), WWW.slice(0, -1))
  t.equal(query.decode(cut, 0, cut.length, SEED), QUERY_KIND.formerr)
  t.equal(query.questionEnd, 12)
  t.equal(query.qname.length, 0)
})

const keyOf = (...message: Part[]): string => {
  const wire = octets(...message)
  const query = new Query()
  query.decode(wire, 0, wire.length, SEED)
  return Buffer.from(query.key()).toString('latin1')
}

t.test('keys contain name, type, class, DO and CD, and nothing else', async t => {
  const plain = keyOf(header(1, 0, 1, 0, 0, 0), question('a.example'))
  t.equal(plain, '\x01a\x07example\0\0\x01\0\x01\0')
  t.equal(keyOf(header(2, 0x0120, 1, 0, 0, 1), question('A.exAmple'), opt(900)), plain)
  const others = [
    keyOf(header(1, 0x10, 1, 0, 0, 0), question('a.example')),
    keyOf(header(1, 0, 1, 0, 0, 1), question('a.example'), opt(900, [], { flags: 0x8000 })),
    keyOf(header(1, 0, 1, 0, 0, 0), question('a.example', 28)),
    keyOf(header(1, 0, 1, 0, 0, 0), question('b.example')),
    keyOf(header(1, 0, 1, 0, 0, 0), question('\xe4.example')),
    keyOf(header(1, 0, 1, 0, 0, 0), question('\xe5.example'))
  ]
  t.equal(new Set([plain, ...others]).size, 7)
})

/** The suffix hashes, computed by the simplest possible code. */
function hashes(labels: readonly number[][], seed: number): number[] {
  let hash = seed
  const found: number[] = []
  for (const label of [...labels].reverse()) {
    hash = chainHash(hash, label.reduce(hashOctet, seed))
    found.unshift(hash)
  }
  return found
}

const lower = (octet: number): number => (octet >= 65 && octet <= 90 ? octet + 32 : octet)
// Mostly letters and the octets next to them, where lower-casing can go wrong.
const anyOctet = fc.oneof(
  fc.integer({ min: 0, max: 255 }),
  fc.constantFrom(0x40, 0x41, 0x5a, 0x5b, 0x60, 0x61, 0x7a, 0x7b, 0xc0, 0xc1, 0xda, 0xdb)
)
const anyLabels = fc.array(fc.array(anyOctet, { minLength: 1, maxLength: 20 }), {
  maxLength: 12
})

t.test('every valid QNAME is lower-cased, split and hashed label by label', async t => {
  const query = new Query()
  const taken = new HashedName()
  fc.assert(
    fc.property(anyLabels, fc.integer(), (labels, seed) => {
      const wire = [...labels.flatMap(label => [label.length, ...label]), 0]
      const message = octets(header(1, RD, 1, 0, 0, 0), wire, u16(1), u16(1))
      if (wire.length > 255) return
      assert.equal(query.decode(message, 0, message.length, seed), QUERY_KIND.ok)
      query.qname.hashSuffixes(seed)
      taken.set(octets(wire), 0, seed)
      assert.equal(query.qname.nameHash, taken.nameHash)
      const low = labels.map(label => label.map(lower))
      for (const { octets: found, length, labels: count, starts, hashes: sums } of [
        query.qname,
        taken
      ]) {
        assert.deepEqual([...found.subarray(0, length)], [...low.flatMap(l => [l.length, ...l]), 0])
        assert.deepEqual([...sums.subarray(0, count)], hashes(low, seed))
        assert.deepEqual(
          [...starts.subarray(0, count)],
          low.map((_, i) => low.slice(0, i).reduce((sum, label) => sum + label.length + 1, 0))
        )
      }
    }),
    runs(300)
  )
  t.pass()
})

t.test('any octets are decoded or rejected, without a read past the end', async t => {
  const query = new Query()
  const known = new Set<number>(Object.values(QUERY_KIND))
  const tail = fc.uint8Array({ maxLength: 60 })
  const messages = fc.oneof(
    fc.uint8Array({ maxLength: 80 }),
    tail.map(more => octets(header(1, RD, 1, 0, 0, 1), WWW, more)),
    tail.map(more => octets(header(1, RD, 1, 0, 0, 1), WWW, 0, u16(41), more)),
    tail.map(more => octets(header(1, RD, 1, 0, 0, 0), more))
  )
  fc.assert(
    fc.property(messages, fc.uint8Array({ minLength: 300, maxLength: 300 }), (message, after) => {
      const alone = query.decode(message, 0, message.length, SEED)
      const { questionEnd } = query
      assert.ok(known.has(alone))
      if (alone !== QUERY_KIND.unanswerable)
        assert.ok(questionEnd >= 12 && questionEnd <= message.length)
      const followed = octets(message, after)
      assert.equal(query.decode(followed, 0, message.length, SEED), alone, 'whatever comes after')
    }),
    runs(3000)
  )
  t.pass()
})
