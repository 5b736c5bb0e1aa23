import assert from 'node:assert/strict'
import fc from 'fast-check'
import t from 'tap'
import { decodeMessage, showMessage } from '../../src/wire/dns/message/decode-message.js'
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

t.test('shows a whole message as lines', async t => {
  const message = octets(
    header(7, OK | 0x0203, 1, 1, 1, 2),
    question('WWW.example', 65),
    record(TO_QNAME, 5, 60, [name('cdn.example')]),
    record('', 6, 60, [name('a'), name('b'), u32(1), u32(2), u32(3), u32(4), u32(5)]),
    record('cdn.example', 1, 60, [192, 0, 2, 1]),
    opt(1232, [...option(15, [u16(16), 'advice']), ...option(10, [1, 2])], { flags: 0x8000 })
  )
  t.strictSame(showMessage(message), [
    ';; opcode: QUERY, status: NXDOMAIN, id: 7, flags: qr tc rd ra',
    ';; EDNS: version 0, size 1232, DO',
    ';; EDE 16 CENSORED: advice',
    ';; option 10: \\# 2 0102',
    ';; QUESTION',
    ';www.example IN HTTPS',
    ';; ANSWER',
    'www.example 60 IN CNAME cdn.example',
    ';; AUTHORITY',
    '. 60 IN SOA a b 1 2 3 4 5',
    ';; ADDITIONAL',
    'cdn.example 60 IN A 192.0.2.1'
  ])
})

t.test('shows a bare header', async t => {
  t.strictSame(showMessage(octets(header(1, 0x9185, 0, 0, 0, 0))), [
    ';; opcode: STATUS, status: REFUSED, id: 1, flags: qr rd ra'
  ])
})

t.test('combines the two parts of an extended RCODE', async t => {
  const message = octets(header(1, OK, 1, 0, 0, 1), question('x'), opt(1232, [], { rcode: 1 }))
  t.equal(decodeMessage(message).rcode, 'BADVERS')
})

const V6 = [0x20, 1, 0x0d, 0xb8, ...new Array<number>(11).fill(0), 1]
const alpn = option(1, [2, 'h2', 2, 'h3'])

