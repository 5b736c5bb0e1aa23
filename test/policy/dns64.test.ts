import t from 'tap'
import { readAddress, readPrefix, showAddress } from '../../src/base/values/address.js'
import { Dns64 } from '../../src/policy/evaluate/dns64.js'
import { dns64Schema, type Dns64Rule } from '../../src/policy/rules/schema/dns64-schema.js'
import { buildDns64 } from '../../src/policy/tables/dns64-table.js'
import { HashedName } from '../../src/wire/dns/name/hashed-name.js'
import { readName, showName } from '../../src/wire/dns/name/name.js'

/** Of 192.0.2.33. RFC 6052 §2.4. */
const EXAMPLES = [
  ['2001:db8::/32', '2001:db8:c000:221::'],
  ['2001:db8:100::/40', '2001:db8:1c0:2:21::'],
  ['2001:db8:122::/48', '2001:db8:122:c000:2:2100::'],
  ['2001:db8:122:300::/56', '2001:db8:122:3c0:0:221::'],
  ['2001:db8:122:344::/64', '2001:db8:122:344:c0:2:2100:0'],
  ['2001:db8:122:344::/96', '2001:db8:122:344::c000:221'],
  ['64:ff9b::/96', '64:ff9b::c000:221']
] as const

const dns64Of = (prefix: string): Dns64 => {
  const dns64 = { prefix: readPrefix(prefix), excludeAaaa: [], excludeA: [] }
  return new Dns64(buildDns64([{ dns64 }] as never).all[0]!)
}

const reverseOf = (address: string): HashedName => {
  const hex = Buffer.from(readAddress(address)).toString('hex')
  const name = new HashedName()
  name.set(readName(`${hex.split('').reverse().join('.')}.ip6.arpa`), 0, 1)
  return name
}

for (const [prefix, address] of EXAMPLES) {
  t.test(`${prefix} for 192.0.2.33`, async t => {
    const dns64 = dns64Of(prefix)
    t.equal(showAddress(dns64.embed(0xc0000221).slice()), showAddress(readAddress(address)))
    const into = new Uint8Array(255)
    const length = dns64.reverseName(reverseOf(address), into)
    t.equal(showName(into.subarray(0, length)), '33.2.0.192.in-addr.arpa')
    t.equal(dns64.reverseName(reverseOf('2001:db9::1'), into), 0)
  })
}

t.test('only addresses that are made so have an IPv4 reverse name', async t => {
  const dns64 = dns64Of('2001:db8:122::/48')
  const into = new Uint8Array(255)
  t.equal(dns64.reverseName(reverseOf('2001:db8:122:c000:2:2100::1'), into), 0)
  t.equal(dns64.reverseName(reverseOf('2001:db8:122:c000:102:2100::'), into), 0)
  const short = new HashedName()
  short.set(readName('1.2.ip6.arpa'), 0, 1)
  t.equal(dns64.reverseName(short, into), 0)
})

t.test('what may be written', async t => {
  const read = (value: unknown): Dns64Rule | undefined => dns64Schema.safeParse(value).data
  t.equal(read('off'), 'off')
  t.match(read('64:ff9b::/96'), { excludeA: { length: 15 }, excludeAaaa: { length: 1 } })
  t.match(read({}), { prefix: readPrefix('64:ff9b::/96'), excludeA: { length: 15 } })
  t.match(read({ 'exclude-a': [] }), { excludeA: { length: 0 } })
  t.match(read('2001:db8::/32'), { excludeA: { length: 0 } })
  t.match(read({ 'exclude-aaaa': ['2001:db8::/32'] }), { excludeAaaa: { length: 2 } })
  for (const wrong of [
    '64:ff9b::/95',
    '10.0.0.0/8',
    '2001:db8:0:0:ff00::/96',
    true,
    { prefixes: [] }
  ])
    t.equal(read(wrong), undefined)
})
