import assert from 'node:assert/strict'
import fc from 'fast-check'
import t from 'tap'
import { copyOctets, setInt32Le, equalOctets, getInt32Le } from '../../src/base/bytes/octets.js'

const some = fc.uint8Array({ maxLength: 300 })
const place = fc.nat(20)

t.test('copies the given octets, and nothing else', async () => {
  fc.assert(
    fc.property(some, place, place, place, (octets, start, at, spare) => {
      const from = Uint8Array.of(...Array.from({ length: start }, () => 1), ...octets, 2, 2)
      const to = new Uint8Array(at + octets.length + spare).fill(0xee)
      const end = copyOctets(from, start, start + octets.length, to, at)
      assert.equal(end, at + octets.length)
      assert.deepEqual(to.subarray(at, end), octets)
      assert.ok(to.subarray(0, at).every(octet => octet === 0xee))
      assert.ok(to.subarray(end).every(octet => octet === 0xee))
    })
  )
})

t.test('copies a whole array', async t => {
  for (const length of [0, 1, 7, 8, 9, 127, 128, 129, 4000]) {
    const from = Uint8Array.from({ length }, (_, i) => i)
    const to = new Uint8Array(length)
    t.equal(copyOctets(from, 0, length, to, 0), length)
    t.strictSame(to, from)
  }
})

t.test('octets are equal unless one differs', async () => {
  fc.assert(
    fc.property(some, place, place, fc.nat(), (octets, from, at, spoilt) => {
      const a = Uint8Array.of(...Array.from({ length: from }, () => 1), ...octets)
      const b = Uint8Array.of(...Array.from({ length: at }, () => 2), ...octets, 3)
      assert.ok(equalOctets(a, from, b, at, octets.length))
      if (octets.length === 0) return
      b[at + (spoilt % octets.length)]! ^= 0x20
      assert.equal(equalOctets(a, from, b, at, octets.length), false)
    })
  )
})

t.test('32-bit integers are little-endian', async t => {
  const octets = Uint8Array.of(9, 1, 2, 3, 0xf4, 9)
  t.equal(getInt32Le(octets, 1) >>> 0, 0xf4030201)
  const written = new Uint8Array(6).fill(9)
  setInt32Le(written, 1, getInt32Le(octets, 1))
  t.strictSame(written, octets)
})
