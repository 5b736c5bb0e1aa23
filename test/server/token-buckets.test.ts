import t from 'tap'
import { ClientPrefix } from '../../src/resolver/server/client-prefix.js'
import { TokenBuckets } from '../../src/resolver/server/token-buckets.js'
import { wordsOf } from './words.js'

const RATE = { perSecond: 10, burst: 2000 }

/** How many of `tries` at one instant get a token. */
function passing(table: TokenBuckets, now: number, tries = 1000, key = 7): number {
  let passed = 0
  for (let i = 0; i < tries; i++) if (table.take(0, key, now)) passed++
  return passed
}

const runs = [
  { it: 'a burst, then the rate', at: [1000, 1000, 1100, 1500, 1600], passed: [20, 0, 1, 4, 1] },
  { it: 'no more than a burst after a long pause', at: [0, 1e9], passed: [20, 20] },
  { it: 'nothing for a clock that goes back', at: [5000, 4000], passed: [20, 0] }
] as const

for (const { it, at, passed } of runs) {
  t.test(`a bucket allows ${it}`, async t => {
    const table = new TokenBuckets(RATE, 1)
    t.strictSame(
      at.map(now => passing(table, now)),
      passed
    )
  })
}

t.test('a bucket holds at least one token, however short the burst', async t => {
  const table = new TokenBuckets({ perSecond: 1, burst: 100 }, 1)
  t.strictSame(
    [0, 999, 1000].map(now => passing(table, now)),
    [1, 0, 1]
  )
})

t.test('keys that differ in either word have buckets of their own', async t => {
  const table = new TokenBuckets({ perSecond: 1, burst: 1000 }, 99)
  for (const [high, low] of [
    [0, 1],
    [1, 0],
    [1, 1],
    [-1, 1]
  ] as const) {
    t.ok(table.take(high, low, 0))
    t.notOk(table.take(high, low, 0))
  }
})

t.test('a flood of keys does not reset one above its limit', async t => {
  const table = new TokenBuckets(RATE, 0x5eed)
  t.equal(passing(table, 0), 20)
  let passed = 0
  for (let i = 1; i <= 1_000_000; i++) if (table.take(i, i ^ 0x1234, 0)) passed++
  t.equal(passed, 1_000_000, 'each new key has a bucket')
  t.equal(passing(table, 0), 0)
})

t.test('keys are spread over the sets, whatever the seed', async t => {
  for (const seed of [0, 1, -1, 0x12345678]) {
    const table = new TokenBuckets({ perSecond: 1, burst: 1000 }, seed)
    let limited = 0
    for (let i = 0; i < 8192; i++) table.take(0xffff, 0x0a000000 + i, 0)
    for (let i = 0; i < 8192; i++) if (!table.take(0xffff, 0x0a000000 + i, 0)) limited++
    t.ok(limited > 8150, `${limited} of 8192 neighbours still have a bucket`)
  }
})

const same = [
  { a: '192.0.2.1', b: '192.0.2.1', bits: { ipv4: 32, ipv6: 56 }, is: true },
  { a: '192.0.2.1', b: '192.0.2.2', bits: { ipv4: 32, ipv6: 56 }, is: false },
  { a: '192.0.2.1', b: '192.0.2.255', bits: { ipv4: 24, ipv6: 56 }, is: true },
  { a: '192.0.2.1', b: '192.0.3.1', bits: { ipv4: 24, ipv6: 56 }, is: false },
  { a: '2001:db8:0:1ff::1', b: '2001:db8:0:100::', bits: { ipv4: 32, ipv6: 56 }, is: true },
  { a: '2001:db8:0:1ff::1', b: '2001:db8:0:200::', bits: { ipv4: 32, ipv6: 56 }, is: false },
  { a: '2001:db8::1', b: '2001:db8::2', bits: { ipv4: 32, ipv6: 64 }, is: true },
  { a: '2001:db8:0:1::', b: '2001:db8:0:2::', bits: { ipv4: 32, ipv6: 64 }, is: false },
  { a: '2001:db8:1::', b: '2001:db8:2::', bits: { ipv4: 32, ipv6: 32 }, is: true },
  { a: '2001:db8::', b: '2001:db9::', bits: { ipv4: 32, ipv6: 32 }, is: false },
  { a: '2001:db8::', b: '2001:dff::', bits: { ipv4: 32, ipv6: 20 }, is: true },
  { a: '0.0.0.0', b: '::', bits: { ipv4: 8, ipv6: 16 }, is: false }
]

for (const { a, b, bits, is } of same) {
  t.test(`${a} and ${b} are ${is ? 'one client' : 'two'} by ${bits.ipv4}/${bits.ipv6}`, async t => {
    const keys = [a, b].map(text => {
      const prefix = new ClientPrefix(bits)
      prefix.read(wordsOf(text), 0)
      return `${prefix.high} ${prefix.low}`
    })
    t.equal(keys[0] === keys[1], is)
  })
}
