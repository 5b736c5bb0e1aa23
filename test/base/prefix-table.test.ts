import fc from 'fast-check'
import t from 'tap'
import { readPrefix, type Prefix } from '../../src/base/values/address.js'
import { compilePrefixes, PrefixTable } from '../../src/base/values/prefix-table.js'
import { runs } from '../runs.js'
import { words } from './words.js'

/** A table whose values number the covering sets, and those sets. */
function tableOf(prefixes: readonly Prefix[]) {
  const sets: (readonly number[])[] = []
  const buffers = compilePrefixes(prefixes, covering => sets.push(covering) - 1)
  return { table: new PrefixTable(buffers), sets }
}

const PREFIXES = [
  '10.0.0.0/8',
  '10.20.0.0/16',
  '10.20.7.0/28',
  '10.20.7.3',
  '255.255.255.255',
  '0.0.0.0/1',
  '2001:db8::/32',
  '2001:db8:20::/48',
  '2001:db8:20::/48',
  '::/0',
  'ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff'
] as const

const finds = [
  { address: '10.0.0.0', covering: ['10.0.0.0/8', '0.0.0.0/1'] },
  { address: '10.255.255.255', covering: ['10.0.0.0/8', '0.0.0.0/1'] },
  { address: '11.0.0.0', covering: ['0.0.0.0/1'] },
  { address: '9.255.255.255', covering: ['0.0.0.0/1'] },
  { address: '0.0.0.0', covering: ['0.0.0.0/1'] },
  { address: '128.0.0.0', covering: [] },
  { address: '255.255.255.255', covering: ['255.255.255.255'] },
  { address: '255.255.255.254', covering: [] },
  { address: '10.20.6.255', covering: ['10.20.0.0/16', '10.0.0.0/8', '0.0.0.0/1'] },
  {
    address: '10.20.7.3',
    covering: ['10.20.7.3', '10.20.7.0/28', '10.20.0.0/16', '10.0.0.0/8', '0.0.0.0/1']
  },
  { address: '10.20.7.16', covering: ['10.20.0.0/16', '10.0.0.0/8', '0.0.0.0/1'] },
  { address: '::ffff:10.0.0.1', covering: ['10.0.0.0/8', '0.0.0.0/1'] },
  { address: '::ffff:200.0.0.1', covering: [] },
  { address: '::', covering: ['::/0'] },
  { address: '::fffe:0a00:0001', covering: ['::/0'] },
  {
    address: '2001:db8:20::1',
    covering: ['2001:db8:20::/48', '2001:db8:20::/48', '2001:db8::/32', '::/0']
  },
  { address: '2001:db8:21::', covering: ['2001:db8::/32', '::/0'] },
  { address: '2001:db9::', covering: ['::/0'] },
  {
    address: 'ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff',
    covering: ['ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff', '::/0']
  }
] as const

for (const { address, covering } of finds) {
  t.test(`${address} is covered by ${covering.join(', ') || 'nothing'}`, async t => {
    const { table, sets } = tableOf(PREFIXES.map(readPrefix))
    const found = sets[table.find(words(address), 0)]!
    t.strictSame(
      found.map(index => PREFIXES[index]),
      covering
    )
  })
}

t.test('equal prefixes are in the given order', async t => {
  const { table, sets } = tableOf(['10.0.0.0/8', '10.0.0.0/8'].map(readPrefix))
  t.strictSame(sets[table.find(words('10.1.1.1'), 0)], [0, 1])
})

t.test('reads the address at an offset in a larger array', async t => {
  const { table, sets } = tableOf([readPrefix('10.0.0.0/8')])
  const both = Uint32Array.from([...words('11.0.0.1'), ...words('10.0.0.1')])
  t.strictSame(sets[table.find(both, 4)], [0])
})

t.test('no prefix covers anything in an empty table', async t => {
  const { table, sets } = tableOf([])
  for (const address of ['0.0.0.0', '255.255.255.255', '::', 'ffff::']) {
    t.strictSame(sets[table.find(words(address), 0)], [], address)
  }
})

t.test('neighbouring ranges with the same value are merged', async t => {
  const prefixes = ['10.0.0.0/9', '10.128.0.0/9'].map(readPrefix)
  const buffers = compilePrefixes(prefixes, covering => (covering.length > 0 ? 1 : 0))
  t.equal(buffers.values4.byteLength, 4 * 3)
})

const MAPPED = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 255, 255]

/** Few distinct octets, so that prefixes nest and meet. */
const someAddress = fc
  .tuple(
    fc.boolean(),
    fc.array(fc.constantFrom(0, 1, 127, 128, 255), { minLength: 16, maxLength: 16 })
  )
  .map(([is4, octets]) => Uint8Array.from(is4 ? [...MAPPED, ...octets.slice(12)] : octets))

const somePrefix = fc.tuple(someAddress, fc.nat(128)).map(([address, length]): Prefix => {
  const masked = address.map(
    (octet, i) => octet & (0xff00 >> Math.max(0, Math.min(8, length - 8 * i)))
  )
  return { address: masked, length }
})

function covers({ address, length }: Prefix, wanted: Uint8Array): boolean {
  const mapped = MAPPED.every((octet, i) => wanted[i] === octet)
  if (mapped && length < 96) return false
  for (let bit = 0; bit < length; bit++) {
    const difference = address[bit >> 3]! ^ wanted[bit >> 3]!
    if ((difference & (0x80 >> (bit & 7))) !== 0) return false
  }
  return true
}

t.test('finds the same prefixes as a linear search', async () => {
  fc.assert(
    fc.property(
      fc.array(somePrefix, { maxLength: 12 }),
      fc.array(someAddress, { minLength: 1, maxLength: 8 }),
      (prefixes, addresses) => {
        const { table, sets } = tableOf(prefixes)
        return addresses.every(address => {
          const expected = prefixes
            .map((prefix, index) => ({ prefix, index }))
            .filter(({ prefix }) => covers(prefix, address))
            .sort((a, b) => b.prefix.length - a.prefix.length)
            .map(({ index }) => index)
          const view = new DataView(address.buffer)
          const at = Uint32Array.from([0, 4, 8, 12], octet => view.getUint32(octet))
          return sets[table.find(at, 0)]!.join() === expected.join()
        })
      }
    ),
    runs(300)
  )
})
