import assert from 'node:assert/strict'
import fc from 'fast-check'
import t from 'tap'
import { Uint32List } from '../../src/base/bytes/uint32-list.js'
import {
  decodeName,
  decompressName,
  readName,
  readPlainName,
  showCanonical,
  showName,
  skipName
} from '../../src/wire/dns/name/name.js'
import { runs } from '../runs.js'
import { name, octets } from './octets.js'

const ORG = [3, 'org', 0] as const
const LONG = Array<number[]>(128).fill([1, 97]).flat() // with the root: 257 octets
const LONGEST = [63, 63, 63, 61].map(length => 'a'.repeat(length)).join('.') // 255 octets

const decodes = [
  { it: 'the root', message: octets(0), at: 0, name: '', end: 1 },
  { it: 'labels up to the root', message: octets(1, 'w', ...ORG), at: 0, name: 'w.org', end: 7 },
  { it: 'upper case as lower case', message: octets(2, 'Ww', 0), at: 0, name: 'ww', end: 4 },
  { it: 'a dot inside a label as \\.', message: octets(3, 'a.b', 0), at: 0, name: 'a\\.b', end: 5 },
  { it: 'octet 255 as \\255', message: octets(1, 255, 0), at: 0, name: '\\255', end: 3 },
  { it: 'a space as \\032', message: octets(1, ' ', 0), at: 0, name: '\\032', end: 3 },
  { it: 'the longest name', message: octets(name(LONGEST)), at: 0, name: LONGEST, end: 255 },
  { it: 'a pointer', message: octets(...ORG, 1, 'w', 0xc0, 0), at: 5, name: 'w.org', end: 9 },
  {
    it: 'a pointer to a pointer',
    message: octets(...ORG, 1, 'w', 0xc0, 0, 1, 'v', 0xc0, 5),
    at: 9,
    name: 'v.w.org',
    end: 13
  }
] as const

for (const { it, message, at, name, end } of decodes) {
  t.test(`decodes ${it}`, async t => t.strictSame(decodeName(message, at), { name, end }))
}

const refuses = [
  { it: 'an empty message', message: octets(), at: 0, code: 'WIRE_SHORT' },
  { it: 'a label truncated', message: octets(3, 'ww'), at: 0, code: 'WIRE_SHORT' },
  { it: 'a pointer truncated', message: octets(0, 0xc0), at: 1, code: 'WIRE_SHORT' },
  { it: 'a pointer to itself', message: octets(0xc0, 0), at: 0, code: 'WIRE_POINTER' },
  { it: 'a forward pointer', message: octets(0xc0, 2, 0), at: 0, code: 'WIRE_POINTER' },
  { it: 'label type 0b01', message: octets(0x40, 0), at: 0, code: 'WIRE_LABEL_TYPE' },
  { it: 'label type 0b10', message: octets(0x80, 0), at: 0, code: 'WIRE_LABEL_TYPE' },
  { it: 'a name of 257 octets', message: octets(...LONG, 0), at: 0, code: 'WIRE_NAME_LONG' }
] as const

for (const { it, message, at, code } of refuses) {
  t.test(`rejects ${it} with ${code}`, async t => t.throws(() => decodeName(message, at), { code }))
  t.test(`does not skip a name with ${it}`, async t =>
    t.throws(() => skipName(message, at, 0), { code })
  )
}

t.test(
  'skips a name to its end where it stands, and refuses a pointer into the header',
  async t => {
    const message = octets(...ORG, 1, 'w', 0xc0, 0)
    t.equal(skipName(message, 0, 0), 5)
    t.equal(skipName(message, 5, 0), 9)
    t.throws(() => skipName(message, 5, 1), { code: 'WIRE_POINTER' })
  }
)

const badTails = [
  { it: 'is not a name', tail: [3, 'a', 0x70, 'b', 0], to: 3, code: 'WIRE_LABEL_TYPE' },
  { it: 'points forward', tail: [1, 'a', 0xc0, 9], to: 1, code: 'WIRE_POINTER' },
  { it: 'points into the header', tail: [1, 'a', 0xc0, 0], to: 1, code: 'WIRE_POINTER' },
  { it: 'is too long with what is before it', tail: [...LONG, 0], to: 3, code: 'WIRE_NAME_LONG' }
] as const

