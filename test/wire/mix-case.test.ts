import assert from 'node:assert/strict'
import fc from 'fast-check'
import t from 'tap'
import { mixCase } from '../../src/wire/inquiry.js'
import { LOWER } from '../../src/wire/hashed-name.js'
import { name, octets, u16 } from './octets.js'

const mixed = (qname: string, ...words: readonly number[]): Uint8Array => {
  const question = octets(name(qname), u16(0x4141), u16(0x6161))
  let next = 0
  mixCase(question, { word: () => words[next++]! })
  return question
}

t.test('each letter takes one bit: 0 for upper case', async t => {
  t.strictSame(mixed('aBc-1.Zz', 0b10010), octets(name('AbC-1.Zz'), 'AAaa'))
  t.strictSame(mixed('aBc-1.Zz', 0), octets(name('ABC-1.ZZ'), 'AAaa'))
  t.strictSame(mixed('aBc-1.Zz', ~0), octets(name('abc-1.zz'), 'AAaa'))
})

t.test('a long name takes more words', async t => {
  const text = `${'a'.repeat(40)}.example`
  t.strictSame(
    mixed(text, 0, ~0),
    octets(name(`${'A'.repeat(32)}${'a'.repeat(8)}.example`), 'AAaa')
  )
})

t.test('neighbours of letters, lengths and octets beyond ASCII stay as they are', async t => {
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
      mixCase(question, { word: () => words.next().value as number })
      assert.deepEqual(
        question.map(octet => LOWER[octet]!),
        before.map(octet => LOWER[octet]!)
      )
    })
  )
})
