import packet, { type Answer } from 'dns-packet'
import t from 'tap'
import { ZoneResponse } from '../../src/wire/dns/message/zone-message.js'
import { readName } from '../../src/wire/dns/name/name.js'
import { showZoneFileName, ZoneFileWriter } from '../../src/wire/dns/records/zone-file-writer.js'

/** The lines of records in a message. */
function linesOf(answers: readonly Answer[]): string {
  const questions = [{ type: 'A' as const, name: 'rpz.example' }]
  const message = packet.encode({ type: 'response', id: 7, questions, answers: [...answers] })
  return shown(message)
}

function shown(message: Uint8Array): string {
  const lines = new ZoneFileWriter()
  const answer = new ZoneResponse(message, readName('rpz.example'), 7, 1)
  answer.each(({ owner, fixed, end }) => lines.add(message, owner, fixed, end))
  return Buffer.from(lines.from(0)).toString('latin1')
}

/** A record with this RDATA. */
const raw = (type: number, rdata: string): string => {
  const head = '0007840000010001000000000372707a076578616d706c650000010001'
  const data = Buffer.from(rdata, 'hex')
  const record = Buffer.from(`c00c${word(type)}00010000003c${word(data.length)}`, 'hex')
  return shown(Buffer.concat([Buffer.from(head, 'hex'), record, data]))
}
const word = (value: number): string => value.toString(16).padStart(4, '0')

const RECORDS: readonly { readonly it: string; readonly record: Answer; readonly line: string }[] =
  [
    {
      it: 'a CNAME to the root',
      record: { type: 'CNAME', name: 'Bad.RPZ.example', ttl: 60, data: '.' },
      line: 'bad.rpz.example. 60 IN CNAME .'
    },
    {
      it: 'a CNAME to a wildcard',
      record: { type: 'CNAME', name: '*.bad.rpz.example', ttl: 0, data: '*.' },
      line: '*.bad.rpz.example. 0 IN CNAME *.'
    },
    {
      it: 'an address',
      record: { type: 'A', name: 'a.rpz.example', ttl: 60, data: '192.0.2.1' },
      line: 'a.rpz.example. 60 IN A 192.0.2.1'
    },
    {
      it: 'an IPv6 address',
      record: { type: 'AAAA', name: 'a.rpz.example', ttl: 60, data: '2001:db8::1' },
      line: 'a.rpz.example. 60 IN AAAA 2001:db8::1'
    },
    {
      it: 'a mapped IPv6 address',
      record: { type: 'AAAA', name: 'a.rpz.example', ttl: 60, data: '::ffff:192.0.2.1' },
      line: 'a.rpz.example. 60 IN AAAA ::ffff:192.0.2.1'
    },
    {
      it: 'texts',
      record: { type: 'TXT', name: 'a.rpz.example', ttl: 60, data: ['a "b" \\', 'c;\n'] },
      line: 'a.rpz.example. 60 IN TXT "a \\"b\\" \\\\" "c;\\010"'
    },
    {
      it: 'a mail exchange',
      record: {
        ...{ type: 'MX', name: 'a.rpz.example', ttl: 60 },
        data: { preference: 10, exchange: 'Mail.example' }
      },
      line: 'a.rpz.example. 60 IN MX 10 mail.example.'
    },
    {
      it: 'a service',
      record: {
        ...{ type: 'SRV', name: 'a.rpz.example', ttl: 60 },
        data: { priority: 1, weight: 2, port: 443, target: 'b.example' }
      },
      line: 'a.rpz.example. 60 IN SRV 1 2 443 b.example.'
    },
    {
      it: 'an uncommon type',
      record: {
        ...{ type: 'CAA', name: 'a.rpz.example', ttl: 60 },
        data: { flags: 0, tag: 'issue', value: 'ca' }
      },
      line: 'a.rpz.example. 60 IN CAA \\# 9 000569737375656361'
    }
  ]

for (const { it, record, line } of RECORDS) {
  t.test(`${it} is one line`, async t => t.equal(linesOf([record]), `${line}\n`))
}

t.test('records of any type, without RDATA, and with an invalid TTL', async t => {
  t.equal(raw(65_280, '0aff'), 'rpz.example. 60 IN TYPE65280 \\# 2 0aff\n')
  t.equal(raw(65_280, ''), 'rpz.example. 60 IN TYPE65280 \\# 0\n')
  t.equal(raw(16, ''), 'rpz.example. 60 IN TXT \\# 0\n')
  t.equal(linesOf([{ type: 'A', name: 'a', ttl: 2 ** 31, data: '0.0.0.0' }]), 'a. 0 IN A 0.0.0.0\n')
})

t.test('compressed owner names and RDATA', async t => {
  t.equal(raw(5, 'c00c'), 'rpz.example. 60 IN CNAME rpz.example.\n')
  t.equal(raw(2, '026e73c010'), 'rpz.example. 60 IN NS ns.example.\n')
})

t.test('malformed RDATA is rejected', async t => {
  t.throws(() => raw(1, '0102'), { code: 'WIRE_RDATA' })
  t.throws(() => raw(28, '01020304'), { code: 'WIRE_RDATA' })
  t.throws(() => raw(5, '0161'), { code: 'WIRE_SHORT' })
  t.throws(() => raw(5, '000000'), { code: 'WIRE_RDATA' })
  t.throws(() => raw(16, '05aa'), { code: 'WIRE_RDATA' })
})

t.test('special characters of zone files are escaped', async t => {
  t.equal(
    showZoneFileName(readName('a;b\\"c\\(\\)\\@\\$.x-_*')),
    'a\\059b\\034c\\040\\041\\064\\036.x-_*.'
  )
  t.equal(showZoneFileName(readName('a\\.b\\032c\\255')), 'a\\046b\\032c\\255.')
  t.equal(showZoneFileName(readName('.')), '.')
})

t.test('the longest name, every octet escaped, many times over', async t => {
  const label = '\\000'.repeat(62)
  const name = [label, label, label, label].join('.')
  const lines = new ZoneFileWriter()
  for (let i = 0; i < 1000; i++) lines.putName(readName(name), 0)
  t.equal(lines.length, 1000 * (name.length + 1))
})