t.test('does not skip a name whose pointer points into a TTL', async t => {
  const ttls = new Uint32List()
  for (const at of [10, 20]) ttls.push(at)
  const message = octets(...Array.from({ length: 30 }, () => 0), 0xc0, 0)
  const to = (target: number, head = 0): void => {
    message[target] = head
    message[31] = target
    skipName(message, 30, 1, ttls)
    message[target] = 0
  }
  for (const beside of [1, 9, 14, 19, 24, 29]) t.doesNotThrow(() => to(beside))
  for (const within of [10, 13, 20, 23]) t.throws(() => to(within), { code: 'WIRE_POINTER' })
  t.throws(() => to(9, 1), { code: 'WIRE_POINTER' }, 'a label that ends in a TTL')
  t.throws(() => to(5, 10), { code: 'WIRE_POINTER' }, 'a label that contains a TTL')
  t.doesNotThrow(() => to(14, 4), 'a label between two')
})

for (const { it, tail, to, code } of badTails) {
  t.test(`does not skip a name whose pointer target ${it}`, async t => {
    const message = octets(0, ...tail, 63, 'x'.repeat(63), 0xc0, to)
    t.throws(() => skipName(message, message.length - 66, 1), { code })
  })
}

t.test('appends a decompressed name in lower-cased wire form', async t => {
  const out = [9]
  t.equal(decompressName(octets(3, 'oRg', 0, 1, 'W', 0xc0, 0), 5, out), 9)
  t.strictSame(out, [9, ...name('w.org')])
})

t.test('shows the root as a dot', async t => {
  t.equal(showCanonical(showName(octets(0))), '.')
  t.equal(showCanonical(showName(octets(9, name('a.b')), 1)), 'a.b')
})

const reads = [
  { it: 'a name', text: 'www.example', wire: name('www.example') },
  { it: 'a final dot', text: 'www.example.', wire: name('www.example') },
  { it: 'the root', text: '.', wire: [0] },
  { it: 'upper case', text: 'WWW.Example', wire: name('www.example') },
  { it: 'underscores and stars', text: '*._tcp.example', wire: name('*._tcp.example') },
  { it: 'an escaped dot', text: 'a\\.b.example', wire: [3, 'a.b', name('example')] },
  { it: 'an escaped backslash', text: 'a\\\\b', wire: [3, 'a\\b', 0] },
  { it: 'decimal escapes', text: '\\000\\255\\065', wire: [3, 0, 255, 'a', 0] },
  { it: 'an escaped space', text: 'a\\ b', wire: [3, 'a b', 0] },
  { it: 'a U-label', text: 'bücher.example', wire: name('xn--bcher-kva.example') },
  { it: 'a U-label in upper case', text: 'BÜCHER.example', wire: name('xn--bcher-kva.example') },
  { it: 'ideographic full stops', text: '例え。テスト', wire: name('xn--r8jz45g.xn--zckzah') },
  { it: 'an A-label', text: 'XN--bcher-kva', wire: name('xn--bcher-kva') },
  { it: 'full-width digits as digits', text: '１２７', wire: name('127') },
  { it: 'digits as a name', text: '1.2.3.4', wire: name('1.2.3.4') },
  { it: 'the longest name', text: LONGEST, wire: name(LONGEST) }
] as const

for (const { it, text, wire } of reads) {
  t.test(`reads ${it}`, async t => t.strictSame(readName(text), octets(wire)))
}

const refusedTexts = [
  { it: 'nothing', text: '' },
  { it: 'an empty label', text: 'a..b' },
  { it: 'a leading dot', text: '.a' },
  { it: 'two dots', text: '..' },
  { it: 'a space', text: 'a b' },
  { it: 'a newline', text: 'a\n' },
  { it: 'a lone backslash at the end', text: 'a\\' },
  { it: 'an escape beyond 255', text: 'a\\256' },
  { it: 'a label of 64 octets', text: 'a'.repeat(64) },
  { it: 'a name of 256 octets', text: LONGEST + 'a' },
  { it: 'a U-label that is invalid in IDNA', text: 'a\u2fff.example' },
  { it: 'a U-label that would become two labels', text: 'a\u2024b' },
  { it: 'a U-label with an escape', text: 'ü\\065' },
  { it: 'a U-label that becomes too long', text: 'ü'.repeat(70) }
] as const

for (const { it, text } of refusedTexts) {
  t.test(`rejects ${it} as a name`, async t =>
    t.throws(() => readName(text), { code: 'NAME_INVALID' })
  )
}