const shown: readonly {
  it: string
  type: number
  rdata: readonly Part[]
  data: string
  named?: string
}[] = [
  { it: 'A', type: 1, rdata: [10, 0, 0, 1], data: '10.0.0.1' },
  { it: 'A of five octets', type: 1, rdata: [10, 0, 0, 1, 2], data: '\\# 5 0a00000102' },
  { it: 'AAAA', type: 28, rdata: V6, data: '2001:db8::1' },
  { it: 'NS at the root', type: 2, rdata: [0], data: '.' },
  { it: 'CNAME with a dot in a label', type: 5, rdata: [3, 'a.b', 0], data: 'a\\.b' },
  { it: 'CNAME of octets beyond ASCII', type: 5, rdata: [2, 0xc3, 0x1b, 0], data: '\\195\\027' },
  { it: 'compressed DNAME', type: 39, rdata: [0xc0, 12], data: 'www.example' },
  { it: 'MX', type: 15, rdata: [u16(10), name('mx')], data: '10 mx' },
  { it: 'SRV', type: 33, rdata: [u16(1), u16(2), u16(53), name('x')], data: '1 2 53 x' },
  { it: 'TXT', type: 16, rdata: [2, 'a"', 1, 0xff], data: '"a\\"" "\\255"' },
  { it: 'CAA', type: 257, rdata: [0, 5, 'issue', 'ca.example'], data: '0 issue "ca.example"' },
  { it: 'DS', type: 43, rdata: [u16(1), 8, 2, 0xab, 0xcd], data: '1 8 2 abcd' },
  { it: 'DNSKEY', type: 48, rdata: [u16(257), 3, 8, 'key'], data: '257 3 8 a2V5' },
  { it: 'TLSA', type: 52, rdata: [3, 1, 1, 0xab], data: '3 1 1 ab' },
  {
    it: 'RRSIG',
    type: 46,
    rdata: [u16(65), 8, 2, u32(300), u32(2), u32(1), u16(7), name('example'), 'sig'],
    data: 'HTTPS 8 2 300 2 1 7 example c2ln'
  },
  { it: 'NSEC', type: 47, rdata: [name('b'), 0, 1, 0x40, 1, 1, 0x80], data: 'b A TYPE256' },
  {
    it: 'HTTPS',
    type: 65,
    rdata: [
      u16(1),
      0,
      alpn,
      option(3, [1, 187]),
      option(4, [10, 0, 0, 1, 10, 0, 0, 2]),
      option(6, [V6])
    ],
    data: '1 . alpn="h2,h3" port=443 ipv4hint=10.0.0.1,10.0.0.2 ipv6hint=2001:db8::1'
  },
  {
    it: 'SVCB with other parameters',
    type: 64,
    rdata: [
      u16(1),
      name('x'),
      option(0, [0, 1, 2, 0]),
      option(2, []),
      option(5, ['"']),
      option(512, ['y'])
    ],
    data: '1 x mandatory=alpn,key512 no-default-alpn ech="\\"" key512="y"'
  },
  {
    it: 'HTTPS that exceeds RDATA',
    type: 65,
    rdata: [u16(1), 0, 0, 1, 0, 9],
    data: '\\# 7 00010000010009'
  },
  {
    it: 'a type without a name',
    type: 65280,
    rdata: [1, 2],
    data: '\\# 2 0102',
    named: 'TYPE65280'
  },
  { it: 'no data', type: 65280, rdata: [], data: '\\# 0', named: 'TYPE65280' },
  { it: 'TXT that exceeds RDATA', type: 16, rdata: [9, 'x'], data: '\\# 2 0978' },
  { it: 'DS too short', type: 43, rdata: [0], data: '\\# 1 00' },
  {
    it: 'NSEC that exceeds RDATA',
    type: 47,
    rdata: [name('b'), 0, 9, 1],
    data: '\\# 6 016200000901'
  }
]

for (const { it, type, rdata, data, named } of shown) {
  t.test(`shows ${it}`, async t => {
    const own = record(TO_QNAME, type, 60, rdata)
    const message = octets(header(1, OK, 1, 2, 0, 0), question('www.example'), own, own)
    const { records } = decodeMessage(message)
    t.strictSame(
      records.map(record => record.data),
      [data, data]
    )
    if (named !== undefined) t.equal(records[0]?.type, named)
  })
}

t.test('removes control characters from EXTRA-TEXT', async t => {
  const ede = option(15, [u16(0), 'a', 0x1b, '[31mb'])
  const lines = showMessage(octets(header(1, OK, 0, 0, 0, 1), opt(512, ede)))
  t.strictSame(lines.at(-1), ';; EDE 0 OTHER: a[31mb')
})

t.test('counts of 65535 are rejected at the first missing record', async t => {
  t.throws(() => showMessage(octets(header(1, OK, 65535, 65535, 65535, 65535))), {
    code: 'WIRE_SHORT'
  })
})

t.test('any octets are shown or rejected with a code', async t => {
  const type = fc.oneof(fc.constantFrom(1, 2, 6, 15, 16, 28, 33, 41, 64, 65, 257), fc.nat(300))
  const records = fc
    .tuple(type, fc.uint8Array({ maxLength: 60 }))
    .map(([type, rdata]) => octets(record(TO_QNAME, type, 60, [rdata])))
  const messages = fc.oneof(
    fc.uint8Array({ maxLength: 60 }),
    fc
      .array(records, { maxLength: 4 })
      .map(records =>
        octets(header(1, OK, 1, 0, 0, records.length), question('www.example'), records)
      )
  )
  fc.assert(
    fc.property(messages, message => {
      try {
        for (const line of showMessage(message)) assert.doesNotMatch(line, /\p{Cc}/u)
      } catch (error) {
        assert.match((error as { code?: string }).code ?? String(error), /^WIRE_/)
      }
    }),
    runs(3000)
  )
  t.pass()
})
