import t from 'tap'
import { readAddress, readPrefix, showAddress, showPrefix } from '../../src/base/values/address.js'

const hex = (octets: Uint8Array): string => Buffer.from(octets).toString('hex')

const reads = [
  { text: '10.0.0.1', octets: '00000000000000000000ffff0a000001', shown: '10.0.0.1' },
  { text: '::ffff:10.0.0.1', octets: '00000000000000000000ffff0a000001', shown: '10.0.0.1' },
  { text: '::FFFF:a00:1', octets: '00000000000000000000ffff0a000001', shown: '10.0.0.1' },
  {
    text: '0:0:0:0:0:ffff:10.0.0.1',
    octets: '00000000000000000000ffff0a000001',
    shown: '10.0.0.1'
  },
  // IPv4-compatible, and not the IPv4 client: RFC 4291 §2.5.5.1.
  { text: '::10.0.0.1', octets: '0000000000000000000000000a000001', shown: '::a00:1' },
  { text: '0:0:0:0:0:0:10.0.0.1', octets: '0000000000000000000000000a000001', shown: '::a00:1' },
  // IPv4-translated: RFC 2765 §2.1.
  {
    text: '::ffff:0:10.0.0.1',
    octets: '0000000000000000ffff00000a000001',
    shown: '::ffff:0:a00:1'
  },
  {
    text: '64:ff9b::10.0.0.1',
    octets: '0064ff9b00000000000000000a000001',
    shown: '64:ff9b::a00:1'
  },
  { text: '::', octets: '00000000000000000000000000000000', shown: '::' },
  { text: '2001:DB8::1', octets: '20010db8000000000000000000000001', shown: '2001:db8::1' }
] as const

for (const { text, octets, shown } of reads) {
  t.test(`reads ${text} as ${shown}`, async t => {
    const address = readAddress(text)
    t.equal(hex(address), octets)
    t.equal(showAddress(address), shown)
    t.strictSame(readAddress(shown), address, 'what is shown is read as the same')
  })
}

for (const text of [
  '',
  '10.1',
  '010.0.0.1',
  '0x0a.0.0.1',
  '10.0.0.256',
  '::10.0.1',
  '::010.0.0.1',
  '::ffff:0x7f.1',
  '10.0.0.1::',
  '::10.0.0.1:1',
  '1:2:3:4:5:6:7:10.0.0.1',
  'fe80::1%eth0',
  '[::1]'
]) {
  t.test(`refuses ${JSON.stringify(text)}`, async t => {
    t.throws(() => readAddress(text), { code: 'ADDRESS_INVALID' })
    t.throws(() => readPrefix(text), { code: 'PREFIX_INVALID' })
  })
}

const prefixes = [
  { text: '10.0.0.0/8', length: 104, shown: '10.0.0.0/8' },
  { text: '::ffff:10.0.0.0/104', length: 104, shown: '10.0.0.0/8' },
  { text: '::10.0.0.0/104', length: 104, shown: '::a00:0/104' },
  { text: '::10.0.0.1', length: 128, shown: '::a00:1/128' }
] as const

for (const { text, length, shown } of prefixes) {
  t.test(`reads ${text} as ${shown}`, async t => {
    const prefix = readPrefix(text)
    t.equal(prefix.length, length)
    t.equal(showPrefix(prefix), shown)
  })
}