const plain = [
  { it: 'a name', text: 'Www.Example-1_x', length: 17 },
  { it: 'a final dot', text: 'www.example.', length: 13 },
  { it: 'one label', text: 'x', length: 3 },
  { it: 'the longest label', text: 'a'.repeat(63), length: 65 },
  { it: 'the longest name', text: LONGEST, length: 255 },
  { it: 'the longest name and a final dot', text: LONGEST + '.', length: 255 },
  { it: 'nothing', text: '', length: 0 },
  { it: 'a dot', text: '.', length: 0 },
  { it: 'a leading dot', text: '.a', length: 0 },
  { it: 'an empty label', text: 'a..b', length: 0 },
  { it: 'two dots at the end', text: 'a..', length: 0 },
  { it: 'a label too long', text: 'a'.repeat(64), length: 0 },
  { it: 'a label too long before others', text: 'a'.repeat(64) + '.b', length: 0 },
  { it: 'a name too long by one', text: LONGEST + 'a', length: 0 },
  { it: 'a name too long by a label', text: LONGEST + '.a', length: 0 },
  { it: 'a star', text: '*.example', length: 0 },
  { it: 'a space', text: 'a b', length: 0 },
  { it: 'an escape', text: 'a\\.b', length: 0 },
  { it: 'a NUL', text: 'a\0b', length: 0 },
  { it: 'a U-label', text: 'bücher.example', length: -1 },
  { it: 'a U-label after 255 octets', text: LONGEST + '.ü', length: -1 }
] as const

for (const { it, text, length } of plain) {
  t.test(`reads ${it} from a list as ${length} octets`, async t => {
    const source = octets('..', Buffer.from(text), '..')
    const out = new Uint8Array(300).fill(0xee)
    t.equal(readPlainName(source, 2, source.length - 2, out, 10), length)
    if (length > 0) t.strictSame(out.slice(10, 10 + length), readName(text))
    t.ok(
      out.subarray(0, 10).every(octet => octet === 0xee),
      'nothing before'
    )
    t.ok(
      out.subarray(10 + 255).every(octet => octet === 0xee),
      'nothing behind 255 octets'
    )
  })
}

const anyName = fc
  .array(fc.uint8Array({ minLength: 1, maxLength: 63 }), { minLength: 1, maxLength: 8 })
  .map(labels => octets(...labels.map(label => [label.length, label]), 0))
  .filter(wire => wire.length <= 255)

t.test('every name shown is read back as the same name, lower-cased', async t => {
  fc.assert(
    fc.property(anyName, wire => {
      const shown = showName(wire)
      assert.match(shown, /^[!-~]+$/)
      assert.equal(showName(readName(shown)), shown)
      assert.equal(readName(shown).length, wire.length)
    }),
    runs(500)
  )
  t.pass()
})

t.test('any text is read as a name or rejected with a code', async t => {
  // Any code point: fast-check's own unit `binary` first builds a table of all of them, which takes a second.
  const unit = fc.oneof(fc.nat(0x7f), fc.nat(0x10ffff))
  const character = unit.map(code => String.fromCodePoint(code))
  fc.assert(
    fc.property(fc.string({ unit: character, maxLength: 40 }), text => {
      try {
        assert.ok(readName(text).length <= 255)
      } catch (error) {
        assert.equal((error as { code?: string }).code, 'NAME_INVALID')
      }
    }),
    runs(1000)
  )
  t.pass()
})

t.test('readPlainName agrees with readName or reads nothing', async t => {
  const out = new Uint8Array(255)
  const text = fc.string({
    unit: fc.constantFrom('a', 'Z', '0', '-', '_', '.', '.'),
    maxLength: 70
  })
  fc.assert(
    fc.property(text, text => {
      const length = readPlainName(Buffer.from(text), 0, text.length, out, 0)
      if (length > 0) assert.deepEqual(out.slice(0, length), readName(text))
      else if (text !== '.') assert.throws(() => readName(text))
    }),
    runs(1000)
  )
  t.pass()
})

t.test('any octets decode to a name or a coded error', async t => {
  const octet = fc.oneof(fc.constantFrom(0, 1, 2, 3, 0xc0), fc.integer({ min: 0, max: 255 }))
  fc.assert(
    fc.property(fc.array(octet, { maxLength: 60 }), fc.nat(20), (message, at) => {
      try {
        assert.ok(decodeName(Uint8Array.from(message), at).end <= message.length)
      } catch (error) {
        assert.match((error as { code?: string }).code ?? String(error), /^WIRE_/)
      }
    }),
    runs(3000)
  )
  t.pass()
})
