import { createHmac } from 'node:crypto'
import fc from 'fast-check'
import t from 'tap'
import { readAddress, showAddress } from '../../../src/base/values/address.js'
import { cryptoPan } from '../../../src/lookups/privacy/crypto-pan.js'
import { prefixPreservingPseudonymOf, pseudonymOf } from '../../../src/lookups/privacy/pseudonym.js'
import { pseudonymsOf } from '../../../src/lookups/privacy/pseudonyms-of.js'
import { runs } from '../../runs.js'

const KEY = Buffer.alloc(32, 7)

/** Key and some addresses of the sample that its authors publish with Crypto-PAn. */
const SAMPLE_KEY = Uint8Array.from([
  ...[21, 34, 23, 141, 51, 164, 207, 128, 19, 10, 91, 22, 73, 144, 125, 16],
  ...[216, 152, 143, 131, 121, 121, 101, 39, 98, 87, 76, 45, 42, 132, 34, 2]
])
const SAMPLE = [
  ['128.11.68.132', '135.242.180.132'],
  ['129.118.74.4', '134.136.186.123'],
  ['130.132.252.244', '133.68.164.234'],
  ['141.223.7.43', '141.167.8.160']
] as const

for (const [from, to] of SAMPLE) {
  t.test(`Crypto-PAn maps ${from} as published by its authors`, async t => {
    const made = cryptoPan(readAddress(from).subarray(12), SAMPLE_KEY)
    t.equal([...made].join('.'), to)
  })
}

/** Bits that two texts of hexadecimal digits have in common from their start. */
function common(a: string, b: string): number {
  const bits = (text: string) =>
    Array.from(text, digit => parseInt(digit, 16).toString(2).padStart(4, '0')).join('')
  const [one, other] = [bits(a), bits(b)]
  const at = Array.from(one).findIndex((bit, i) => bit !== other[i])
  return at === -1 ? one.length : at
}

const address = fc.oneof(
  fc.uint8Array({ minLength: 16, maxLength: 16 }),
  fc.uint8Array({ minLength: 4, maxLength: 4 }).map(octets => readAddress([...octets].join('.')))
)

t.test('prefix-preserving: exactly as many common bits as before', async () => {
  fc.assert(
    fc.property(
      address,
      fc.nat(127),
      fc.uint8Array({ minLength: 32, maxLength: 32 }),
      (a, at, key) => {
        const b = a.slice()
        const isIpv4 = showAddress(a).includes('.')
        const bit = isIpv4 ? 96 + (at & 31) : at
        b[bit >> 3]! ^= 0x80 >> (bit & 7)
        if (isIpv4 !== showAddress(b).includes('.')) return
        const texts = [
          prefixPreservingPseudonymOf(a, key),
          prefixPreservingPseudonymOf(b, key)
        ] as const
        return (
          common(...texts) === (isIpv4 ? bit - 96 : bit) && texts[0].length === (isIpv4 ? 8 : 32)
        )
      }
    ),
    runs(200)
  )
})

t.test('a pseudonym is the start of HMAC-SHA-256 of the 16 octets', async t => {
  const octets = readAddress('10.20.3.4')
  const whole = createHmac('sha256', KEY).update(octets).digest('hex')
  t.equal(pseudonymOf(octets, KEY), whole.slice(0, 16))
  t.equal(pseudonymOf(readAddress('::ffff:10.20.3.4'), KEY), whole.slice(0, 16))
})

const keys = ['2023-03', '2023-03-13', '2023-03-14'].map((period, i) => ({
  period,
  secret: Buffer.alloc(32, i)
}))
const at = (text: string) => Date.parse(text)
const asked = [
  { since: '2023-03-13', until: '2023-03-14', periods: ['2023-03', '2023-03-13'] },
  { since: '2023-03-14T00:00Z', until: '2023-03-14T00:00:01Z', periods: ['2023-03', '2023-03-14'] },
  { since: '2023-03-31T23:59Z', until: '2023-05-01', periods: ['2023-03'] },
  { since: '2023-04-01', until: '2024-01-01', periods: [] }
]

for (const { since, until, periods } of asked) {
  t.test(`pseudonyms of an address from ${since} to ${until}`, async t => {
    const client = readAddress('2001:db8::7')
    const found = pseudonymsOf(client, keys, { since: at(since), until: at(until) })
    t.strictSame(
      found.map(({ period }) => period),
      periods
    )
    for (const { period, plain, prefixPreserving } of found) {
      const { secret } = keys.find(key => key.period === period)!
      t.equal(plain, pseudonymOf(client, secret))
      t.equal(prefixPreserving, prefixPreservingPseudonymOf(client, secret))
    }
  })
}
