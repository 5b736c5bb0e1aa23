import assert from 'node:assert/strict'
import fc from 'fast-check'
import t from 'tap'
import { randomizeCase } from '../../src/wire/dns/message/encode-query.js'
import { LOWER } from '../../src/wire/dns/name/hashed-name.js'
import { name, octets, u16 } from './octets.js'

const mixed = (qname: string, ...words: readonly number[]): Uint8Array => {
  const question = octets(name(qname), u16(0x4141), u16(0x6161))
  let next = 0
  randomizeCase(question, { word: () => words[next++]! })
  return question
}

t.test('all bits off: upper case; all on: lower case', async t => {
  t.strictSame(mixed('aBc-1.Zz', 0), octets(name('ABC-1.ZZ'), 'AAaa'))
  t.strictSame(mixed('aBc-1.Zz', ~0), octets(name('abc-1.zz'), 'AAaa'))
})

t.test('each letter has its own bit', async t => {
  for (const letters of [1, 2, 3, 4, 5, 27, 28, 30, 31, 32, 33, 61, 63]) {
    const lowerBits = Array.from({ length: letters }, () => 0)
    for (let bit = 0; bit < 64; bit++) {
      const low = bit < 32 ? 1 << bit : 0
      const high = bit < 32 ? 0 : 1 << (bit - 32)
      const spelt = mixed('a'.repeat(letters), low, high).subarray(1, 1 + letters)
      const lower = [...spelt].flatMap((octet, i) => (octet === 0x61 ? [i] : []))
      t.ok(lower.length <= 1, `bit ${bit} is that of one letter at most`)
      for (const i of lower) lowerBits[i]!++
    }
    t.strictSame(new Set(lowerBits), new Set([1]), `of ${letters}, each has one`)
  }
})

t.test('octets next to letters, lengths and octets outside ASCII stay unchanged', async t => {
  t.strictSame(mixed('@[`{\u00c1\u00e1', 0), octets(name('@[`{\u00c1\u00e1'), 'AAaa'))
  t.strictSame(mixed('', 0), octets(0, 'AAaa'))
})

t.test('the name stays the same name', async () => {
  const label = fc.uint8Array({ minLength: 1, maxLength: 63 })
  fc.assert(
    fc.property(fc.array(label, { maxLength: 3 }), fc.infiniteStream(fc.nat()), (labels, words) => {
      const question = octets(
        labels.map(it => [it.length, ...it]),
        [0, 0, 1, 0, 1]
      )
      const before = question.slice()
      randomizeCase(question, { word: () => words.next().value as number })
      assert.deepEqual(
        question.map(octet => LOWER[octet]!),
        before.map(octet => LOWER[octet]!)
      )
    })
  )
})
